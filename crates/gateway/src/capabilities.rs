//! What a router lets a successor do once the holder of a port has died, learned by using it. Pure.

use serde::{Deserialize, Serialize};

use crate::lease::Lease;

/// How the port of a failed server becomes free on this router. Shown to the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouterClass {
    /// One server may delete another's mapping: a failed representative is replaced at once.
    Deletable,
    /// Nobody is known to be able to, but mappings end by themselves within the hour: wait for the
    /// lease.
    Leased,
    /// Its mappings stay, and nobody but their owner can delete them: somebody has to, in the
    /// router's own pages.
    Stuck,
    /// Not enough has been seen yet.
    #[default]
    Unknown,
}

/// Whether the router lets one server delete another's mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteRight {
    /// It was tried, and read back as gone.
    Granted,
    /// It was tried, and the mapping stayed.
    Refused,
    /// Nobody has tried.
    #[default]
    Untried,
}

/// A lease longer than this does not free a port in any time a person would wait (some routers make
/// one day or one week out of whatever they are asked for).
const WORTH_WAITING_FOR: u32 = 3_600;

/// What has been learned about one router. Start anew when the router changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterCapabilities {
    granted: Option<Lease>,
    delete: DeleteRight,
}

impl RouterCapabilities {
    /// A mapping was granted with this lease, as read back. The last one counts: a router's
    /// mappings can become permanent when it restarts.
    pub fn granted(&mut self, lease: Lease) {
        self.granted = Some(lease);
    }

    /// Another server's mapping was tried to be deleted, with this result as read back. The last
    /// one that showed anything counts: secure mode can be switched on and off.
    pub fn delete_tried(&mut self, right: DeleteRight) {
        if right != DeleteRight::Untried {
            self.delete = right;
        }
    }

    /// The class that follows. A router that both ends leases and allows deletes is *deletable*:
    /// that says how long people wait for a successor. (Who is deleted was silent when asked,
    /// and nobody refuted it: that is the rules' affair.)
    #[must_use]
    pub fn class(&self) -> RouterClass {
        let granted = self.granted.map(Lease::as_seconds);
        match (self.delete, granted) {
            (DeleteRight::Granted, _) => RouterClass::Deletable,
            (_, Some(1..=WORTH_WAITING_FOR)) => RouterClass::Leased,
            (DeleteRight::Refused, Some(_)) => RouterClass::Stuck,
            _ => RouterClass::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(granted: Option<u32>, delete: DeleteRight) -> RouterClass {
        let mut capabilities = RouterCapabilities::default();
        if let Some(seconds) = granted {
            capabilities.granted(Lease::from_seconds(seconds));
        }
        capabilities.delete_tried(delete);
        capabilities.class()
    }

    #[test]
    fn the_right_to_delete_makes_a_router_deletable_whatever_its_leases() {
        for lease in [None, Some(0), Some(30), Some(604_800)] {
            assert_eq!(class(lease, DeleteRight::Granted), RouterClass::Deletable);
        }
    }

    #[test]
    fn without_that_right_a_lease_of_an_hour_at_most_makes_it_leased() {
        for delete in [DeleteRight::Refused, DeleteRight::Untried] {
            assert_eq!(class(Some(30), delete), RouterClass::Leased);
            assert_eq!(class(Some(3_600), delete), RouterClass::Leased);
        }
    }

    #[test]
    fn without_it_a_permanent_or_week_long_lease_makes_it_stuck() {
        for lease in [0, 86_400, 604_800] {
            assert_eq!(class(Some(lease), DeleteRight::Refused), RouterClass::Stuck);
            assert_eq!(
                class(Some(lease), DeleteRight::Untried),
                RouterClass::Unknown
            );
        }
    }

    #[test]
    fn a_refused_delete_alone_does_not_make_a_router_stuck() {
        assert_eq!(class(None, DeleteRight::Refused), RouterClass::Unknown);
    }

    #[test]
    fn a_try_that_showed_nothing_takes_nothing_back() {
        let mut capabilities = RouterCapabilities::default();
        capabilities.delete_tried(DeleteRight::Granted);
        capabilities.delete_tried(DeleteRight::Untried);
        assert_eq!(capabilities.class(), RouterClass::Deletable);
        capabilities.delete_tried(DeleteRight::Refused);
        assert_eq!(capabilities.class(), RouterClass::Unknown);
    }

    #[test]
    fn the_names_of_the_classes_are_lower_case() {
        assert_eq!(
            serde_json::to_string(&RouterClass::Deletable).unwrap(),
            "\"deletable\""
        );
    }
}

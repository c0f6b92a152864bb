//! What a router lets a successor do once the holder of a port has died, learned by using it. Pure.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::entry::MappingEntry;
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
    /// It does not show its mappings, or not whose they are: that only one server has a port rests
    /// on its refusals alone.
    Unreadable,
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

/// What a router shows of a mapping that it has just made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Showing {
    /// Nothing was made yet.
    #[default]
    Untried,
    /// Whose it is.
    Owner,
    /// The mapping, and this in the place of its owner's address.
    Entry(ClientForm),
    /// No mapping at all: it looks as if the port were free.
    Nothing,
}

impl Showing {
    /// What it shows of a mapping of ours; `readable`: that it is ours could be read.
    #[must_use]
    pub fn of(entry: Option<&MappingEntry>, readable: bool) -> Self {
        match entry {
            _ if readable => Self::Owner,
            Some(entry) => Self::Entry(ClientForm::of(&entry.client)),
            None => Self::Nothing,
        }
    }

    /// Whether the router's "yes" is all that there is.
    #[must_use]
    pub fn is_unreadable(self) -> bool {
        matches!(self, Self::Entry(_) | Self::Nothing)
    }
}

/// What stands in an entry where the address of the device belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientForm {
    /// Its address; the port that the mapping leads to is missing.
    Address,
    /// The name by which the router knows the device.
    Name,
    /// A hardware address.
    Mac,
    /// No text at all.
    Empty,
}

impl ClientForm {
    /// Reads the text of an entry.
    #[must_use]
    pub fn of(client: &str) -> Self {
        let digits = client.chars().filter(char::is_ascii_hexdigit).count();
        let others = client.chars().filter(|c| !c.is_ascii_hexdigit());
        if client.is_empty() {
            Self::Empty
        } else if client.parse::<Ipv4Addr>().is_ok() {
            Self::Address
        } else if digits == 12 && others.clone().all(|c| matches!(c, ':' | '-' | '.')) {
            Self::Mac
        } else {
            Self::Name
        }
    }
}

/// A lease longer than this does not free a port in any time a person would wait (some routers make
/// one day or one week out of whatever they are asked for).
const WORTH_WAITING_FOR: u32 = 3_600;

/// What has been learned about one router. Start anew when the router changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterCapabilities {
    granted: Option<Granted>,
    delete: DeleteRight,
    showing: Showing,
}

/// A mapping that a router has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The lease that was wanted.
    pub asked: Lease,
    /// The one that it has, as read back.
    pub lease: Lease,
    /// What the router shows of it.
    pub showing: Showing,
}

impl RouterCapabilities {
    /// A mapping was granted. The last one counts: a router's mappings can become permanent when it
    /// restarts, and what it did not show it may show later.
    pub fn granted(&mut self, granted: Granted) {
        self.showing = granted.showing;
        self.granted = Some(granted);
    }

    /// The last mapping that was granted.
    #[must_use]
    pub fn last_grant(&self) -> Option<Granted> {
        self.granted
    }

    /// What is known of the right to delete others' mappings.
    #[must_use]
    pub fn delete_right(&self) -> DeleteRight {
        self.delete
    }

    /// What the router shows of its mappings.
    #[must_use]
    pub fn showing(&self) -> Showing {
        self.showing
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
        let granted = self.granted.map(|granted| granted.lease.as_seconds());
        match (self.delete, granted) {
            (DeleteRight::Granted, _) => RouterClass::Deletable,
            _ if self.showing.is_unreadable() => RouterClass::Unreadable,
            (_, Some(1..=WORTH_WAITING_FOR)) => RouterClass::Leased,
            (DeleteRight::Refused, Some(_)) => RouterClass::Stuck,
            _ => RouterClass::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted_for(seconds: u32, showing: Showing) -> Granted {
        Granted {
            asked: Lease::from_seconds(30),
            lease: Lease::from_seconds(seconds),
            showing,
        }
    }

    fn class(granted: Option<u32>, delete: DeleteRight) -> RouterClass {
        let mut capabilities = RouterCapabilities::default();
        if let Some(seconds) = granted {
            capabilities.granted(granted_for(seconds, Showing::Owner));
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
    fn a_router_is_unreadable_until_a_mapping_is_read_back_unless_deleting_works() {
        for showing in [Showing::Nothing, Showing::Entry(ClientForm::Mac)] {
            let mut capabilities = RouterCapabilities::default();
            for lease in [0, 30, 604_800] {
                capabilities.granted(granted_for(lease, showing));
                capabilities.delete_tried(DeleteRight::Refused);
                assert_eq!(capabilities.class(), RouterClass::Unreadable);
            }
            capabilities.delete_tried(DeleteRight::Granted);
            assert_eq!(capabilities.class(), RouterClass::Deletable);
            capabilities.delete_tried(DeleteRight::Refused);
            capabilities.granted(granted_for(30, Showing::Owner));
            assert_eq!(capabilities.class(), RouterClass::Leased);
        }
    }

    #[test]
    fn what_stands_in_the_place_of_an_address_is_told_apart() {
        for (text, form) in [
            ("", ClientForm::Empty),
            ("192.168.1.20", ClientForm::Address),
            ("02:00:7f:00:00:02", ClientForm::Mac),
            ("02-00-7F-00-00-02", ClientForm::Mac),
            ("0200.7f00.0002", ClientForm::Mac),
            ("camera-2.lan", ClientForm::Name),
            ("facade", ClientForm::Name),
        ] {
            assert_eq!(ClientForm::of(text), form, "{text}");
        }
    }

    #[test]
    fn the_names_of_the_classes_are_lower_case() {
        assert_eq!(
            serde_json::to_string(&RouterClass::Deletable).unwrap(),
            "\"deletable\""
        );
    }
}

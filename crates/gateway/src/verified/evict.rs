//! Deleting a failed server's mapping (¶71 step 60), once, and only that one.
//!
//! Some routers let anybody delete, some only the owner (secure mode), and the codes with which
//! they refuse differ (606, 714, or an OK after which nothing has happened). So the port is read
//! before, for whose it is, and after, for what became of it.

use std::net::{Ipv4Addr, SocketAddrV4};

use porthole_types::ExternalPort;

use super::clock::{now, seconds_since};
use super::holder::{Holder, holder};
use crate::capabilities::DeleteRight;
use crate::entry::MappingEntry;
use crate::error::Error;
use crate::gateway::Gateway;

/// How evicting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The port is free, or ours; and whether this delete did it.
    Gone(DeleteRight),
    /// The mapping is still there.
    Irremovable {
        /// As read back.
        entry: MappingEntry,
        /// What the router said; nothing where it said yes.
        refusal: Option<Error>,
    },
    /// The port is another device's, or its owner has just asked for it again; nothing more is
    /// known where the router hides the entry from us.
    Theirs(Option<MappingEntry>),
}

impl Eviction {
    /// What it showed about the right to delete others' mappings.
    #[must_use]
    pub fn right(&self) -> DeleteRight {
        match self {
            Self::Gone(right) => *right,
            Self::Irremovable { .. } => DeleteRight::Refused,
            Self::Theirs(_) => DeleteRight::Untried,
        }
    }
}

/// Delete the mapping of a port if it leads to the device at `from`, and to no other: read right
/// before, so that the window for somebody else's is one request long. Tried once.
/// (`DeletePortMappingRange` is never used: some routers forget to ask there whose a mapping is.)
///
/// # Errors
/// When the router cannot be asked; the mapping may be there or not.
pub async fn evict(
    gateway: &dyn Gateway,
    port: ExternalPort,
    from: Ipv4Addr,
    ours: SocketAddrV4,
) -> Result<Eviction, Error> {
    let led_to_from = |entry: &MappingEntry| entry.client_address() == Some(from);
    let read_at = now();
    let old = match holder(gateway, port, ours).await? {
        Holder::Free | Holder::Ours(_) => return Ok(Eviction::Gone(DeleteRight::Untried)),
        Holder::Theirs(Some(entry)) if led_to_from(&entry) => entry,
        Holder::Theirs(entry) => return Ok(Eviction::Theirs(entry)),
        // Nobody can say that it is the failed server's.
        Holder::Unclear(entry) => return Ok(Eviction::Theirs(Some(entry))),
    };
    let refusal = gateway.delete(port).await.err();
    let after = match holder(gateway, port, ours).await {
        Ok(after) => after,
        Err(error) => return Err(refusal.unwrap_or(error)),
    };
    let lease = |entry: &MappingEntry| entry.lease_seconds.unwrap_or(0);
    match after {
        Holder::Free | Holder::Ours(_) => {
            // A lease that was about to end anyway says nothing of the right to delete, nor does a
            // refusal.
            let ended = (1..=seconds_since(read_at) + 1).contains(&lease(&old));
            Ok(Eviction::Gone(match refusal {
                None if !ended => DeleteRight::Granted,
                _ => DeleteRight::Untried,
            }))
        }
        // A lease only falls until somebody renews it: the owner lives.
        Holder::Theirs(Some(entry)) if led_to_from(&entry) && lease(&entry) <= lease(&old) => {
            Ok(Eviction::Irremovable { entry, refusal })
        }
        Holder::Theirs(entry) => Ok(Eviction::Theirs(entry)),
        Holder::Unclear(entry) => Ok(Eviction::Theirs(Some(entry))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use porthole_sim_router::{DeleteConduct, Fault, Quirks, Visibility};

    use super::super::fake::{
        FakeGateway, entry_of, port, quirks, refused, stored, them, third, us,
    };
    use super::*;
    use crate::action::Action;

    async fn evict_them(router: &FakeGateway) -> Result<Eviction, Error> {
        evict(router, port(), *them().ip(), us()).await
    }

    /// A router with the mapping of another server, which treats a request to delete like this.
    fn dead(deletes: DeleteConduct<Duration>, lease: u32) -> FakeGateway {
        FakeGateway::deleting(deletes).holding(them(), lease)
    }

    #[tokio::test]
    async fn the_previous_holders_mapping_is_deleted_once_and_read_back() {
        for lease in [0, 25] {
            let router = dead(DeleteConduct::Honest, lease);
            assert_eq!(
                evict_them(&router).await,
                Ok(Eviction::Gone(DeleteRight::Granted))
            );
            assert_eq!(router.log(), ["entry", "delete", "entry"]);
        }
    }

    #[tokio::test]
    async fn nobody_elses_mapping_is_ever_deleted() {
        for (holder, hides) in [(third(), false), (them(), true)] {
            let visibility = if hides {
                Visibility::OwnOnly
            } else {
                Visibility::All
            };
            let router = FakeGateway::new(Quirks {
                visibility,
                ..quirks()
            })
            .holding(holder, 25);
            let seen = (!hides).then(|| entry_of(holder, 25));
            assert_eq!(evict_them(&router).await, Ok(Eviction::Theirs(seen)));
            assert_eq!(router.log(), ["entry"]);
        }
    }

    #[tokio::test]
    async fn a_port_that_is_free_or_ours_needs_no_delete() {
        for router in [
            FakeGateway::default(),
            FakeGateway::default().holding(us(), 25),
        ] {
            assert_eq!(
                evict_them(&router).await,
                Ok(Eviction::Gone(DeleteRight::Untried))
            );
            assert_eq!(router.log(), ["entry"]);
        }
    }

    #[tokio::test]
    async fn a_mapping_that_stays_is_irremovable_whatever_the_router_says() {
        for (deletes, code) in [
            (DeleteConduct::Refuse(Fault::NotAuthorized), Some(606)),
            (DeleteConduct::Refuse(Fault::NoSuchEntry), Some(714)),
            (DeleteConduct::Forget, None),
        ] {
            let router = dead(deletes, 0);
            let eviction = evict_them(&router).await.unwrap();
            assert_eq!(eviction.right(), DeleteRight::Refused);
            assert_eq!(
                eviction,
                Eviction::Irremovable {
                    entry: entry_of(them(), 0),
                    refusal: code.map(|code| refused(Action::DeletePortMapping, code)),
                }
            );
            assert_eq!(router.log(), ["entry", "delete", "entry"]);
        }
    }

    #[tokio::test]
    async fn an_owner_that_asks_for_the_port_again_is_not_dead() {
        let router = dead(DeleteConduct::Overtaken(stored(them(), 30)), 25);
        let renewed = entry_of(them(), 30);
        assert_eq!(
            evict_them(&router).await,
            Ok(Eviction::Theirs(Some(renewed)))
        );
    }

    #[tokio::test]
    async fn a_third_device_that_was_quicker_keeps_the_port() {
        let router = dead(DeleteConduct::Overtaken(stored(third(), 30)), 25);
        let eviction = evict_them(&router).await.unwrap();
        assert_eq!(eviction, Eviction::Theirs(Some(entry_of(third(), 30))));
        assert_eq!(eviction.right(), DeleteRight::Untried);
    }

    #[tokio::test]
    async fn a_lease_that_ended_by_itself_says_nothing_of_the_right_to_delete() {
        for router in [
            dead(DeleteConduct::DeleteButRefuse(Fault::NoSuchEntry), 25),
            dead(DeleteConduct::Honest, 1),
        ] {
            assert_eq!(
                evict_them(&router).await,
                Ok(Eviction::Gone(DeleteRight::Untried))
            );
        }
    }
}

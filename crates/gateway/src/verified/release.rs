//! Giving a port back.

use std::net::SocketAddrV4;

use porthole_types::ExternalPort;

use super::holder::{Holder, holder, holder_looked_up};
use super::learned::{Described, Learned};
use crate::description::Description;
use crate::error::Error;
use crate::gateway::Gateway;

/// `NoSuchEntryInArray` (WANIPConnection:2, section 2.5.17).
const NO_SUCH_ENTRY: u16 = 714;

/// `ActionNotAuthorized` (UPnP Device Architecture, table 3-3).
const NOT_AUTHORIZED: u16 = 606;

/// How releasing a port ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing of ours is there any more, or was.
    Released,
    /// The port is another device's; it was left alone.
    NotOurs,
    /// Our mapping is still there; with the refusal, where there was one.
    StillThere(Option<Error>),
}

/// A mapping that may be ours.
#[derive(Clone, Copy, Debug)]
pub struct Released<'a> {
    /// The router's port.
    pub port: ExternalPort,
    /// Where ours leads.
    pub internal: SocketAddrV4,
    /// What ours is described as.
    pub description: &'a Description,
}

/// Give a port back. Only our own mapping is deleted, also one that the router made lead elsewhere.
/// On a router that does not show whose it is, or shows nothing, that is the one that this server
/// asked for: call it for no other.
///
/// # Errors
/// When the router cannot be asked; the mapping may be there or not.
pub async fn release(
    gateway: &dyn Gateway,
    mapping: Released<'_>,
    learned: &mut Learned,
) -> Result<Release, Error> {
    let Released {
        port,
        internal,
        description,
    } = mapping;
    learned.uses_name(description);
    match holder_looked_up(gateway, port, internal, &mut learned.reading).await? {
        Holder::Free if learned.reading.shows_what_it_has() => return Ok(Release::Released),
        Holder::Theirs(Some(entry)) if learned.is_made_otherwise(&entry, internal) => {}
        Holder::Theirs(_) => return Ok(Release::NotOurs),
        Holder::Unclear(entry) if learned.described(&entry) == Described::AsAnother => {
            return Ok(Release::NotOurs);
        }
        Holder::Free | Holder::Ours(_) | Holder::Unclear(_) => {}
    }
    let refusal = gateway.delete(port).await.err();
    match holder(gateway, port, internal).await {
        Ok(Holder::Ours(_)) => Ok(Release::StillThere(refusal)),
        Ok(Holder::Theirs(Some(entry))) if learned.is_made_otherwise(&entry, internal) => {
            Ok(Release::StillThere(refusal))
        }
        Ok(Holder::Unclear(entry)) => match (learned.described(&entry), &refusal) {
            // Our own we may delete: these are said of others'.
            (Described::Otherwise, Some(why))
                if matches!(why.refusal(), Some(NOT_AUTHORIZED | NO_SUCH_ENTRY)) =>
            {
                Ok(Release::NotOurs)
            }
            (Described::AsAnother, _) => Ok(Release::Released),
            (Described::AsOurs | Described::Otherwise, _) => Ok(Release::StillThere(refusal)),
        },
        Ok(Holder::Free) if !learned.reading.shows_what_it_has() => match refusal {
            Some(error) if error.refusal().is_none() => Err(error),
            Some(error) if error.refusal() != Some(NO_SUCH_ENTRY) => Ok(Release::NotOurs),
            Some(_) | None => Ok(Release::Released),
        },
        // Free, or somebody else was quick: not ours any more either way.
        Ok(Holder::Free | Holder::Theirs(_)) => Ok(Release::Released),
        Err(error) => Err(refusal.unwrap_or(error)),
    }
}

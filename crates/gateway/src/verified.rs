//! Writing to a router and believing only what is read back: the router is the judge.
//!
//! A router may say yes and store nothing, say yes and overwrite another's mapping, or say no with
//! any of half a dozen codes. So: read, write, read again, and decide by the second reading. "Ours"
//! is an entry that forwards to our own address and port; its description does not matter.

use std::net::SocketAddrV4;
use std::time::Instant;

use porthole_types::ExternalPort;

use super::{Entry, Error, Gateway, Lease, LeaseFallback, MappingRequest};

pub use evict::{Eviction, evict};
pub use reword::{Wording, secure_worded};

mod evict;
mod reword;

/// Who holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Free,
    /// This server.
    Ours(Entry),
    /// Another device; nothing more is known where the router hides the entry from us.
    Theirs(Option<Entry>),
}

/// A mapping that was read back as ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The lease that the router gave, which may not be the one asked for.
    pub granted: Lease,
    /// When the request that won it was about to be sent. Deadlines count from here: the router's
    /// own clock for the lease cannot have started earlier.
    pub sent_at: Instant,
    /// What it was before.
    pub before: Before,
    /// The entry as read back; `lease_seconds` is what remains, where the router counts down.
    pub entry: Entry,
}

/// What a port was before we asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Free: this is a new mapping, or the router had lost it.
    Free,
    /// Already ours: this was a renewal.
    Ours,
}

/// How asking for a port ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The port is mapped to us, as read back.
    Ours(Grant),
    /// Another device has it; nothing more is known where the router hides the entry from us. If we
    /// had it before, it is lost.
    Theirs(Option<Entry>),
    /// The port is free, and the router refused with 728: its table is full.
    NoRoom(Error),
}

/// `NoPortMapsAvailable` (WANIPConnection:2, section 2.5.16).
const TABLE_FULL: u16 = 728;

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

/// Who holds this port now: what re-adopting after a restart, and checking again later, rest on.
///
/// # Errors
/// When the router cannot be asked, or its answer cannot be read.
pub async fn holder(
    gateway: &dyn Gateway,
    port: ExternalPort,
    ours: SocketAddrV4,
) -> Result<Holder, Error> {
    match gateway.entry(port).await {
        Ok(None) => Ok(Holder::Free),
        Ok(Some(entry)) if entry.points_to(ours) => Ok(Holder::Ours(entry)),
        Ok(Some(entry)) => Ok(Holder::Theirs(Some(entry))),
        // "Not for you": somebody's, and the router does not say whose (WANIPConnection:2, section
        // 2.3.1).
        Err(error) if error.refusal() == Some(606) => Ok(Holder::Theirs(None)),
        Err(error) => Err(error),
    }
}

/// Ask for a port, or renew it: the same, because a renewal may find the mapping lost and may find
/// it taken.
///
/// Another device's mapping that can be seen is never written over. The ladder is climbed down
/// while the router objects to the lease, and learns what it took.
///
/// # Errors
/// When the router cannot be asked or read, refuses for another reason than the port being taken,
/// or says yes and keeps nothing ([`Error::NotStored`]), or keeps it out of force
/// ([`Error::SwitchedOff`]). A mapping that we had may still be there then, with what was left of
/// its lease.
pub async fn secure(
    gateway: &dyn Gateway,
    request: &MappingRequest,
    lease_fallback: &mut LeaseFallback,
) -> Result<Outcome, Error> {
    let port = request.external;
    let read_at = now();
    // A hidden entry is asked for all the same: where entries are hidden, the router also refuses
    // to overwrite them.
    let (before, old) = match holder(gateway, port, request.internal).await? {
        Holder::Theirs(Some(entry)) => return Ok(Outcome::Theirs(Some(entry))),
        Holder::Theirs(None) | Holder::Free => (Before::Free, None),
        Holder::Ours(entry) => (Before::Ours, Some(entry)),
    };
    let mut asked = MappingRequest {
        lease: lease_fallback.first(request.lease),
        ..request.clone()
    };
    if asked.lease == Lease::Permanent
        && let Some(entry) = old
        && entry.enabled
        && entry.lease() == Some(Lease::Permanent)
    {
        // Nothing to renew; some routers write their flash on every request.
        return Ok(Outcome::Ours(Grant {
            granted: Lease::Permanent,
            // It was ours when it was read, which may be a while ago.
            sent_at: read_at,
            before,
            entry,
        }));
    }
    let (sent_at, refusal) = loop {
        let sent_at = now();
        match gateway.add(&asked).await {
            Ok(()) => break (sent_at, None),
            Err(error) => {
                let next = error
                    .refusal()
                    .and_then(|code| lease_fallback.after(asked.lease, code));
                match next {
                    Some(lease) => asked.lease = lease,
                    None => break (sent_at, Some(error)),
                }
            }
        }
    };
    let after = match holder(gateway, port, request.internal).await {
        Ok(after) => after,
        // Why it was refused says more than why it could not be looked up afterwards.
        Err(error) => return Err(refusal.unwrap_or(error)),
    };
    match (after, refusal, before) {
        (Holder::Free, Some(error), _) if error.refusal() == Some(TABLE_FULL) => {
            Ok(Outcome::NoRoom(error))
        }
        // A failed renewal: the entry is there, but not because of this request.
        (Holder::Ours(_) | Holder::Free, Some(error), Before::Ours)
        | (Holder::Free, Some(error), Before::Free) => Err(error),
        (Holder::Ours(entry), _, _) if !entry.enabled => Err(Error::SwitchedOff { port }),
        // With or without a refusal: it is there, and it was not before.
        (Holder::Ours(entry), _, _) => {
            lease_fallback.took(request.lease, asked.lease);
            Ok(Outcome::Ours(Grant {
                granted: granted(asked.lease, entry.lease(), seconds_since(sent_at)),
                sent_at,
                before,
                entry,
            }))
        }
        (Holder::Theirs(entry), _, _) => Ok(Outcome::Theirs(entry)),
        (Holder::Free, None, _) => Err(Error::NotStored { port }),
    }
}

/// Give a port back. Only our own mapping is deleted.
///
/// # Errors
/// When the router cannot be asked; the mapping may be there or not.
pub async fn release(
    gateway: &dyn Gateway,
    port: ExternalPort,
    ours: SocketAddrV4,
) -> Result<Release, Error> {
    match holder(gateway, port, ours).await? {
        Holder::Free => return Ok(Release::Released),
        Holder::Theirs(_) => return Ok(Release::NotOurs),
        Holder::Ours(_) => {}
    }
    let refusal = gateway.delete(port).await.err();
    match holder(gateway, port, ours).await {
        Ok(Holder::Ours(_)) => Ok(Release::StillThere(refusal)),
        // Free, or somebody else was quick: not ours any more either way.
        Ok(Holder::Free | Holder::Theirs(_)) => Ok(Release::Released),
        Err(error) => Err(refusal.unwrap_or(error)),
    }
}

/// What lease was granted, from what was asked and what was read back so many seconds after. A
/// router that counts down shows a little less than it granted.
fn granted(asked: Lease, read: Option<Lease>, elapsed: u32) -> Lease {
    match (asked, read) {
        (_, None) => asked,
        (Lease::Seconds(asked_s), Some(Lease::Seconds(read_s))) => {
            let missing = asked_s.get().checked_sub(read_s.get());
            // One more second, for clocks that count in whole ones.
            match missing {
                Some(missing) if missing <= elapsed.saturating_add(1) => asked,
                _ => Lease::Seconds(read_s),
            }
        }
        (_, Some(read)) => read,
    }
}

/// The runtime's clock, so that tests can hold it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Whole seconds that have passed since then: rounding up would take a lease cut short by 2 s for a
/// slow answer.
fn seconds_since(then: Instant) -> u32 {
    u32::try_from(now().saturating_duration_since(then).as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

//! Asking for a port, and renewing it.

use std::time::Instant;

use super::clock::{now, seconds_since};
use super::holder::{Holder, holder};
use crate::entry::MappingEntry;
use crate::error::Error;
use crate::gateway::{Gateway, MappingRequest};
use crate::lease::Lease;
use crate::lease_fallback::LeaseFallback;

/// `NoPortMapsAvailable` (WANIPConnection:2, section 2.5.16).
const TABLE_FULL: u16 = 728;

/// A mapping that was read back as ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The lease that the router gave, which may not be the one asked for.
    pub granted: Lease,
    /// When the request that won it was about to be sent. Deadlines count from here: the router's
    /// own clock for the lease cannot have started earlier.
    pub sent_at: Instant,
    /// What it was before.
    pub before: PriorMapping,
    /// The entry as read back; `lease_seconds` is what remains, where the router counts down.
    pub entry: MappingEntry,
}

/// What a port was before we asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorMapping {
    /// Free: this is a new mapping, or the router had lost it.
    Free,
    /// Already ours: this was a renewal.
    Ours,
}

/// How asking for a port ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecureOutcome {
    /// The port is mapped to us, as read back.
    Ours(Grant),
    /// Another device has it; nothing more is known where the router hides the entry from us. If we
    /// had it before, it is lost.
    Theirs(Option<MappingEntry>),
    /// The port is free, and the router refused with 728: its table is full.
    NoRoom(Error),
}

/// Ask for a port, or renew it: the same, because a renewal may find the mapping lost and may find
/// it taken.
///
/// Another device's mapping that can be seen is never written over. While the router objects to
/// the lease the next one is asked for (`lease_fallback`), and what it took is remembered.
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
) -> Result<SecureOutcome, Error> {
    let port = request.external;
    let read_at = now();
    // A hidden entry is asked for all the same: where entries are hidden, the router also refuses
    // to overwrite them.
    let (before, old) = match holder(gateway, port, request.internal).await? {
        Holder::Theirs(Some(entry)) => return Ok(SecureOutcome::Theirs(Some(entry))),
        Holder::Theirs(None) | Holder::Free => (PriorMapping::Free, None),
        Holder::Ours(entry) => (PriorMapping::Ours, Some(entry)),
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
        return Ok(SecureOutcome::Ours(Grant {
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
            Ok(SecureOutcome::NoRoom(error))
        }
        // A failed renewal: the entry is there, but not because of this request.
        (Holder::Ours(_) | Holder::Free, Some(error), PriorMapping::Ours)
        | (Holder::Free, Some(error), PriorMapping::Free) => Err(error),
        (Holder::Ours(entry), _, _) if !entry.enabled => Err(Error::SwitchedOff { port }),
        // With or without a refusal: it is there, and it was not before.
        (Holder::Ours(entry), _, _) => {
            lease_fallback.took(request.lease, asked.lease);
            Ok(SecureOutcome::Ours(Grant {
                granted: granted(asked.lease, entry.lease(), seconds_since(sent_at)),
                sent_at,
                before,
                entry,
            }))
        }
        (Holder::Theirs(entry), _, _) => Ok(SecureOutcome::Theirs(entry)),
        (Holder::Free, None, _) => Err(Error::NotStored { port }),
    }
}

/// What lease was granted, from what was asked and what was read back so many seconds after. A
/// router that counts down shows a little less than it granted.
pub(super) fn granted(asked: Lease, read: Option<Lease>, elapsed: u32) -> Lease {
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

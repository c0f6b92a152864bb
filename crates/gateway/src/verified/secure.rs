//! Asking for a port, and renewing it.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::clock::{now, seconds_since};
use super::holder::{Holder, holder, holder_looked_up};
use super::learned::{Described, Learned};
use super::lease_display::LeaseDisplay;
use crate::entry::MappingEntry;
use crate::error::Error;
use crate::gateway::{Gateway, MappingRequest};
use crate::lease::Lease;
use porthole_types::ExternalPort;

/// `NoPortMapsAvailable` (WANIPConnection:2, section 2.5.16).
const TABLE_FULL: u16 = 728;

/// A mapping that is ours, as far as the router says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The lease that the router was asked for first: longer than the caller's where it is slow to
    /// answer.
    pub wanted: Lease,
    /// The lease that it was asked for last: another one where it does not take that.
    pub asked: Lease,
    /// The lease that the router gave, which may not be the one asked for.
    pub granted: Lease,
    /// Deadlines count from here, the router's own clock for the lease cannot have started
    /// earlier: when the request that won it was about to be sent, or the port was seen
    /// without it; or when what is left of it was asked for.
    pub sent_at: Instant,
    /// What it was before.
    pub before: PriorMapping,
    /// The entry as read back; `lease_seconds` is what remains, where the router counts down.
    /// Nothing where the router shows nothing.
    pub entry: Option<MappingEntry>,
    /// What that it is ours rests on.
    pub evidence: Evidence,
    /// What became of its lease.
    pub renewal: Renewal,
}

/// What a port was before we asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorMapping {
    /// Free, as far as the router shows: this is a new mapping, or the router had lost it.
    Free,
    /// Already ours: this was a renewal.
    Ours,
}

/// Whether this server may have had the port before it asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It has never asked for it: what stands there is another's.
    First,
    /// It has, and has not seen its mapping gone.
    Again,
}

/// What it rests on that a mapping is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The entry leads to our address and port.
    ReadBack,
    /// The router said yes, and shows nothing, or not whose it is.
    Answer,
}

/// What a renewal did to the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// There was none to be renewed.
    New,
    /// It runs anew.
    Extended,
    /// Nothing: the entry shows what was left of it.
    Unchanged,
    /// It had nearly all of it left, or none, so that nobody can say.
    Untold,
}

/// What a router shows on a port that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing, and it shows what is on other ports.
    Nobody,
    /// Our own mapping.
    Ours,
    /// Nothing, as on every port, or an entry that may be anybody's.
    Nothing,
}

/// How asking for a port ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecureOutcome {
    /// The port is mapped to us.
    Ours(Grant),
    /// Another device has it; nothing more is known where the router hides the entry from us. If we
    /// had it before, it is lost.
    Theirs(Option<MappingEntry>),
    /// The router refused, and shows nobody else there.
    Refused {
        /// What it said.
        why: Error,
        /// What it shows.
        shown: Shown,
    },
    /// The port is free, and the router refused with 728: its table is full.
    NoRoom(Error),
    /// It could not even be looked at, so nothing was asked for.
    NotAsked(Error),
}

/// Ask for a port, or renew it: the same, because a renewal may find the mapping lost and may find
/// it taken.
///
/// Another device's mapping that can be seen is never written over, nor one of which nobody can say
/// whose it is on a port that was never asked for. While the router objects to the lease the next
/// one is asked for (`lease_fallback`), and what it took is remembered.
///
/// # Errors
/// When the router does not answer or cannot be read after it was asked, or says yes and keeps
/// nothing ([`Error::NotStored`]), or makes it lead elsewhere ([`Error::MadeOtherwise`]: that is
/// taken away again), or keeps it out of force ([`Error::SwitchedOff`]). A mapping
/// that we had may still be there then, with what was left of its lease.
pub async fn secure(
    gateway: &dyn Gateway,
    request: &MappingRequest,
    asked_before: Asked,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let port = request.external;
    let read_at = now();
    learned.uses_name(&request.description);
    // What may be ours is looked for twice: whether it is decides whose it was all the time.
    let looked = match asked_before {
        Asked::First => holder(gateway, port, request.internal).await,
        Asked::Again => {
            holder_looked_up(gateway, port, request.internal, &mut learned.reading).await
        }
    };
    let seen = match looked {
        Ok(seen) => seen,
        Err(why) => return Ok(SecureOutcome::NotAsked(why)),
    };
    seen.teach(&mut learned.reading);
    // A hidden entry is asked for all the same: where entries are hidden, the router also refuses
    // to overwrite them.
    let before = match seen {
        Holder::Theirs(Some(entry))
            if asked_before == Asked::Again
                && learned.is_made_otherwise(&entry, request.internal) =>
        {
            delete_made_otherwise(gateway, port, &entry).await?;
            Before::Free
        }
        Holder::Theirs(Some(entry)) => return Ok(SecureOutcome::Theirs(Some(entry))),
        Holder::Unclear(entry) if !may_be_ours(&entry, asked_before, learned) => {
            return Ok(SecureOutcome::Theirs(Some(entry)));
        }
        Holder::Theirs(None) | Holder::Free => Before::Free,
        Holder::Ours(entry) => Before::Ours(entry),
        Holder::Unclear(entry) => Before::Unclear(entry),
    };
    if learned.lease_fallback.first(request.lease) == Lease::Permanent
        && let Before::Ours(entry) = &before
        && entry.enabled
        && entry.lease() == Some(Lease::Permanent)
    {
        // Nothing to renew; some routers write their flash on every request.
        return Ok(SecureOutcome::Ours(Grant {
            wanted: Lease::Permanent,
            asked: Lease::Permanent,
            granted: Lease::Permanent,
            // It was ours when it was read, which may be a while ago.
            sent_at: read_at,
            before: PriorMapping::Ours,
            entry: Some(entry.clone()),
            evidence: Evidence::ReadBack,
            renewal: Renewal::Extended,
        }));
    }
    write(gateway, request, read_at, before, learned).await
}

/// Ask for what was looked at, and read it back.
pub(super) async fn write(
    gateway: &dyn Gateway,
    request: &MappingRequest,
    read_at: Instant,
    before: Before,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let port = request.external;
    let wanted = outlasting(request.lease, now().saturating_duration_since(read_at));
    let mut asked = MappingRequest {
        lease: learned.lease_fallback.first(wanted),
        ..request.clone()
    };
    let last_granted = learned.leases.asked(port);
    let (sent_at, refusal) = loop {
        let sent_at = now();
        match gateway.add(&asked).await {
            Ok(()) => break (sent_at, None),
            Err(error) => {
                let next = error
                    .refusal()
                    .and_then(|code| learned.lease_fallback.after(asked.lease, code));
                match next {
                    Some(lease) => asked.lease = lease,
                    None => break (sent_at, Some(error)),
                }
            }
        }
    };
    let looked_at = now();
    let after = match holder_looked_up(gateway, port, request.internal, &mut learned.reading).await
    {
        Ok(after) => after,
        // Why it was refused says more than why it could not be looked up afterwards.
        Err(error) => return Err(refusal.unwrap_or(error)),
    };
    if let (Holder::Theirs(Some(entry)), Before::Free, None) = (&after, &before, &refusal)
        && learned.notices_made_otherwise(entry, request.internal)
    {
        delete_made_otherwise(gateway, port, entry).await?;
        return Err(made_otherwise(port, entry));
    }
    let written = Written {
        wanted,
        asked,
        last_granted,
        read_at,
        sent_at,
        looked_at,
        before,
    };
    match refusal {
        None => granted_or_lost(request, written, after, learned),
        Some(why) => refused_or_stored(request, written, after, why, learned),
    }
}

/// A lease that is longer than its renewals take on a router that is so slow to answer: each is
/// three answers, and one of them may fail.
fn outlasting(lease: Lease, answer: Duration) -> Lease {
    /// Quicker ones need no more than was asked for.
    const SLOW: Duration = Duration::from_secs(2);
    const ANSWERS: u32 = 12;
    let Lease::Seconds(seconds) = lease else {
        return lease;
    };
    if answer < SLOW {
        return lease;
    }
    let enough = u32::try_from(answer.as_secs() + 1).unwrap_or(u32::MAX);
    Lease::from_seconds(seconds.get().max(enough.saturating_mul(ANSWERS)))
}

/// What stood on the port before it was asked for.
pub(super) enum Before {
    Free,
    Ours(MappingEntry),
    Unclear(MappingEntry),
}

/// Takes away what the router has made otherwise than it was asked to: it opens what nobody wanted
/// opened.
///
/// # Errors
/// [`Error::MadeOtherwise`] when the router does not take it away.
async fn delete_made_otherwise(
    gateway: &dyn Gateway,
    port: ExternalPort,
    entry: &MappingEntry,
) -> Result<(), Error> {
    let deleted = gateway.delete(port).await;
    deleted.map_err(|_| made_otherwise(port, entry))
}

fn made_otherwise(port: ExternalPort, entry: &MappingEntry) -> Error {
    Error::MadeOtherwise {
        port,
        client: entry.client.clone(),
        internal: entry
            .internal
            .map(|port| format!(":{port}"))
            .unwrap_or_default(),
    }
}

/// A request that was written.
struct Written {
    /// The lease that was asked for first.
    wanted: Lease,
    asked: MappingRequest,
    /// When the router granted it the time before.
    last_granted: Option<Instant>,
    /// When it was about to be read what stood there before.
    read_at: Instant,
    sent_at: Instant,
    /// When it was about to be read back.
    looked_at: Instant,
    before: Before,
}

/// Whether an entry of which the router does not say whose it is may be ours.
pub(super) fn may_be_ours(entry: &MappingEntry, asked: Asked, learned: &Learned) -> bool {
    asked == Asked::Again && learned.described(entry) != Described::AsAnother
}

/// The router has said yes.
fn granted_or_lost(
    request: &MappingRequest,
    written: Written,
    after: Holder,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let (evidence, entry) = match after {
        Holder::Theirs(entry) => return Ok(SecureOutcome::Theirs(entry)),
        Holder::Unclear(entry) if learned.described(&entry) == Described::AsAnother => {
            return Ok(SecureOutcome::Theirs(Some(entry)));
        }
        Holder::Free if !learned.reading.yes_and_nothing() => {
            return Err(Error::NotStored {
                port: request.external,
            });
        }
        Holder::Free => (Evidence::Answer, None),
        Holder::Unclear(entry) => (Evidence::Answer, Some(entry)),
        Holder::Ours(entry) => (Evidence::ReadBack, Some(entry)),
    };
    grant(request, written, evidence, entry, learned)
}

/// The router has refused, or its answer was lost.
fn refused_or_stored(
    request: &MappingRequest,
    written: Written,
    after: Holder,
    why: Error,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let is_refusal = why.refusal().is_some();
    let shown = match (after, &written.before) {
        (Holder::Theirs(entry), _) => return Ok(SecureOutcome::Theirs(entry)),
        (Holder::Free, Before::Free) if why.refusal() == Some(TABLE_FULL) => {
            return Ok(SecureOutcome::NoRoom(why));
        }
        // It is there, and it was not before: by this request or an earlier one that came late.
        (Holder::Ours(entry), Before::Free | Before::Unclear(_)) => {
            return grant(request, written, Evidence::ReadBack, Some(entry), learned);
        }
        // Nothing was there before. Unless the router has refused, it may be what was asked for.
        (Holder::Unclear(_), Before::Free | Before::Ours(_)) if !is_refusal => return Err(why),
        (Holder::Unclear(entry), Before::Free | Before::Ours(_)) => {
            return Ok(SecureOutcome::Theirs(Some(entry)));
        }
        // A failed renewal: the entry is there, but not because of this request.
        (Holder::Ours(_), Before::Ours(_)) => Shown::Ours,
        (Holder::Unclear(entry), Before::Unclear(_)) => match learned.described(&entry) {
            Described::AsOurs => Shown::Ours,
            Described::AsAnother => return Ok(SecureOutcome::Theirs(Some(entry))),
            Described::Otherwise => Shown::Nothing,
        },
        (Holder::Free, _) if learned.reading.shows_what_it_has() => Shown::Nobody,
        (Holder::Free, _) => Shown::Nothing,
    };
    if is_refusal {
        Ok(SecureOutcome::Refused { why, shown })
    } else {
        Err(why)
    }
}

fn grant(
    request: &MappingRequest,
    written: Written,
    evidence: Evidence,
    entry: Option<MappingEntry>,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let Written {
        wanted,
        asked,
        last_granted,
        read_at,
        sent_at,
        looked_at,
        before,
    } = written;
    if entry.as_ref().is_some_and(|entry| !entry.enabled) {
        return Err(Error::SwitchedOff {
            port: request.external,
        });
    }
    learned.lease_fallback.took(wanted, asked.lease);
    let read = entry.as_ref().and_then(MappingEntry::lease);
    let (before, old) = match before {
        Before::Free => (PriorMapping::Free, None),
        Before::Ours(old) => (PriorMapping::Ours, old.lease()),
        Before::Unclear(old) => (PriorMapping::Free, old.lease()),
    };
    let granted = granted(asked.lease, read, seconds_since(sent_at));
    let readings = Readings {
        old,
        apart: seconds_since(read_at),
        new: read,
        display: learned
            .leases
            .display(last_granted, old, asked.lease, sent_at),
    };
    let (granted, renewal) = renewed(&readings, granted, asked.lease);
    let sent_at = match renewal {
        // Perhaps by an earlier request that came late: but not before the port was seen free.
        Renewal::New => read_at,
        // What is left was left when it was looked at.
        Renewal::Unchanged => looked_at,
        Renewal::Extended | Renewal::Untold => sent_at,
    };
    learned
        .leases
        .granted(request.external, sent_at, asked.lease, read);
    Ok(SecureOutcome::Ours(Grant {
        wanted,
        asked: asked.lease,
        granted,
        sent_at,
        before,
        entry,
        evidence,
        renewal,
    }))
}

/// A lease before and after it was renewed, as the router shows it.
struct Readings {
    old: Option<Lease>,
    /// Seconds between the two.
    apart: u32,
    new: Option<Lease>,
    display: LeaseDisplay,
}

/// What a renewal did to a lease, and the lease that can be counted on: what is left where nothing
/// was done, less the second to which routers round up.
fn renewed(readings: &Readings, granted: Lease, asked: Lease) -> (Lease, Renewal) {
    let Some(Lease::Seconds(old)) = readings.old else {
        return (granted, Renewal::New);
    };
    let Some(Lease::Seconds(new)) = readings.new else {
        return (granted, Renewal::Extended);
    };
    let full = Lease::Seconds(new) == asked && readings.display == LeaseDisplay::Granted;
    if full || granted == Lease::Permanent {
        return (granted, Renewal::Extended);
    }
    let left = Lease::Seconds(NonZeroU32::new(new.get() - 1).unwrap_or(new));
    if new > old {
        // It may have ended in between, so that this is another one.
        let may_have_ended = old.get() <= readings.apart.saturating_add(1);
        return if may_have_ended {
            (left, Renewal::Untold)
        } else {
            (granted, Renewal::Extended)
        };
    }
    if old.get() > asked.as_seconds() {
        return (left, Renewal::New); // a shorter one was asked for: there is nothing to compare
    }
    if granted == asked {
        (left, Renewal::Untold) // it had nearly all of it left
    } else {
        (left, Renewal::Unchanged)
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

//! The router: a table with leases, and every way in which routers are known to be difficult.
//!
//! It does one thing at a time and knows nothing of the election. The quirks are those of UPnP
//! WANIPConnection:2 section 2.5 and the routers listed in `docs/guide/router.md`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fastrand::Rng;
use porthole_types::ExternalPort;

use super::config::{Millis, Profile, leadership};

/// What kind of router it is.
#[derive(Clone, Debug)]
pub struct RouterStatus {
    /// May a device delete another's mapping?
    pub secure: Delete,
    /// Are finite leases taken?
    pub leases: Leases,
    /// May a device read another's entry (606 otherwise)?
    pub entries: Entries,
    /// How much earlier than promised a lease ends, in parts of 1,000.
    pub fast_per_mille: u64,
    /// How it counts time.
    pub ticks: Ticks,
    /// How many mappings fit.
    pub capacity: usize,
    /// Of 1,000 writes: how many are answered "OK" and not stored.
    pub lies_per_mille: u32,
    /// Of 1,000 writes: how many are refused although nothing stands in the way.
    pub busy_per_mille: u32,
    /// Of 1,000 exchanges: how many get lost, half on the way there and half on the way back.
    pub lost_per_mille: u32,
    /// The longest way there or back.
    pub slowest: Millis,
    /// Of 1,000 writes: how many are carried out long after they were sent, up to twice the
    /// time-out.
    pub late_per_mille: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delete {
    /// Secure mode: only one's own (606 or 714).
    OwnOnly,
    /// Anybody's.
    Anybodys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticks {
    Fine,
    /// In whole seconds, as the clock strikes them: a lease ends up to one second early.
    Seconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// As asked.
    Finite,
    /// 725 for anything but 0.
    PermanentOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    Open,
    /// 606 for another's.
    Hidden,
}

impl RouterStatus {
    pub fn drawn(profile: Profile, servers: usize, rng: &mut Rng) -> Self {
        let difficult = matches!(profile, Profile::RouterStatus | Profile::Everything);
        let mut rarely = |one_in: u32, most: u32| {
            if difficult && rng.u32(0..one_in) == 0 {
                rng.u32(1..=most)
            } else {
                0
            }
        };
        let (lies, busy, lost, previous) =
            (rarely(3, 60), rarely(3, 60), rarely(2, 80), rarely(2, 60));
        let calm = matches!(profile, Profile::Calm | Profile::Hours);
        let roomy = servers + 20;
        // A renewal that is dropped leaves what the router shows of the old lease, in its own
        // seconds: one flaw more in its clock and no margin covers it.
        let ticks = if lies == 0 && rng.bool() {
            Ticks::Seconds
        } else {
            Ticks::Fine
        };
        Self {
            secure: if rng.bool() {
                Delete::OwnOnly
            } else {
                Delete::Anybodys
            },
            leases: if !calm && rng.u8(0..6) == 0 {
                Leases::PermanentOnly
            } else {
                Leases::Finite
            },
            entries: if difficult && rng.u8(0..10) == 0 {
                Entries::Hidden
            } else {
                Entries::Open
            },
            fast_per_mille: if ticks == Ticks::Fine && lies == 0 {
                rng.u64(0..110)
            } else {
                0
            },
            ticks,
            capacity: if difficult && rng.u8(0..5) == 0 {
                servers
            } else {
                roomy
            },
            lies_per_mille: lies,
            busy_per_mille: busy,
            lost_per_mille: lost,
            slowest: *super::config::pick(rng, &[10, 40, if difficult { 1_500 } else { 150 }]),
            // A dropped renewal and a late one look alike when they are read back.
            late_per_mille: if lies == 0 { previous } else { 0 },
        }
    }
}

/// One mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub client: Ipv4Addr,
    /// Made by a program that is not one of ours.
    pub foreign: bool,
    /// When the router forgets it; `None` has no end.
    pub ends: Option<Millis>,
}

/// What a device sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Read(ExternalPort),
    /// With a lease; 0 is without an end.
    Add(ExternalPort, Millis),
    Delete(ExternalPort),
    List,
}

/// What it gets back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The entry under this port, and how long it lasts.
    Entry(Option<(Ipv4Addr, bool, Option<Millis>)>),
    Table(BTreeMap<ExternalPort, Ipv4Addr>),
    Done,
    Refused(u16),
}

/// A device that runs none of our programs.
pub const FOREIGN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 200);

/// A mapping that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub client: Ipv4Addr,
}

/// The router at work.
pub struct FakeRouter {
    pub kind: RouterStatus,
    pub table: BTreeMap<ExternalPort, Entry>,
    /// How often its table was lost.
    pub epoch: u32,
    pub up: bool,
}

impl FakeRouter {
    pub fn new(kind: RouterStatus) -> Self {
        Self {
            kind,
            table: BTreeMap::new(),
            epoch: 0,
            up: true,
        }
    }

    fn forget(&mut self, now: Millis) {
        self.table
            .retain(|_, entry| entry.ends.is_none_or(|ends| ends > now));
    }

    /// Whose the office is now.
    pub fn holder(&self, now: Millis) -> Option<Entry> {
        let entry = self.table.get(&leadership())?;
        entry.ends.is_none_or(|ends| ends > now).then_some(*entry)
    }

    /// It loses its table and its power.
    pub fn lose_power(&mut self) {
        self.table.clear();
        self.epoch += 1;
        self.up = false;
    }

    /// One call, at the moment at which it takes effect; with what it deleted.
    pub fn call(
        &mut self,
        from: Ipv4Addr,
        call: Call,
        now: Millis,
        rng: &mut Rng,
    ) -> (Reply, Option<Deleted>) {
        self.forget(now);
        let reply = match call {
            Call::Read(port) => self.read(from, port, now),
            Call::Add(port, lease) => self.add(from, port, lease, now, rng),
            Call::Delete(port) => return self.delete(from, port, rng),
            Call::List => Reply::Table(
                self.table
                    .iter()
                    .map(|(port, entry)| (*port, entry.client))
                    .collect(),
            ),
        };
        (reply, None)
    }

    fn read(&self, from: Ipv4Addr, port: ExternalPort, now: Millis) -> Reply {
        match self.table.get(&port) {
            Some(entry) if entry.client != from && self.kind.entries == Entries::Hidden => {
                Reply::Refused(606)
            }
            Some(entry) => {
                let left = entry.ends.map(|ends| {
                    // The router shows what is left by its own clock, in whole seconds.
                    let left = (ends - now) * 1_000 / (1_000 - self.kind.fast_per_mille);
                    left.div_ceil(1_000) * 1_000
                });
                Reply::Entry(Some((entry.client, entry.foreign, left)))
            }
            None => Reply::Entry(None),
        }
    }

    fn add(
        &mut self,
        from: Ipv4Addr,
        port: ExternalPort,
        lease: Millis,
        now: Millis,
        rng: &mut Rng,
    ) -> Reply {
        if entropy(rng, self.kind.busy_per_mille) {
            return Reply::Refused(if rng.bool() { 718 } else { 501 });
        }
        if lease != 0 && self.kind.leases == Leases::PermanentOnly {
            return Reply::Refused(725);
        }
        match self.table.get(&port) {
            Some(entry) if entry.client != from => return Reply::Refused(718),
            None if self.table.len() >= self.kind.capacity => return Reply::Refused(728),
            _ => {}
        }
        // A renewal that is dropped can be noticed by reading back only where it would have changed
        // what is shown.
        let noticeable = self.table.get(&port).is_none_or(|old| {
            let left = old.ends.map_or(Millis::MAX / 2, |ends| ends - now);
            left + 2_000 + 6 * self.kind.slowest < lease
        });
        if !(noticeable && entropy(rng, self.kind.lies_per_mille)) {
            let begins = match self.kind.ticks {
                Ticks::Fine => now,
                Ticks::Seconds => now / 1_000 * 1_000,
            };
            let lasts = lease * (1_000 - self.kind.fast_per_mille) / 1_000;
            let ends = (lease != 0).then_some(begins + lasts);
            self.table.insert(
                port,
                Entry {
                    client: from,
                    foreign: false,
                    ends,
                },
            );
        }
        Reply::Done
    }

    fn delete(
        &mut self,
        from: Ipv4Addr,
        port: ExternalPort,
        rng: &mut Rng,
    ) -> (Reply, Option<Deleted>) {
        let Some(entry) = self.table.get(&port).copied() else {
            return (Reply::Refused(714), None);
        };
        let others = entry.client != from;
        if others && self.kind.secure == Delete::OwnOnly {
            let code = if rng.bool() { 606 } else { 714 };
            return (Reply::Refused(code), None);
        }
        if entropy(rng, self.kind.lies_per_mille) {
            return (Reply::Done, None);
        }
        self.table.remove(&port);
        let deleted = Deleted {
            client: entry.client,
        };
        (Reply::Done, Some(deleted))
    }
}

/// Whether something that happens so often of 1,000 times happens now.
pub fn entropy(rng: &mut Rng, per_mille: u32) -> bool {
    per_mille > 0 && rng.u32(0..1_000) < per_mille
}

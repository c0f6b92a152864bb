//! What was in the router's table and when, by the router's own account.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use porthole_sim_router::{Event, Protocol, TableEntry};

/// The port that makes a camera the representative.
const REPRESENTATIVE_PORT: u16 = 8080;

/// A program that loops makes more than this; the rest is counted and not kept.
const MOST_MOMENTS: usize = 20_000;

/// Whose each external port is.
type Held = BTreeMap<u16, Ipv4Addr>;

/// The TCP mappings over time, from event to event.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// The oldest first; each holds until the next.
    moments: Vec<(Instant, Held)>,
    /// Mappings that came to be: of a free port, or taken from another.
    pub(crate) made: u32,
    /// How often one was asked for again by who had it.
    pub(crate) renewed: u32,
    pub(crate) reboots: u32,
    /// Events went by unseen: the table has to be asked.
    lost_sight: bool,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            moments: vec![(Instant::now(), Held::new())],
            made: 0,
            renewed: 0,
            reboots: 0,
            lost_sight: false,
        }
    }

    /// Something happened to the router now.
    pub(crate) fn add(&mut self, event: &Event) {
        let mut held = self.held().clone();
        match event {
            Event::Added(entry) | Event::Replaced { new: entry, .. } => {
                self.made += u32::from(is_tcp(entry));
                put(&mut held, entry);
            }
            Event::Renewed(entry) => {
                self.renewed += u32::from(is_tcp(entry));
                put(&mut held, entry);
            }
            Event::Expired(entry) | Event::Deleted(entry) => {
                if is_tcp(entry) {
                    held.remove(&entry.mapping.external_port.get());
                }
            }
            Event::Rebooted => {
                self.reboots += 1;
                held.clear();
            }
            Event::Wan(_) => {}
        }
        self.set(held);
    }

    /// Events went by unseen.
    pub(crate) fn lose_sight(&mut self) {
        self.lost_sight = true;
    }

    /// What the table is now, where events went by unseen.
    pub(crate) fn resume(&mut self, table: impl FnOnce() -> Vec<TableEntry>) {
        if !std::mem::take(&mut self.lost_sight) {
            return;
        }
        let mut held = Held::new();
        for entry in table() {
            put(&mut held, &entry);
        }
        self.set(held);
    }

    fn set(&mut self, held: Held) {
        if held == *self.held() {
            return;
        }
        if self.moments.len() == MOST_MOMENTS {
            self.moments.pop();
        }
        self.moments.push((Instant::now(), held));
    }

    fn held(&self) -> &Held {
        let (_, held) = self.moments.last().expect("there is a first moment");
        held
    }

    /// Who has the representative port now.
    pub(crate) fn holder(&self) -> Option<Ipv4Addr> {
        self.held().get(&REPRESENTATIVE_PORT).copied()
    }

    /// The ports of this camera now.
    pub(crate) fn ports(&self, client: Ipv4Addr) -> Vec<u16> {
        let ports = self.held().iter();
        ports
            .filter(|(_, holder)| **holder == client)
            .map(|(port, _)| *port)
            .collect()
    }

    /// The most mappings that this camera had at one time.
    pub(crate) fn most_at_once(&self, client: Ipv4Addr) -> usize {
        let counts = self
            .moments
            .iter()
            .map(|(_, held)| held.values().filter(|holder| **holder == client).count());
        counts.max().unwrap_or(0)
    }

    /// The holders of the representative port between these times, each with how long.
    fn tenures(&self, from: Instant, to: Instant) -> Vec<(Option<Ipv4Addr>, Duration)> {
        let mut tenures: Vec<(Option<Ipv4Addr>, Duration)> = Vec::new();
        let ends = self.moments.iter().skip(1).map(|(at, _)| *at).chain([to]);
        for ((begin, held), end) in self.moments.iter().zip(ends) {
            let (begin, end) = ((*begin).max(from), end.min(to));
            if begin >= end {
                continue;
            }
            let holder = held.get(&REPRESENTATIVE_PORT).copied();
            match tenures.last_mut() {
                Some((last, time)) if *last == holder => *time += end - begin,
                _ => tenures.push((holder, end - begin)),
            }
        }
        tenures
    }

    /// How often another camera than before had the representative port between these times.
    pub(crate) fn changes(&self, from: Instant, to: Instant) -> usize {
        let tenures = self.tenures(from, to);
        let mut holders: Vec<_> = tenures.iter().filter_map(|(holder, _)| *holder).collect();
        holders.dedup();
        holders.len().saturating_sub(1)
    }

    /// The times without a holder between these times.
    pub(crate) fn gaps(&self, from: Instant, to: Instant) -> Vec<Duration> {
        let tenures = self.tenures(from, to).into_iter();
        let gaps = tenures.filter(|(holder, _)| holder.is_none());
        gaps.map(|(_, time)| time).collect()
    }

    /// The longest of them.
    pub(crate) fn longest_gap(&self, from: Instant, to: Instant) -> Duration {
        self.gaps(from, to).into_iter().max().unwrap_or_default()
    }

    /// When somebody other than this camera first had the representative port after that time.
    pub(crate) fn taken_over(&self, from: Ipv4Addr, after: Instant) -> Option<Instant> {
        self.moments
            .iter()
            .filter(|(at, _)| *at >= after)
            .find(|(_, held)| {
                held.get(&REPRESENTATIVE_PORT)
                    .is_some_and(|new| *new != from)
            })
            .map(|(at, _)| *at)
    }
}

fn is_tcp(entry: &TableEntry) -> bool {
    entry.mapping.protocol == Protocol::Tcp
}

fn put(held: &mut Held, entry: &TableEntry) {
    if is_tcp(entry) {
        held.insert(entry.mapping.external_port.get(), entry.mapping.client);
    }
}

#[test]
fn holders_gaps_and_changes_are_told_apart() {
    let [a, b] = [11, 12].map(|host| Ipv4Addr::new(192, 168, 77, host));
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let held = |pairs: &[(u16, Ipv4Addr)]| pairs.iter().copied().collect::<Held>();
    let history = History {
        moments: vec![
            (at(0), Held::new()),
            (at(1), held(&[(8080, a)])),
            (at(2), held(&[(8080, a), (8081, a), (8082, b)])),
            (at(5), held(&[(8082, b)])),
            (at(7), held(&[(8080, a)])),
            (at(8), held(&[])),
            (at(9), held(&[(8080, b)])),
        ],
        made: 0,
        renewed: 0,
        reboots: 0,
        lost_sight: false,
    };
    assert_eq!(history.most_at_once(a), 2);
    assert_eq!(history.changes(at(1), at(8)), 0);
    assert_eq!(history.changes(at(1), at(10)), 1);
    assert_eq!(history.longest_gap(at(1), at(5)), Duration::ZERO);
    assert_eq!(history.longest_gap(at(0), at(10)), Duration::from_secs(2));
    assert_eq!(history.taken_over(a, at(5)), Some(at(9)));
    assert_eq!(history.taken_over(b, at(8)), None);
    assert_eq!(history.holder(), Some(b));
}

//! What is known of the others, source by source, before it is merged.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::{Mapped, Occasion, Report, Scheme};
use porthole_types::forget_oldest;
use porthole_types::{ExternalPort, InstanceId};

/// Servers that each source knows of. Beyond it the oldest goes: a flood of made-up ones costs only
/// itself.
pub const MOST_PEERS: usize = 512;

/// A report vouches for its sender for this many heartbeats; it comes every one and a half at the
/// least.
pub const FRESH_HEARTBEATS: u32 = 4;

/// Whoever is silent for so many heartbeats is gone.
pub const GONE_HEARTBEATS: u32 = 16;

/// A report and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who.
    pub id: InstanceId,
    /// What the other server said of itself.
    pub report: Report,
    /// The address that it was sent from: the part that it did not choose freely.
    pub from: Ipv4Addr,
    /// When it came.
    pub at: Instant,
}

/// A server that has reported itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Its last report.
    pub last: Heard,
    /// When it last answered an Inquiry (Embodiment 2).
    pub answered: Option<Instant>,
    /// When it last reported itself unasked (¶47, ¶64).
    pub unasked: Option<Instant>,
}

/// A server's entry in the LAN's mDNS. Anybody can make one: a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// Who.
    pub id: InstanceId,
    /// Its name, cleaned; none where it has none that can be shown.
    pub name: Option<String>,
    /// Where it answers on the LAN.
    pub lan: SocketAddrV4,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
    /// The port on the router that it says is its own.
    pub external: Option<ExternalPort>,
    /// When the entry was seen, or was last seen to change.
    pub at: Instant,
}

/// An entry in mDNS, and whether its server has spoken since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) entry: Advertised,
    /// When its server was last heard.
    heard: Option<Instant>,
}

/// The memory of four sources. Each keeps what it knows last, in whatever order it comes.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub(super) table: Option<(Vec<Mapped>, Instant)>,
    pub(super) speakers: BTreeMap<InstanceId, Speaker>,
    pub(super) advertised: BTreeMap<InstanceId, Entry>,
}

impl Speaker {
    fn new(last: Heard) -> Self {
        let mut speaker = Self {
            last: last.clone(),
            answered: None,
            unasked: None,
        };
        speaker.hear(last);
        speaker
    }

    fn hear(&mut self, heard: Heard) {
        let came = match heard.report.occasion {
            Occasion::Asked => &mut self.answered,
            Occasion::Unasked => &mut self.unasked,
        };
        *came = (*came).max(Some(heard.at));
        if heard.at >= self.last.at {
            self.last = heard;
        }
    }
}

impl Entry {
    /// Whether it says that its server is there. Once the server has spoken for itself, its silence
    /// says more than an entry from before, which stays in mDNS for minutes after its server is
    /// gone.
    pub(super) fn counts(&self) -> bool {
        self.heard.is_none_or(|heard| heard < self.entry.at)
    }
}

impl Known {
    /// The router's table was read, or cannot be read any more.
    pub fn read(&mut self, table: Option<(Vec<Mapped>, Instant)>) {
        self.table = table;
    }

    /// A server has reported itself.
    pub fn hear(&mut self, heard: Heard) {
        let (id, at) = (heard.id, heard.at);
        match self.speakers.get_mut(&id) {
            Some(speaker) => speaker.hear(heard),
            None => {
                self.speakers.insert(id, Speaker::new(heard));
                forget_oldest(&mut self.speakers, MOST_PEERS, |speaker| speaker.last.at);
            }
        }
        self.outdate(id, at);
    }

    /// A server has said that it leaves: it is not waited for.
    pub fn forget(&mut self, id: InstanceId, now: Instant) {
        self.speakers.remove(&id);
        self.outdate(id, now);
    }

    /// A server's entry in mDNS was seen.
    pub fn advertise(&mut self, entry: Advertised) {
        let id = entry.id;
        let known = self.advertised.get(&id);
        if known.is_some_and(|known| known.entry.at > entry.at) {
            return;
        }
        let speaker = self.speakers.get(&id);
        let heard = known
            .and_then(|known| known.heard)
            .max(speaker.map(|speaker| speaker.last.at));
        self.advertised.insert(id, Entry { entry, heard });
        forget_oldest(&mut self.advertised, MOST_PEERS, |known| known.entry.at);
    }

    /// It is there no more.
    pub fn unadvertise(&mut self, id: InstanceId) {
        self.advertised.remove(&id);
    }

    /// Forgets who has been silent for too long.
    pub fn sweep(&mut self, heartbeat: Duration, now: Instant) {
        let gone = heartbeat * GONE_HEARTBEATS;
        self.speakers
            .retain(|_, speaker| now.saturating_duration_since(speaker.last.at) < gone);
    }

    fn outdate(&mut self, id: InstanceId, at: Instant) {
        if let Some(known) = self.advertised.get_mut(&id) {
            known.heard = known.heard.max(Some(at));
        }
    }
}

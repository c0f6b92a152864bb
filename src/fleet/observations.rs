//! [`Observations`]: what each source says of the other servers, before it is merged.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::{MappedServer, Occasion, Report, Scheme};
use porthole_types::forget_oldest;
use porthole_types::{ExternalPort, InstanceId};

/// Servers that each source knows of. Beyond it the oldest goes: a flood of made-up ones costs only
/// itself.
pub const MAX_PEERS: usize = 512;

/// A server counts as verified for this many heartbeats after its last report; one comes every one
/// and a half at the least.
pub const FRESH_HEARTBEATS: u32 = 4;

/// Whoever has not reported itself for so many heartbeats is gone.
pub const GONE_HEARTBEATS: u32 = 16;

/// A report, with what the datagram tells of its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedReport {
    /// The sender's identity.
    pub id: InstanceId,
    /// What it says of itself.
    pub report: Report,
    /// The address that it was sent from: the part that its sender did not choose freely.
    pub from: Ipv4Addr,
    /// When it was received.
    pub at: Instant,
}

/// A server that has reported itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportingServer {
    /// Its newest report.
    pub last: ReceivedReport,
    /// When it last answered an Inquiry (Embodiment 2).
    pub answered: Option<Instant>,
    /// When it last reported itself unasked (¶47, ¶64).
    pub unasked: Option<Instant>,
}

/// A server's entry in the LAN's mDNS. Anybody can make one: a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertisedServer {
    /// The identity in the entry's name.
    pub id: InstanceId,
    /// Its name, cleaned; none where it has none that can be shown.
    pub name: Option<String>,
    /// Its web server's address and port on the LAN.
    pub lan: SocketAddrV4,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
    /// The port on the router that it says is its own.
    pub external: Option<ExternalPort>,
    /// When the entry was seen, or was last seen to change.
    pub at: Instant,
}

/// An entry in mDNS, and whether its server has reported itself since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advertisement {
    pub(super) server: AdvertisedServer,
    /// When its last report came, or when it said that it leaves.
    heard_at: Option<Instant>,
}

/// What each of the four sources last said, in whatever order it came.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// Of the router's table, with when it was read.
    pub(super) table: Option<(Vec<MappedServer>, Instant)>,
    /// Of reports, asked for or not.
    pub(super) reporting: BTreeMap<InstanceId, ReportingServer>,
    /// What mDNS shows, by identity, with whether each server has reported itself since.
    pub(super) advertised: BTreeMap<InstanceId, Advertisement>,
}

impl ReportingServer {
    fn new(last: ReceivedReport) -> Self {
        let mut server = Self {
            last: last.clone(),
            answered: None,
            unasked: None,
        };
        server.update(last);
        server
    }

    fn update(&mut self, received: ReceivedReport) {
        let came = match received.report.occasion {
            Occasion::Asked => &mut self.answered,
            Occasion::Unasked => &mut self.unasked,
        };
        *came = (*came).max(Some(received.at));
        if received.at >= self.last.at {
            self.last = received;
        }
    }
}

impl Advertisement {
    /// Whether it says that its server is there. Once the server has reported itself, its silence
    /// says more than an entry from before, which stays in mDNS for minutes after its server is
    /// gone.
    pub(super) fn counts(&self) -> bool {
        self.heard_at
            .is_none_or(|heard_at| heard_at < self.server.at)
    }
}

impl Observations {
    /// Replaces what is known of the router's table; none where it cannot be read any more.
    pub fn set_table(&mut self, table: Option<(Vec<MappedServer>, Instant)>) {
        self.table = table;
    }

    /// Adds a report.
    pub fn add_report(&mut self, received: ReceivedReport) {
        let (id, at) = (received.id, received.at);
        match self.reporting.get_mut(&id) {
            Some(server) => server.update(received),
            None => {
                self.reporting.insert(id, ReportingServer::new(received));
                forget_oldest(&mut self.reporting, MAX_PEERS, |server| server.last.at);
            }
        }
        self.outdate_advertisement(id, at);
    }

    /// Forgets the reports of a server that has said that it leaves.
    pub fn remove_reports(&mut self, id: InstanceId, now: Instant) {
        self.reporting.remove(&id);
        self.outdate_advertisement(id, now);
    }

    /// Adds a server's entry in mDNS, unless a newer one is known.
    pub fn add_advertised(&mut self, server: AdvertisedServer) {
        let id = server.id;
        let known = self.advertised.get(&id);
        if known.is_some_and(|known| known.server.at > server.at) {
            return;
        }
        let reported_at = self.reporting.get(&id).map(|server| server.last.at);
        let heard_at = known.and_then(|known| known.heard_at).max(reported_at);
        self.advertised
            .insert(id, Advertisement { server, heard_at });
        forget_oldest(&mut self.advertised, MAX_PEERS, |known| known.server.at);
    }

    /// Removes an entry that mDNS does not have any more.
    pub fn remove_advertised(&mut self, id: InstanceId) {
        self.advertised.remove(&id);
    }

    /// Forgets who has not reported itself for [`GONE_HEARTBEATS`].
    pub fn sweep(&mut self, heartbeat: Duration, now: Instant) {
        let gone = heartbeat * GONE_HEARTBEATS;
        self.reporting
            .retain(|_, server| now.saturating_duration_since(server.last.at) < gone);
    }

    fn outdate_advertisement(&mut self, id: InstanceId, at: Instant) {
        if let Some(known) = self.advertised.get_mut(&id) {
            known.heard_at = known.heard_at.max(Some(at));
        }
    }
}

//! Three servers in protocol time, with datagrams that get lost.

use std::net::SocketAddrV4;

use super::*;
use crate::fleet::{Activity, Myself, Scheme, Standing};
use crate::lan::Reporting;
use crate::site::{AuthState, Ended, SessionId};

const HEARTBEAT: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(10);

fn address(id: InstanceId) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 0, id.0 as u8)
}

fn ended(session: u128) -> AuthState {
    AuthState {
        ended: Ended::default().one(SessionId(session), 100),
        ..AuthState::default()
    }
}

/// What goes over the wire here.
#[derive(Clone)]
enum Payload {
    Report { digest: u32 },
    AuthState(AuthState),
}

struct Datagram {
    from: InstanceId,
    to: InstanceId,
    payload: Payload,
}

struct Server {
    me: Myself,
    auth_state: AuthState,
    reporting: Reporting,
    anti_entropy: AntiEntropy,
}

impl Server {
    fn new(id: u64, auth_state: AuthState) -> Self {
        let id = InstanceId(id);
        Self {
            me: Myself {
                id,
                name: "Barn".to_owned(),
                lan: SocketAddrV4::new(address(id), 8080),
                external: None,
                standing: Standing::Member,
                activity: Activity::Idle,
                scheme: Scheme::Http,
            },
            auth_state,
            reporting: Reporting::new(HEARTBEAT),
            anti_entropy: AntiEntropy::new(HEARTBEAT),
        }
    }

    fn report(&mut self, now: Instant) -> Payload {
        self.reporting.sent(&self.me, now);
        Payload::Report {
            digest: self.auth_state.digest(),
        }
    }

    fn hear(&mut self, from: InstanceId, payload: Payload, now: Instant, entropy: Entropy) {
        match payload {
            Payload::Report { digest } => {
                let digests = DigestPair {
                    own: self.auth_state.digest(),
                    other: digest,
                };
                let from = Peer {
                    id: from,
                    address: address(from),
                };
                self.anti_entropy.compare(from, digests, now, entropy);
            }
            Payload::AuthState(auth_state) => {
                let before = self.auth_state.clone();
                self.auth_state.merge(&auth_state);
                if self.auth_state != before {
                    self.reporting.on_learned(now, entropy);
                }
            }
        }
    }
}

/// A LAN that loses some of its datagrams, each of which takes a tick.
struct Lan {
    servers: Vec<Server>,
    under_way: Vec<Datagram>,
    now: Instant,
    random: fastrand::Rng,
    sent: usize,
    lost: Box<dyn Fn(usize) -> bool>,
}

impl Lan {
    fn new(seed: u64, lost: impl Fn(usize) -> bool + 'static) -> Self {
        Self {
            servers: (1..=3).map(|id| Server::new(id, ended(1))).collect(),
            under_way: Vec::new(),
            now: Instant::now(),
            random: fastrand::Rng::with_seed(seed),
            sent: 0,
            lost: Box::new(lost),
        }
    }

    fn send(&mut self, from: InstanceId, to: InstanceId, payload: Payload) {
        self.sent += 1;
        if !(self.lost)(self.sent) {
            self.under_way.push(Datagram { from, to, payload });
        }
    }

    fn send_all(&mut self, from: InstanceId, payload: &Payload) {
        let others: Vec<_> = self.servers.iter().map(|server| server.me.id).collect();
        for to in others.into_iter().filter(|to| *to != from) {
            self.send(from, to, payload.clone());
        }
    }

    fn server(&mut self, id: InstanceId) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.me.id == id)
    }

    /// Somebody changes the state at this server, and it tells everybody.
    fn change(&mut self, at: usize, change: &AuthState) {
        let now = self.now;
        let server = &mut self.servers[at];
        let (id, before) = (server.me.id, server.auth_state.clone());
        server.auth_state.merge(change);
        let news = server.auth_state.delta(&before);
        let report = server.report(now);
        for piece in news.fragments() {
            self.send_all(id, &Payload::AuthState(piece));
        }
        self.send_all(id, &report);
    }

    fn tick(&mut self) {
        self.now += TICK;
        let now = self.now;
        for Datagram { from, to, payload } in std::mem::take(&mut self.under_way) {
            let entropy = Entropy(self.random.u64(..));
            if let Some(server) = self.server(to) {
                server.hear(from, payload, now, entropy);
            }
        }
        for nth in 0..self.servers.len() {
            let server = &mut self.servers[nth];
            let id = server.me.id;
            let due = server.reporting.is_due(&server.me, now);
            let report = due.map(|_| server.report(now));
            let different = server.anti_entropy.due(server.auth_state.digest(), now);
            let pieces = server.auth_state.fragments();
            for there in different {
                for piece in &pieces {
                    let to = InstanceId(there.octets()[3].into());
                    self.send(id, to, Payload::AuthState(piece.clone()));
                }
            }
            if let Some(report) = report {
                self.send_all(id, &report);
            }
        }
    }

    fn run(&mut self, heartbeats: u32) {
        let until = self.now + HEARTBEAT * heartbeats;
        while self.now < until {
            self.tick();
        }
    }

    fn agree(&self) -> bool {
        let first = &self.servers[0].auth_state;
        self.servers
            .iter()
            .all(|server| server.auth_state == *first)
    }
}

#[test]
fn three_servers_agree_within_two_heartbeats_whichever_datagram_is_lost() {
    for seed in 0..8 {
        // How many datagrams are sent until all is quiet again.
        let mut calm = Lan::new(seed, |_| false);
        calm.run(3);
        let before = calm.sent;
        calm.change(0, &ended(2));
        calm.run(2);
        for lost in before..=calm.sent {
            let mut lan = Lan::new(seed, move |nth| nth == lost);
            lan.run(3);
            lan.change(0, &ended(2));
            lan.run(2);
            assert!(lan.agree(), "without the {lost}th, seed {seed}");
            assert_eq!(lan.servers[2].auth_state.ended.list.len(), 2);
        }
    }
}

#[test]
fn who_was_away_learns_what_it_missed_and_what_two_have_changed_apart_becomes_one() {
    let mut lan = Lan::new(1, |_| false);
    lan.run(3);
    for (nth, session) in [(0, 2), (1, 3), (2, 4)] {
        // Nobody hears of it.
        lan.servers[nth].auth_state.merge(&ended(session));
    }
    lan.run(3);
    assert!(lan.agree());
    assert_eq!(lan.servers[0].auth_state.ended.list.len(), 4);
}

#[test]
fn a_change_that_everybody_hears_of_at_once_is_told_by_nobody_again() {
    let mut lan = Lan::new(1, |_| false);
    lan.run(3);
    let quiet = lan.sent;
    lan.run(8);
    let usual = lan.sent - quiet;
    lan.change(0, &ended(2));
    let before = lan.sent;
    lan.run(8);
    assert!(lan.agree());
    // Each of the two that learn it reports itself once more, to two.
    let more = lan.sent - before;
    assert!(more <= usual + 4 + 6, "{more} datagrams, usually {usual}");
}

#[test]
fn who_cannot_be_brought_to_agree_is_told_of_it_less_and_less_often() {
    let start = Instant::now();
    let mut anti_entropy = AntiEntropy::new(HEARTBEAT);
    let digests = DigestPair { own: 1, other: 2 };
    let peer = Peer {
        id: InstanceId(2),
        address: address(InstanceId(2)),
    };
    let mut told = Vec::new();
    // It reports itself ten times a heartbeat.
    for step in 0..1000_u32 {
        let now = start + HEARTBEAT / 10 * step;
        anti_entropy.compare(peer, digests, now, Entropy(0));
        told.extend(anti_entropy.due(1, now).iter().map(|_| step));
    }
    assert_eq!(told[..5], [0, 5, 15, 35, 75]);
    assert!(told.len() < 12, "{told:?}");
    // When either knows something new it is told again.
    let digests = DigestPair { own: 3, ..digests };
    let now = start + HEARTBEAT * 100;
    anti_entropy.compare(peer, digests, now, Entropy(0));
    anti_entropy.compare(peer, digests, now + HEARTBEAT / 2, Entropy(0));
    let again = anti_entropy.due(3, now + HEARTBEAT / 2);
    assert_eq!(again, [peer.address]);
}

#[test]
fn who_has_learned_it_from_another_meanwhile_is_not_told() {
    let start = Instant::now();
    let mut anti_entropy = AntiEntropy::new(HEARTBEAT);
    let peer = Peer {
        id: InstanceId(2),
        address: address(InstanceId(2)),
    };
    let heard = |anti_entropy: &mut AntiEntropy, theirs| {
        let digests = DigestPair {
            own: 1,
            other: theirs,
        };
        anti_entropy.compare(peer, digests, start, Entropy(u64::MAX))
    };
    let wait = heard(&mut anti_entropy, 2).unwrap();
    assert!(wait <= HEARTBEAT / 8, "{wait:?}");
    assert!(anti_entropy.due(1, start).is_empty(), "not yet");
    assert_eq!(heard(&mut anti_entropy, 1), None);
    assert!(anti_entropy.due(1, start + HEARTBEAT).is_empty());
    heard(&mut anti_entropy, 2);
    let mine = 2; // this server has learned it instead
    assert!(anti_entropy.due(mine, start + HEARTBEAT).is_empty());
}

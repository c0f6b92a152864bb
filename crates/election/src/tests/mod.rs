//! The rules against a router of a few lines: every effect is answered, time is a number.

mod house;
mod properties;
mod remote_access;
mod rotation;
mod rules;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::state::Memory;
use super::*;
use crate::{Detection, Succession};
use porthole_types::PortRange;
use porthole_types::{ExternalPort, InstanceId, Term};

const LEASE: Duration = Duration::from_secs(30);
/// T.
const BEAT: Duration = Duration::from_secs(1);

fn port(number: u16) -> ExternalPort {
    ExternalPort::new(number).unwrap()
}

fn rules() -> Rules {
    Rules {
        me: InstanceId(0),
        representative_port: port(8080),
        range: PortRange::new(port(8081), port(8084)).unwrap(),
        representative_lease: LEASE,
        lease: Duration::from_hours(1),
        heartbeat: BEAT,
        missed_limit: 2,
        detection: [
            Detection::Withdrawal,
            Detection::Heartbeat,
            Detection::Probe,
        ]
        .into(),
        succession: Succession::PortOrder,
        lan: LanMessaging::Enabled,
    }
}

/// A router that refuses what is another's and forgets what is not renewed.
#[derive(Clone, Default)]
struct FakeRouter {
    held: BTreeMap<ExternalPort, (usize, Timestamp)>,
    deletes: Deletes,
    /// It grants no lease: a mapping stays until somebody deletes it.
    endless: bool,
    /// How many mappings it can hold.
    places: Option<usize>,
}

/// Whose mappings one may delete.
#[derive(Clone, Copy, Default)]
enum Deletes {
    /// One's own (secure mode).
    #[default]
    Own,
    /// Anybody's.
    Any,
}

impl FakeRouter {
    fn answer(&mut self, who: usize, request: Request, now: Timestamp) -> Event {
        self.held.retain(|_, (_, until)| *until > now);
        match request {
            Request::Secure { port, lease } => match self.held.get(&port).copied() {
                Some((holder, until)) if holder != who => Event::Taken {
                    port,
                    expires_in: (!self.endless).then(|| until.after(now)),
                    by: Some(Owner {
                        address: address(holder),
                        kind: OwnerKind::Porthole,
                    }),
                },
                None if self.places.is_some_and(|most| self.held.len() >= most) => {
                    Event::NoRoom(port)
                }
                standing => {
                    self.held.insert(port, (who, now + lease));
                    let before = if standing.is_some() {
                        PriorEntry::Ours
                    } else {
                        PriorEntry::Free
                    };
                    Event::Secured {
                        port,
                        sent_at: now,
                        granted: Some(lease),
                        before,
                    }
                }
            },
            Request::Release(port) => {
                if self
                    .held
                    .get(&port)
                    .is_some_and(|(holder, _)| *holder == who)
                {
                    self.held.remove(&port);
                }
                Event::Released(port)
            }
            Request::Evict { port, from } => match (self.held.get(&port), self.deletes) {
                (Some((holder, _)), Deletes::Own) if address(*holder) == from => {
                    Event::Irremovable(port)
                }
                (Some((holder, _)), Deletes::Any) if address(*holder) == from => {
                    self.held.remove(&port);
                    Event::Evicted(port)
                }
                (Some(_), _) => self.answer(
                    who,
                    Request::Secure {
                        port,
                        lease: Duration::ZERO,
                    },
                    now,
                ),
                (None, _) => Event::Evicted(port),
            },
        }
    }
}

/// Server number `who` on the LAN.
fn address(who: usize) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77, 11 + who as u8)
}

impl FakeRouter {
    /// The whole table, as one server reads it.
    fn survey(&mut self, who: usize, now: Timestamp) -> Event {
        self.held.retain(|_, (_, until)| *until > now);
        let whose = |holder| {
            if holder == who {
                Ownership::Mine
            } else {
                Ownership::Theirs
            }
        };
        let holders = self
            .held
            .iter()
            .map(|(port, (holder, _))| (*port, whose(*holder)))
            .collect();
        Event::Surveyed {
            holders,
            seen: SurveyExtent::Whole,
        }
    }
}

/// One server: its state and the request that is on its way.
#[derive(Clone)]
struct Server {
    me: usize,
    state: State,
    asked: Option<Request>,
    wake: Option<Timestamp>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Server {
    fn new(me: usize) -> Self {
        Self {
            me,
            state: State::new(Term(0), None, Memory::None),
            asked: None,
            wake: None,
        }
    }

    fn tell(&mut self, event: &Event, now: Timestamp) -> Vec<Effect> {
        self.tell_with(&rules(), event, now, Entropy(0))
    }

    fn tell_with(
        &mut self,
        rules: &Rules,
        event: &Event,
        now: Timestamp,
        entropy: Entropy,
    ) -> Vec<Effect> {
        let (state, effects) = step(rules, &self.state, event, now, entropy);
        self.state = state;
        for effect in &effects {
            match effect {
                Effect::Ask(request) => self.asked = Some(*request),
                Effect::WakeAt(at) => self.wake = Some(*at),
                Effect::Say(..) | Effect::Remember | Effect::Left => {}
            }
        }
        effects
    }

    /// Answers until there is nothing more to ask.
    fn settle(&mut self, fake_router: &mut FakeRouter, now: Timestamp) {
        for _ in 0..100 {
            let Some(request) = self.asked.take() else {
                return;
            };
            let answer = fake_router.answer(self.me, request, now);
            self.tell(&answer, now);
        }
        panic!("the server never stops asking: {:?}", self.state);
    }
}

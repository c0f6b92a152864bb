//! The rules against the simulated router's table: every effect is answered, time is a number.

mod fake_router;
mod ledger;
mod overlap;
mod properties;
mod refusals;
mod remaking;
mod remote_access;
mod rotation;
mod rules;
mod signs;
mod site;

use std::net::Ipv4Addr;
use std::time::Duration;

use porthole_sim_router::Access;

use super::state::Memory;
use super::*;
use crate::{Detection, Succession};
use fake_router::FakeRouter;
use porthole_types::PortRange;
use porthole_types::{ExternalPort, InstanceId, Term};

const LEASE: Duration = Duration::from_secs(30);
/// T, the interval of the representative's heartbeats.
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

/// Server number `who` on the LAN.
fn address(who: usize) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77, 11 + who as u8)
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

    /// Lets time pass, every request answered at once; when what was asked.
    fn run(
        &mut self,
        rules: &Rules,
        fake_router: &mut FakeRouter,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<(Timestamp, Request)> {
        let mut asked = Vec::new();
        let mut now = from;
        for _ in 0..100_000 {
            if let Some(request) = self.asked.take() {
                asked.push((now, request));
                let answer = fake_router.answer(self.me, request, now);
                self.tell_with(rules, &answer, now, Entropy(0));
            } else if let Some(at) = self.wake.take_if(|at| *at <= to) {
                now = now.max(at);
                self.tell_with(rules, &Event::Tick, now, Entropy(0));
            } else {
                return asked;
            }
        }
        panic!("the server never rests: {:?}", self.state);
    }
}

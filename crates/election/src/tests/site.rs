//! Several servers, one router and a LAN without loss: the rules among each other, in protocol
//! time.

use super::*;

/// How long a message or an answer is under way.
const LATENCY: Duration = Duration::from_millis(5);

/// The servers of one site.
pub(super) struct Site {
    pub(super) fake_router: FakeRouter,
    pub(super) servers: Vec<Server>,
    pub(super) now: Timestamp,
    pub(super) rules: Rules,
    /// What was said, by whom and when: the trace of a rotation.
    pub(super) said: Vec<(Timestamp, usize, ElectionMessage)>,
    /// Who has lost power.
    pub(super) dead: Vec<usize>,
    /// Who cannot hear the others, and is not heard by them; among themselves they speak.
    pub(super) apart: Vec<usize>,
    /// What everybody's random number is, while they are made equal.
    pub(super) entropy: Option<u64>,
    mail: Vec<(Timestamp, usize, usize, ElectionMessage)>,
    on_router_reply: Vec<(Timestamp, usize, Request)>,
    reports: Timestamp,
    draws: u64,
}

impl Site {
    /// So many servers, switched on one after the other: the first holds the representative port.
    pub(super) fn of(count: usize, rules: Rules, access: Access) -> Self {
        let mut site = Self {
            fake_router: FakeRouter::new(access),
            servers: (0..count).map(Server::new).collect(),
            now: Timestamp(0),
            rules,
            said: Vec::new(),
            dead: Vec::new(),
            apart: Vec::new(),
            entropy: None,
            mail: Vec::new(),
            on_router_reply: Vec::new(),
            reports: Timestamp(0),
            draws: 1,
        };
        for who in 0..count {
            site.tell(who, &Event::RouterFound);
            site.run(BEAT);
        }
        site.run(BEAT * 4);
        site.said.clear();
        site
    }

    pub(super) fn rules_of(&self, who: usize) -> Rules {
        Rules {
            me: InstanceId(who as u64),
            ..self.rules.clone()
        }
    }

    pub(super) fn peer(who: usize) -> Peer {
        Peer {
            id: InstanceId(who as u64),
            address: address(who),
        }
    }

    pub(super) fn tell(&mut self, who: usize, event: &Event) {
        if self.dead.contains(&who) {
            return;
        }
        self.draws = self
            .draws
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let entropy = Entropy(self.entropy.unwrap_or(self.draws));
        let rules = self.rules_of(who);
        let effects = self.servers[who].tell_with(&rules, event, self.now, entropy);
        for effect in effects {
            match effect {
                Effect::Ask(request) => {
                    self.on_router_reply
                        .push((self.now + LATENCY, who, request));
                }
                Effect::Say(to, message) => {
                    self.said.push((self.now, who, message));
                    let others = (0..self.servers.len()).filter(|other| *other != who);
                    for other in others.filter(|o| {
                        to == Destination::Everybody || to == Destination::One(address(*o))
                    }) {
                        self.mail.push((self.now + LATENCY, who, other, message));
                    }
                }
                Effect::WakeAt(_) | Effect::Remember | Effect::Left => {}
            }
        }
    }

    /// Takes the power away.
    pub(super) fn kill(&mut self, who: usize) {
        self.dead.push(who);
    }

    /// Gives it back: only the state file is left.
    pub(super) fn start(&mut self, who: usize) {
        self.dead.retain(|dead| *dead != who);
        let old = &self.servers[who].state;
        let memory = if old.leadership.is_some() {
            Memory::WasRepresentative
        } else {
            Memory::None
        };
        let state = State::new(old.term, old.preferred, memory);
        self.servers[who] = Server::new(who);
        self.servers[who].state = state;
        self.on_router_reply.retain(|(_, asker, _)| *asker != who);
        self.tell(who, &Event::RouterFound);
    }

    /// Lets time pass, everything in its order.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + Duration::from_millis(1);
            self.context();
        }
    }

    /// Until somebody else than `old` is representative; how long that took.
    pub(super) fn run_until_another_than(&mut self, old: &[usize]) -> Duration {
        let began = self.now;
        for _ in 0..200_000 {
            self.run(Duration::from_millis(1));
            if self.representatives().iter().any(|who| !old.contains(who)) {
                return self.now.after(began);
            }
        }
        panic!("nobody takes over; the trace: {:#?}", self.said);
    }

    fn context(&mut self) {
        let now = self.now;
        for who in 0..self.servers.len() {
            if self.servers[who].wake.is_some_and(|at| at <= now) {
                self.servers[who].wake = None;
                self.tell(who, &Event::Tick);
            }
        }
        let due: Vec<_> = self.mail.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, from, to, message) in due {
            if self.is_split(from, to) {
                continue;
            }
            let from = Self::peer(from);
            self.tell(to, &Event::Heard { from, message });
        }
        let due: Vec<_> = self
            .on_router_reply
            .extract_if(.., |(at, ..)| *at <= now)
            .collect();
        for (_, who, request) in due {
            if self.dead.contains(&who) {
                continue;
            }
            let answer = self.fake_router.answer(who, request, now);
            self.tell(who, &answer);
        }
        if now >= self.reports {
            self.reports = now + BEAT;
            self.report();
        }
    }

    fn is_split(&self, one: usize, other: usize) -> bool {
        self.apart.contains(&one) != self.apart.contains(&other)
    }

    fn report(&mut self) {
        for who in 0..self.servers.len() {
            if self.dead.contains(&who) {
                continue;
            }
            let state = &self.servers[who].state;
            let event = Event::Reported {
                from: Self::peer(who),
                external: state.external_port(&self.rules, self.now),
                term: state.term,
            };
            for other in (0..self.servers.len()).filter(|other| *other != who) {
                if self.is_split(who, other) {
                    continue;
                }
                self.tell(other, &event);
            }
        }
    }

    pub(super) fn representatives(&self) -> Vec<usize> {
        (0..self.servers.len())
            .filter(|who| !self.dead.contains(who))
            .filter(|who| self.servers[*who].state.role(self.now) == Role::Representative)
            .collect()
    }

    /// Who holds the representative port.
    pub(super) fn holder(&self) -> Option<usize> {
        let (holder, _) = self.fake_router.holder(port(8080), self.now)?;
        Some(holder)
    }

    /// Who claimed, and in which round.
    pub(super) fn claims(&self) -> Vec<(usize, u32)> {
        self.said
            .iter()
            .filter_map(|(_, who, message)| match message {
                ElectionMessage::Claim { round, .. } => Some((*who, *round)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn cause(&self, who: usize) -> Cause {
        self.servers[who]
            .state
            .leadership
            .expect("holds the representative port")
            .cause
    }
}

//! A site to be checked: its rules, what may go wrong in it, and one step of one of its servers.

use std::collections::BTreeSet;
use std::time::Duration;

use porthole_election::{
    Destination, Effect, Entropy, Event, Evidence, LanMessaging, Memory, PriorEntry, Renewal,
    Request, Rules, Shown, Timestamp, step,
};
use porthole_election::{Detection, Succession};
use porthole_types::{ExternalPort, PortRange};

use super::world::{Job, Mail, Stage, World};
use super::{LEASE, T, address, peer};
use crate::config::{leadership, port};
use porthole_sim_router::Access;

/// How the router misleads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// It does not.
    Plain,
    /// It shows no mappings.
    Hidden,
    /// A renewal leaves the end of the lease where it was.
    KeepsEnd,
    /// It refuses to renew a lease before its end.
    Refuses,
    /// It takes one mapping to a port of a device.
    OnePerInner,
}

/// What is checked: how many servers, and how much may go wrong.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) rules: Vec<Rules>,
    pub(super) deletes: Access,
    pub(super) habit: Habit,
    pub(super) losses: u8,
    pub(super) crashes: u8,
    /// How often time may pass while a request to the router is under way.
    pub(super) delays: u8,
    pub(super) horizon: Timestamp,
}

impl Site {
    pub(super) fn of(
        servers: usize,
        deletes: Access,
        (losses, crashes, delays): (u8, u8, u8),
        horizon: u64,
    ) -> Self {
        let detection: BTreeSet<Detection> = [Detection::Withdrawal, Detection::Heartbeat].into();
        let rules = (0..servers)
            .map(|who| Rules {
                me: peer(who).id,
                representative_port: leadership(),
                range: PortRange::new(port(8081), port(8090)).expect("in order"),
                representative_lease: LEASE,
                lease: Duration::from_hours(1),
                heartbeat: T,
                missed_limit: 2,
                detection: detection.clone(),
                succession: Succession::PortOrder,
                lan: LanMessaging::Enabled,
            })
            .collect();
        Self {
            rules,
            deletes,
            habit: Habit::Plain,
            losses,
            crashes,
            delays,
            horizon: Timestamp(horizon),
        }
    }

    /// The same site with a router that misleads.
    pub(super) fn with(self, habit: Habit) -> Self {
        Self { habit, ..self }
    }

    /// What the router says at once to a request for a port of the range: each server has one of
    /// its own.
    fn own_port(&self, world: &mut World, who: usize, port: ExternalPort) -> Event {
        if usize::from(port.get()) != 8081 + who {
            return Event::Taken {
                port,
                expires_in: None,
                by: None,
            };
        }
        let leads = world.entry.is_some_and(|(holder, _)| holder == who);
        if self.habit == Habit::OnePerInner && leads {
            let shown = Shown::Nobody;
            return Event::Refused { port, shown };
        }
        let before = if world.nodes[who].has_own {
            PriorEntry::Ours
        } else {
            PriorEntry::Free
        };
        world.nodes[who].has_own = true;
        let (before, evidence) = match self.habit {
            Habit::Hidden => (PriorEntry::Free, Evidence::Answer),
            _ => (before, Evidence::ReadBack),
        };
        Event::Secured {
            port,
            sent_at: world.now,
            granted: None,
            before,
            evidence,
            renewal: Renewal::Extended,
        }
    }

    /// One step of a server, and what follows from it at once.
    pub(super) fn tell(&self, world: &mut World, who: usize, event: &Event) {
        let mut events = vec![event.clone()];
        while let Some(event) = events.pop() {
            let node = &mut world.nodes[who];
            let entropy = Entropy((who as u64 + 1) << 60);
            let (new, effects) = step(&self.rules[who], &node.state, &event, world.now, entropy);
            let old = std::mem::replace(&mut node.state, new);
            if node.state.pending.is_none() {
                node.job = None;
            }
            node.wake = node.wake.filter(|at| *at > world.now);
            for effect in effects {
                let node = &mut world.nodes[who];
                match effect {
                    Effect::Ask(request) if request.port() == leadership() => {
                        node.job = Some(Job {
                            request,
                            sent_at: world.now,
                            stage: Stage::Sent,
                        });
                    }
                    Effect::Ask(Request::Secure { port, .. }) => {
                        events.push(self.own_port(world, who, port));
                    }
                    Effect::Ask(request) => {
                        world.nodes[who].has_own = false;
                        events.push(Event::Released(request.port()));
                    }
                    Effect::Say(to, message) => {
                        let to = (0..self.rules.len())
                            .filter(|other| *other != who)
                            .filter(|other| {
                                to == Destination::Everybody
                                    || to == Destination::One(address(*other))
                            })
                            .collect();
                        world.mail.push(Mail {
                            from: who,
                            to,
                            message,
                        });
                    }
                    Effect::WakeAt(at) => node.wake = Some(at),
                    Effect::Remember => {
                        let memory = if node.state.leadership.is_some() {
                            Memory::WasRepresentative
                        } else {
                            node.state.memory
                        };
                        let port = node.state.own.map(|own| own.port).or(node.state.preferred);
                        let ledger = node.state.ledger.ports().collect();
                        node.disk = (node.state.term, memory, port, ledger);
                    }
                    Effect::Left => {}
                }
            }
            let node = &world.nodes[who];
            let term = node.state.term;
            // An answer that comes after another has deleted its mapping begins nothing on the
            // router: how soon it notices is S1d's matter.
            let begins = old.leadership.is_none() && node.state.leadership.is_some();
            if begins && node.robbed.is_none() {
                let (last, last_term) = world.last;
                let knew = old.term >= last_term;
                if last != who && knew && term <= last_term {
                    world.wrong = Some("S4");
                }
                if last == who && term < last_term {
                    world.wrong = Some("S5");
                }
                world.taken_over |= last != who;
                world.last = (who, term);
            }
        }
    }
}

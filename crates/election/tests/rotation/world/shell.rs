//! A server's shell: it calls the rules, carries out what they want and writes the state file.

use porthole_election::{Destination, Effect, Entropy, Event, Memory};

use super::World;
use super::agenda::{Item, Ticket};
use crate::client::Job;
use crate::config::{Dice, Millis};
use crate::server::{Disk, ProcessState};

/// The second copy of what goes to everybody follows the first (`Effect::Say`).
const COPY_AFTER: Millis = 50;

impl World {
    /// One step of the rules, and what follows from it.
    pub(super) fn tell(&mut self, server: usize, event: &Event) {
        let draw = Entropy(match self.config.dice {
            Dice::Each => self.rng.u64(..),
            Dice::Alike => self.config.seed.rotate_left(40),
        });
        let it = &mut self.servers[server];
        let shown = it.clock.show(self.now);
        let (new, effects) = self.mutant.step(&it.rules, &it.state, event, shown, draw);
        let old = std::mem::replace(&mut it.state, new);
        if it.state.pending.is_none() {
            it.job = None; // what it would answer is no longer asked
        }
        self.trace.note(self.now, (server, event, &effects), || {
            format!("s{server} {event:?}\n{:>14}=> {effects:?}", "")
        });
        self.checks.stepped(
            self.now,
            server,
            &old,
            &self.servers[server],
            event,
            &effects,
        );
        let boot = self.servers[server].boot;
        let mut stored_in = 0;
        for effect in effects {
            stored_in = self.run_effect(server, boot, effect, stored_in);
        }
        let port = self.servers[server]
            .state
            .external_port(&self.servers[server].rules, shown);
        if self.servers[server].runs() && port != self.servers[server].reported {
            self.report(server);
        }
    }

    /// Carries it out; what is to be on the disk before is there after `stored_in`. When what comes
    /// next may be carried out.
    fn run_effect(
        &mut self,
        server: usize,
        boot: u32,
        effect: Effect,
        stored_in: Millis,
    ) -> Millis {
        match effect {
            Effect::Ask(request) => {
                let it = &mut self.servers[server];
                it.jobs += 1;
                let now = it.clock.show(self.now);
                let (job, call) = Job::new(it.jobs, request, now, it.learned);
                it.job = Some(job);
                let ticket = Ticket {
                    boot,
                    job: Some((job.id, job.calls)),
                };
                self.call_after(stored_in, server, call, ticket);
            }
            Effect::WakeAt(at) => {
                let at = self.servers[server].clock.time_of(at).max(self.now);
                self.servers[server].wake = Some(at);
                self.at(at, Item::Wake { server, boot });
            }
            Effect::Say(to, message) => {
                self.datagrams(server, to, message);
                if to == Destination::Everybody {
                    self.after(
                        COPY_AFTER,
                        Item::SayAgain {
                            server,
                            boot,
                            message,
                        },
                    );
                }
            }
            Effect::Remember => {
                let disk = self.disk_of(server);
                let takes = self.rng.u64(0..30);
                self.after(takes, Item::Stored { server, boot, disk });
                return takes;
            }
            Effect::Left => {
                let disk = self.disk_of(server);
                self.servers[server].disk = disk;
                let it = &self.servers[server];
                self.checks.left(self.now, server, it, &self.fake_router);
                self.servers[server].process = ProcessState::Over;
                self.checks.ended(server);
            }
        }
        stored_in
    }

    /// What the shell writes to the state file.
    fn disk_of(&self, server: usize) -> Disk {
        let it = &self.servers[server];
        let shown = it.clock.show(self.now);
        let port = it.state.port_to_remember(&it.rules, shown);
        Disk {
            term: it.state.term,
            port,
            mappings: it.state.ledger.ports().collect(),
            memory: if port == Some(it.rules.representative_port) {
                Memory::WasRepresentative
            } else {
                Memory::None
            },
        }
    }
}

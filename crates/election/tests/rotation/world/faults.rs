//! A fault strikes: what each of [`Fault`] does to the world. What needs more than a line stands
//! with the part that it hits.

use porthole_election::Event;

use super::World;
use super::agenda::Item;
use crate::faults::{Fault, OnHolder};

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(server) => self.kill(server),
            Fault::Start(server) => self.start(server),
            Fault::Panic(server) => self.panic(server),
            Fault::Freeze(server, span) => self.servers[server].frozen_until = self.now + span,
            Fault::Leave(server) => {
                if self.servers[server].runs() && self.servers[server].frozen_until <= self.now {
                    self.tell(server, &Event::Leave);
                }
            }
            Fault::StepDown(server) => {
                if self.servers[server].runs() && self.servers[server].frozen_until <= self.now {
                    self.tell(server, &Event::StepDown);
                }
            }
            Fault::Switch(server, remote_access) => {
                let frozen_until = self.servers[server].frozen_until;
                if self.servers[server].runs() && frozen_until > self.now {
                    self.at(
                        frozen_until,
                        Item::Fault(Fault::Switch(server, remote_access)),
                    );
                    return;
                }
                self.servers[server].switch = remote_access;
                if self.servers[server].runs() {
                    self.tell(server, &Event::Expose(remote_access));
                }
            }
            Fault::Holder(what) => self.hit_holder(what),
            Fault::Split(groups) => self.split(&groups),
            Fault::Deaf(a, b) => self.wire.cut[a][b] = a != b,
            Fault::Unplug(server) => self.unplug(server),
            Fault::Heal => self.wire.heal(),
            Fault::Reboot(span) => self.reboot(span),
            Fault::Move(server) => self.change_address(server),
            Fault::ForeignMapping(span) => self.foreigner_maps(span),
            Fault::Wipe(server) => self.wipe(server),
            Fault::Burst(a, b, span) => self.burst(a, b, span),
        }
    }

    /// Whoever holds the representative port is hit; a failed one may come back.
    fn hit_holder(&mut self, what: OnHolder) {
        let Some(server) = self.holder() else { return };
        let back = self.rng.u64(self.now..=self.config.calm_at);
        let returns = self.rng.bool();
        match what {
            OnHolder::Kill => self.kill(server),
            OnHolder::Leave => self.fault(Fault::Leave(server)),
            OnHolder::StepDown => self.fault(Fault::StepDown(server)),
            OnHolder::Unplug => self.unplug(server),
            OnHolder::Freeze(span) => self.servers[server].frozen_until = self.now + span,
        }
        if returns && matches!(what, OnHolder::Kill | OnHolder::Leave) {
            self.at(back, Item::Fault(Fault::Start(server)));
        }
    }
}

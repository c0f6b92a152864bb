//! The LAN: messages and reports travel as datagrams, and cables, switches and bursts of loss stand
//! in their way.

use porthole_election::{Destination, ElectionMessage, Event, LanMessaging, Peer};

use super::World;
use super::agenda::Item;
use crate::config::Millis;

impl World {
    /// The shell reports its own port and term to everybody.
    pub(super) fn report(&mut self, server: usize) {
        let it = &mut self.servers[server];
        let shown = it.clock.show(self.now);
        let external = it.state.external_port(&it.rules, shown);
        it.reported = external;
        let event = Event::Reported {
            from: Peer {
                id: it.id,
                address: it.address,
            },
            external,
            term: it.state.term,
        };
        for to in 0..self.servers.len() {
            self.datagram(server, to, &event);
        }
    }

    /// A message leaves, to one or to each.
    pub(super) fn datagrams(&mut self, server: usize, to: Destination, message: ElectionMessage) {
        let it = &self.servers[server];
        let event = Event::Heard {
            from: Peer {
                id: it.id,
                address: it.address,
            },
            message,
        };
        for other in 0..self.servers.len() {
            let meant = match to {
                Destination::Everybody => true,
                Destination::One(address) => self.servers[other].address == address,
            };
            if meant {
                self.datagram(server, other, &event);
            }
        }
    }

    fn datagram(&mut self, from: usize, to: usize, event: &Event) {
        if from == to || self.config.lan == LanMessaging::Disabled {
            return;
        }
        let fares = self.wire.carry(from, to, self.now, &mut self.rng);
        for takes in fares.into_iter().flatten() {
            let event = event.clone();
            self.after(takes, Item::Deliver { to, event, from });
        }
    }

    /// The cable is pulled: LAN and router are out of reach, which the server notices after a
    /// while.
    pub(super) fn unplug(&mut self, server: usize) {
        self.wire.off_router[server] = true;
        for other in 0..self.servers.len() {
            self.wire.cut[server][other] = true;
            self.wire.cut[other][server] = true;
        }
        let boot = self.servers[server].boot;
        let noticed = self.rng.u64(0..15_000);
        self.after(noticed, Item::RouterLost { server, boot });
    }

    /// Datagrams pass only inside a group.
    pub(super) fn split(&mut self, groups: &[u8]) {
        for (a, mine) in groups.iter().enumerate() {
            for (b, theirs) in groups.iter().enumerate() {
                self.wire.cut[a][b] |= mine != theirs;
            }
        }
    }

    /// Nothing passes from one to the other for so long; from a server to itself means its
    /// exchanges with the router.
    pub(super) fn burst(&mut self, a: usize, b: usize, span: Millis) {
        if a == b {
            self.late_router[a] = true;
        } else {
            self.wire.cut[a][b] = true;
        }
        self.after(span, Item::BurstOver(a, b));
    }

    pub(super) fn burst_over(&mut self, a: usize, b: usize) {
        self.wire.cut[a][b] = false;
        self.late_router[a] = false;
    }
}

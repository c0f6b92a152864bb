//! Lives of servers: they begin, end and panic, lose their disk and get other addresses.

use std::net::Ipv4Addr;

use porthole_election::{Event, State};

use super::World;
use super::agenda::Item;
use crate::client::Learned;
use crate::mutants::{self, Mutant};
use crate::server::{Disk, ProcessState};

impl World {
    /// A server boots.
    pub(super) fn start(&mut self, server: usize) {
        let it = &mut self.servers[server];
        if it.runs() {
            return;
        }
        it.process = ProcessState::Runs;
        it.boot += 1;
        it.state = State::new(it.disk.term, it.disk.port, it.disk.memory)
            .with_ledger(it.disk.mappings.iter().copied())
            .with_remote_access(it.switch);
        it.job = None;
        it.wake = None;
        it.learned = Learned::default();
        it.knows_router = false;
        it.frozen_until = 0;
        it.reported = None;
        if self.mutant == Mutant::TrustsStateFile {
            mutants::believe(&mut it.state, &it.rules, it.clock.show(self.now));
        }
        let boot = it.boot;
        self.checks.started(server, &self.servers[server]);
        self.tell(server, &Event::Awoke);
        let found = self.rng.u64(50..800);
        self.after(found, Item::RouterFound { server, boot });
        let first = self.rng.u64(0..self.config.heartbeat);
        self.after(first, Item::Report { server, boot });
        if let Some(every) = self.config.poll {
            let first = self.rng.u64(0..every);
            self.after(first, Item::Poll { server, boot });
        }
    }

    /// kill -9, or the plug: nobody is told.
    pub(super) fn kill(&mut self, server: usize) {
        if self.servers[server].runs() {
            self.servers[server].process = ProcessState::Over;
            self.servers[server].job = None;
            self.checks.ended(server);
        }
    }

    /// The election actor begins again with what it had.
    pub(super) fn panic(&mut self, server: usize) {
        if self.servers[server].runs() && self.servers[server].frozen_until <= self.now {
            self.servers[server].job = None;
            self.tell(server, &Event::Awoke);
        }
    }

    /// A dead server's state file is lost.
    pub(super) fn wipe(&mut self, server: usize) {
        if !self.servers[server].runs() {
            self.servers[server].disk = Disk::BLANK;
            self.checks.wiped(server);
        }
    }

    /// DHCP gives it another address.
    pub(super) fn change_address(&mut self, server: usize) {
        let it = &mut self.servers[server];
        if it.runs() && it.frozen_until <= self.now {
            let [a, b, c, d] = it.address.octets();
            it.address = Ipv4Addr::new(a, b, c, d + 10);
            it.job = None;
            self.checks.moved(server);
            self.tell(server, &Event::AddressChanged);
        }
    }
}

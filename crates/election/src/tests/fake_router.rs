//! The simulated router's table, which does a whole request at once and answers with what the shell
//! would tell the rules.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use porthole_sim_router::{Access, Fault, Leases, Mapping, Protocol, Quirks, Table, TableEntry};
use porthole_types::{ExternalPort, InternalPort};

use super::address;
use crate::{
    Event, Evidence, Owner, OwnerKind, Ownership, PriorEntry, Renewal, Request, SurveyExtent,
    Timestamp,
};

/// An honest router.
pub(super) struct FakeRouter {
    table: Table<Duration>,
}

impl Default for FakeRouter {
    /// One on which nobody may delete another's mapping (secure mode).
    fn default() -> Self {
        Self::new(Access::Secure)
    }
}

impl FakeRouter {
    pub(super) fn new(access: Access) -> Self {
        let quirks = Quirks {
            access,
            leases: Leases::AsAsked,
            ..Quirks::igd2()
        };
        Self {
            table: Table::new(quirks, Duration::ZERO),
        }
    }

    /// What server number `who` is told of its request.
    pub(super) fn answer(&mut self, who: usize, request: Request, now: Timestamp) -> Event {
        self.table.expire(at(now));
        match request {
            Request::Secure { port, lease, .. } => self.secure(who, port, lease, now),
            Request::Remake { port, lease } => {
                if self.holds(who, port, now) {
                    self.delete(who, port, now).expect("its own");
                }
                self.secure(who, port, lease, now)
            }
            Request::Release(port) => {
                if self.holds(who, port, now) {
                    self.delete(who, port, now).expect("its own");
                }
                Event::Released(port)
            }
            Request::Evict { port, from } => match self.holder(port, now) {
                Some((holder, _)) if address(holder) == from => match self.delete(who, port, now) {
                    Ok(()) => Event::Evicted(port),
                    Err(_) => Event::Irremovable(port),
                },
                Some((holder, _)) if holder != who => self.taken(port, now),
                Some(_) | None => Event::Evicted(port),
            },
        }
    }

    fn secure(&mut self, who: usize, port: ExternalPort, lease: Duration, now: Timestamp) -> Event {
        let before = match self.holder(port, now) {
            Some(_) => PriorEntry::Ours,
            None => PriorEntry::Free,
        };
        let seconds = u32::try_from(lease.as_secs()).expect("a lease of 136 years at most");
        let mapping = mapping(who, port);
        match self.table.add(at(now), address(who), mapping, seconds) {
            Ok(_) => Event::Secured {
                port,
                sent_at: now,
                granted: Some(lease),
                before,
                evidence: Evidence::ReadBack,
                renewal: Renewal::Extended,
            },
            Err(Fault::TableFull) => Event::NoRoom(port),
            Err(_) => self.taken(port, now),
        }
    }

    fn holds(&self, who: usize, port: ExternalPort, now: Timestamp) -> bool {
        let holder = self.holder(port, now);
        holder.is_some_and(|(holder, _)| holder == who)
    }

    fn taken(&self, port: ExternalPort, now: Timestamp) -> Event {
        let (holder, until) = self.holder(port, now).expect("somebody's");
        Event::Taken {
            port,
            expires_in: until.map(|until| until.after(now)),
            by: Some(Owner {
                address: address(holder),
                kind: OwnerKind::Porthole,
            }),
        }
    }

    fn delete(&mut self, who: usize, port: ExternalPort, now: Timestamp) -> Result<(), Fault> {
        self.table
            .delete(at(now), address(who), Protocol::Tcp, port)
            .map(|_| ())
    }

    /// The whole table, as one server reads it.
    pub(super) fn survey(&self, who: usize, now: Timestamp) -> Event {
        let ownership = |holder| {
            if holder == who {
                Ownership::Mine
            } else {
                Ownership::Theirs
            }
        };
        let holders = self.holders(now).into_iter();
        Event::Surveyed {
            holders: holders
                .map(|(port, holder)| (port, ownership(holder)))
                .collect(),
            seen: SurveyExtent::Whole,
        }
    }

    /// Whose each port is: the numbers of the servers.
    pub(super) fn holders(&self, now: Timestamp) -> BTreeMap<ExternalPort, usize> {
        let live = self.table.live(at(now));
        live.map(|entry| (entry.mapping.external_port, number(entry.mapping.client)))
            .collect()
    }

    /// Whose a port is, and until when; `None` has no end.
    pub(super) fn holder(
        &self,
        port: ExternalPort,
        now: Timestamp,
    ) -> Option<(usize, Option<Timestamp>)> {
        let entry = self.table.get(at(now), Protocol::Tcp, port)?;
        let until = entry.lease_end.map(|end| Timestamp(end.as_millis() as u64));
        Some((number(entry.mapping.client), until))
    }

    /// Maps a port to server number `who` past all rules; `None` has no end.
    pub(super) fn hold(&mut self, port: ExternalPort, who: usize, until: Option<Timestamp>) {
        self.table.put(TableEntry {
            mapping: mapping(who, port),
            lease_end: until.map(at),
        });
    }

    /// Somebody deletes the mapping of a port on the router's own pages.
    pub(super) fn free(&mut self, port: ExternalPort) {
        self.table.take(Protocol::Tcp, port);
    }

    /// The table is lost.
    pub(super) fn reboot(&mut self) {
        self.table.clear();
    }

    /// From now on there is no room for more than so many mappings.
    pub(super) fn limit(&mut self, table_limit: usize) {
        self.table.set_quirks(Quirks {
            table_limit,
            ..*self.table.quirks()
        });
    }
}

fn mapping(who: usize, port: ExternalPort) -> Mapping {
    Mapping {
        protocol: Protocol::Tcp,
        external_port: port,
        client: address(who),
        internal_port: InternalPort::new(8080).expect("not 0"),
        description: String::new(),
    }
}

/// The number of the server at this address.
fn number(client: Ipv4Addr) -> usize {
    usize::from(client.octets()[3] - address(0).octets()[3])
}

/// Protocol time as the table takes it.
fn at(now: Timestamp) -> Duration {
    Duration::from_millis(now.0)
}

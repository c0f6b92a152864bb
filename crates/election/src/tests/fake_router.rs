//! The simulated router's table, which does a whole request at once and answers with what the shell
//! would tell the rules: what `gateway::verified` concludes from what the table's quirks show.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use porthole_sim_router::{
    Access, ClientText, Fault, Leases, Mapping, Protocol, Quirks, Table, TableEntry,
};
use porthole_types::{ExternalPort, InternalPort};

use super::address;
use crate::{
    Asked, Event, Evidence, Owner, OwnerKind, Ownership, PriorEntry, Renewal, Request, Shown,
    SurveyExtent, Timestamp,
};

/// A router, and what each server has learned of it.
pub(super) struct FakeRouter {
    table: Table<Duration>,
    learned: BTreeMap<usize, Learned>,
}

/// What using the router has taught one server.
#[derive(Clone, Copy, Default)]
struct Learned {
    /// A mapping was seen, anybody's.
    seen: bool,
    /// How often in a row nothing was seen after a yes.
    blanks: u32,
    /// The router lists what it does not show by the port.
    lists_only: bool,
}

/// Whose a port is, as a server sees it; with the seconds that are left of its lease, if it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Free,
    Ours(Option<u32>),
    Theirs(usize, Option<u32>),
    /// Another's, and the router does not show more of it (606).
    Hidden,
    /// The router shows no address.
    Unclear(Described, Option<u32>),
}

/// What a description says of an entry that has no address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Described {
    AsOurs,
    AsAnother,
    Otherwise,
}

impl Default for FakeRouter {
    /// One on which nobody may delete another's mapping (secure mode).
    fn default() -> Self {
        Self::new(Access::Secure)
    }
}

impl FakeRouter {
    /// An honest router.
    pub(super) fn new(access: Access) -> Self {
        Self::with(Quirks {
            access,
            leases: Leases::AsAsked,
            ..Quirks::igd2()
        })
    }

    pub(super) fn with(quirks: Quirks) -> Self {
        Self {
            table: Table::new(quirks, Duration::ZERO),
            learned: BTreeMap::new(),
        }
    }

    /// The router has another habit from now on.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Quirks)) {
        let mut quirks = *self.table.quirks();
        change(&mut quirks);
        self.table.set_quirks(quirks);
    }

    /// What server number `who` is told of its request.
    pub(super) fn answer(&mut self, who: usize, request: Request, now: Timestamp) -> Event {
        self.table.expire(at(now));
        match request {
            Request::Secure { port, lease, asked } => match self.look(who, port, now) {
                Holder::Theirs(owner, left) => taken(port, Some(owner), left),
                Holder::Unclear(described, left)
                    if asked == Asked::First || described == Described::AsAnother =>
                {
                    taken(port, None, left)
                }
                before => self.write(who, request, lease, before, now),
            },
            Request::Remake { port, lease } => match self.look(who, port, now) {
                Holder::Theirs(owner, left) => taken(port, Some(owner), left),
                Holder::Hidden => taken(port, None, None),
                Holder::Unclear(Described::AsAnother, left) => taken(port, None, left),
                Holder::Free => self.write(who, request, lease, Holder::Free, now),
                before => {
                    let deleted = self.delete(who, port, now).is_ok();
                    let before = if deleted { Holder::Free } else { before };
                    self.write(who, request, lease, before, now)
                }
            },
            Request::Release(port) => self.release(who, port, now),
            Request::Evict { port, from } => match self.look(who, port, now) {
                Holder::Free | Holder::Ours(_) => Event::Evicted(port),
                Holder::Theirs(owner, _) if address(owner) == from => {
                    match self.delete(who, port, now) {
                        Ok(()) => Event::Evicted(port),
                        Err(_) => Event::Irremovable(port),
                    }
                }
                Holder::Theirs(owner, left) => taken(port, Some(owner), left),
                Holder::Hidden => taken(port, None, None),
                Holder::Unclear(_, left) => taken(port, None, left),
            },
        }
    }

    /// Adds a mapping, and reads it back.
    fn write(
        &mut self,
        who: usize,
        request: Request,
        lease: Duration,
        before: Holder,
        now: Timestamp,
    ) -> Event {
        let port = request.port();
        let seconds = u32::try_from(lease.as_secs()).expect("a lease of 136 years at most");
        let mapping = mapping(who, port);
        let added = self.table.add(at(now), address(who), mapping, seconds);
        let after = self.look_twice(who, port, now);
        let learned = self.learned.entry(who).or_default();
        let Err(fault) = added else {
            return match after {
                Holder::Theirs(owner, left) => taken(port, Some(owner), left),
                Holder::Hidden => taken(port, None, None),
                Holder::Unclear(Described::AsAnother, left) => taken(port, None, left),
                Holder::Free => {
                    learned.blanks += 1;
                    if learned.seen || learned.blanks < 2 {
                        return Event::Failed(request);
                    }
                    granted(request, lease, before, after, now)
                }
                Holder::Unclear(..) | Holder::Ours(_) => {
                    granted(request, lease, before, after, now)
                }
            };
        };
        let shown = match (after, before) {
            (Holder::Theirs(owner, left), _) => return taken(port, Some(owner), left),
            (Holder::Hidden, _) => return taken(port, None, None),
            (Holder::Free, Holder::Free) if fault == Fault::TableFull => {
                return Event::NoRoom(port);
            }
            (Holder::Unclear(_, left), Holder::Free | Holder::Ours(_)) => {
                return taken(port, None, left);
            }
            (Holder::Unclear(Described::AsAnother, left), _) => return taken(port, None, left),
            (Holder::Ours(_) | Holder::Unclear(Described::AsOurs, _), _) => Shown::Ours,
            (Holder::Free, _) if learned.seen => Shown::Nobody,
            (Holder::Unclear(Described::Otherwise, _) | Holder::Free, _) => Shown::Nothing,
        };
        Event::Refused { port, shown }
    }

    fn release(&mut self, who: usize, port: ExternalPort, now: Timestamp) -> Event {
        let seen = |router: &Self| router.learned.get(&who).is_some_and(|it| it.seen);
        match self.look_twice(who, port, now) {
            Holder::Free if seen(self) => return Event::Released(port),
            Holder::Theirs(..) | Holder::Hidden | Holder::Unclear(Described::AsAnother, _) => {
                return Event::Released(port);
            }
            Holder::Free | Holder::Ours(_) | Holder::Unclear(..) => {}
        }
        let deleted = self.delete(who, port, now);
        match self.look(who, port, now) {
            Holder::Ours(_) | Holder::Unclear(Described::AsOurs, _) => {
                Event::Failed(Request::Release(port))
            }
            Holder::Unclear(Described::Otherwise, _) if deleted.is_ok() => {
                Event::Failed(Request::Release(port))
            }
            _ => Event::Released(port),
        }
    }

    /// What a server sees on a port, and what that teaches it.
    fn look(&mut self, who: usize, port: ExternalPort, now: Timestamp) -> Holder {
        let lists_only = self.learned.entry(who).or_default().lists_only;
        let holder = if lists_only {
            self.listed(who, port, now)
        } else {
            match self.table.read(at(now), address(who), Protocol::Tcp, port) {
                Ok(entry) => self.seen_by(who, entry, now),
                Err(Fault::NotAuthorized) => Holder::Hidden,
                Err(_) => Holder::Free,
            }
        };
        self.teach(who, holder);
        holder
    }

    /// The same with a second look, in the list.
    fn look_twice(&mut self, who: usize, port: ExternalPort, now: Timestamp) -> Holder {
        let holder = self.look(who, port, now);
        if holder != Holder::Free {
            return holder;
        }
        let listed = self.listed(who, port, now);
        if listed != Holder::Free {
            self.learned.entry(who).or_default().lists_only = true;
        }
        self.teach(who, listed);
        listed
    }

    fn listed(&self, who: usize, port: ExternalPort, now: Timestamp) -> Holder {
        let mut rows = self.table.listed(at(now));
        let row = rows.find(|row| row.mapping.external_port == port);
        row.map_or(Holder::Free, |row| self.seen_by(who, row, now))
    }

    fn teach(&mut self, who: usize, holder: Holder) {
        if holder != Holder::Free {
            let learned = self.learned.entry(who).or_default();
            learned.seen = true;
            learned.blanks = 0;
        }
    }

    fn seen_by(&self, who: usize, entry: &TableEntry<Duration>, now: Timestamp) -> Holder {
        let seconds = self.table.seconds_left(entry, at(now));
        let left = entry.lease_end.map(|_| seconds);
        let owner = number(entry.mapping.client);
        if self.table.quirks().client_text == ClientText::Address {
            return if owner == who {
                Holder::Ours(left)
            } else {
                Holder::Theirs(owner, left)
            };
        }
        let described = match entry.mapping.description.parse::<usize>() {
            Ok(named) if named == who => Described::AsOurs,
            Ok(_) => Described::AsAnother,
            Err(_) => Described::Otherwise,
        };
        Holder::Unclear(described, left)
    }

    fn delete(&mut self, who: usize, port: ExternalPort, now: Timestamp) -> Result<(), Fault> {
        self.table
            .delete(at(now), address(who), Protocol::Tcp, port)
            .map(|_| ())
    }

    /// The whole table, as one server reads it.
    pub(super) fn survey(&mut self, who: usize, now: Timestamp) -> Event {
        let rows = self.table.listed(at(now));
        let holders: BTreeMap<ExternalPort, Ownership> = rows
            .map(|row| {
                let ownership = match self.seen_by(who, row, now) {
                    Holder::Ours(_) => Ownership::Mine,
                    Holder::Unclear(..) => Ownership::Unclear,
                    _ => Ownership::Theirs,
                };
                (row.mapping.external_port, ownership)
            })
            .collect();
        self.learned.entry(who).or_default().seen |= !holders.is_empty();
        Event::Surveyed {
            holders,
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
        self.change(|quirks| quirks.table_limit = table_limit);
    }
}

/// What the answer to a request says of the lease, from what was seen before and after.
fn granted(
    request: Request,
    asked: Duration,
    before: Holder,
    after: Holder,
    now: Timestamp,
) -> Event {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let (entry, old) = match before {
        Holder::Ours(old) => (PriorEntry::Ours, old),
        Holder::Unclear(_, old) => (PriorEntry::Free, old),
        _ => (PriorEntry::Free, None),
    };
    let (evidence, granted, left) = match after {
        Holder::Ours(left) => (Evidence::ReadBack, left.map(seconds), left),
        Holder::Unclear(_, left) => (Evidence::Answer, left.map(seconds), left),
        // Nothing is shown: all that is known is what was asked for.
        _ => (Evidence::Answer, Some(asked), None),
    };
    // What counts down shows a little less than was granted.
    let granted = match granted {
        Some(left) if left + seconds(1) >= asked => Some(asked),
        granted => granted,
    };
    let (granted, renewal) = match (old, left) {
        (None, _) => (granted, Renewal::New),
        (Some(old), Some(left)) => {
            let certain = Some(seconds(left.saturating_sub(1).max(1)));
            match left > old {
                true if old <= 1 => (certain, Renewal::Untold),
                true => (granted, Renewal::Extended),
                false if granted == Some(asked) => (certain, Renewal::Untold),
                false => (certain, Renewal::Unchanged),
            }
        }
        (Some(_), None) => (granted, Renewal::Extended),
    };
    Event::Secured {
        port: request.port(),
        sent_at: now,
        granted,
        before: entry,
        evidence,
        renewal,
    }
}

fn taken(port: ExternalPort, by: Option<usize>, left: Option<u32>) -> Event {
    Event::Taken {
        port,
        expires_in: left.map(|left| Duration::from_secs(left.into())),
        by: by.map(|holder| Owner {
            address: address(holder),
            kind: OwnerKind::Porthole,
        }),
    }
}

fn mapping(who: usize, port: ExternalPort) -> Mapping {
    Mapping {
        protocol: Protocol::Tcp,
        external_port: port,
        client: address(who),
        internal_port: InternalPort::new(8080).expect("not 0"),
        description: who.to_string(),
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

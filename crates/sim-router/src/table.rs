//! The port mapping table: pure, the time is passed in.
//!
//! A mapping belongs to its internal client. There is at most one for each protocol and external
//! port; one whose lease has ended is treated as absent even before [`Table::expire`] takes it out.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::quirks::{
    Access, AddForOther, Conflict, DeleteMissing, DeleteOfOther, EntryForm, LeadsTo, ListEnd,
    Order, PerInner, Quirks, Renewal, Residents, Shown, Specific, Ticks, Visibility, WhenFull,
};
use crate::time::TimePoint;
use porthole_types::{ExternalPort, InternalPort};

mod residents;
#[cfg(test)]
mod tests;

/// What is carried through a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Forwarded for real.
    Tcp,
    /// Listed, but nothing is forwarded.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

impl FromStr for Protocol {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "TCP" => Ok(Self::Tcp),
            "UDP" => Ok(Self::Udp),
            _ => Err(Fault::InvalidArgs),
        }
    }
}

/// From a port outside to a port of a host inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// What is carried.
    pub protocol: Protocol,
    /// The port on the WAN address.
    pub external_port: ExternalPort,
    /// The host that it leads to, and whose mapping it is.
    pub client: Ipv4Addr,
    /// The port on that host.
    pub internal_port: InternalPort,
    /// Free text, chosen by whoever asked.
    pub description: String,
}

impl Mapping {
    /// Where connections are led.
    #[must_use]
    pub fn target(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.client, self.internal_port.get())
    }
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableEntry<T = Instant> {
    /// What is mapped.
    pub mapping: Mapping,
    /// When it ends by itself; `None`: never.
    pub lease_end: Option<T>,
}

impl<T: TimePoint> TableEntry<T> {
    fn is_live(&self, now: T) -> bool {
        self.lease_end.is_none_or(|end| now < end)
    }

    fn is_at(&self, protocol: Protocol, port: ExternalPort) -> bool {
        self.mapping.external_port == port && self.mapping.protocol == protocol
    }
}

/// What an accepted add did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddOutcome<T = Instant> {
    /// The port was free.
    Added(TableEntry<T>),
    /// The same client had it; lease, internal port and description are the new ones.
    Renewed(TableEntry<T>),
    /// Another client had it and was overwritten ([`Conflict::Overwrite`]).
    Replaced {
        /// What was there.
        old: TableEntry<T>,
        /// What is there now.
        new: TableEntry<T>,
    },
    /// The router said OK and did not store the mapping ([`WhenFull::SayOk`], or a lie).
    NotStored,
}

impl LeadsTo {
    /// The mapping that is made of the one that was asked for.
    fn made(self, asked: Mapping) -> Mapping {
        match self {
            Self::AsAsked => asked,
            Self::PortForPort => Mapping {
                internal_port: InternalPort::new(asked.external_port.get())
                    .unwrap_or(asked.internal_port),
                ..asked
            },
            Self::Repeater(client) => Mapping { client, ..asked },
        }
    }
}

/// All mappings, oldest first. `T` is the time that its owner counts in.
#[derive(Clone, Debug)]
pub struct Table<T = Instant> {
    quirks: Quirks,
    /// When the router was switched on: whole seconds are counted from here.
    started: T,
    entries: Vec<TableEntry<T>>,
}

impl<T: TimePoint> Table<T> {
    /// The table of a router with these habits that is switched on at this time; empty but for
    /// its [`Residents`].
    #[must_use]
    pub fn new(quirks: Quirks, started: T) -> Self {
        let entries = match quirks.residents {
            Residents::None => Vec::new(),
            Residents::Odd => odd_residents()
                .map(|mapping| TableEntry {
                    mapping,
                    lease_end: None,
                })
                .collect(),
        };
        Self {
            quirks,
            started,
            entries,
        }
    }

    /// The router's habits.
    #[must_use]
    pub fn quirks(&self) -> &Quirks {
        &self.quirks
    }

    /// Gives the router other habits from now on, as its owner may; what is mapped stays.
    pub fn set_quirks(&mut self, quirks: Quirks) {
        self.quirks = quirks;
    }

    /// `AddPortMapping`: `requester` asks for `mapping` with a lease of `asked` seconds (0: no
    /// end).
    ///
    /// # Errors
    /// As [`Table::check_add`].
    pub fn add(
        &mut self,
        now: T,
        requester: Ipv4Addr,
        mapping: Mapping,
        asked: u32,
    ) -> Result<AddOutcome<T>, Fault> {
        let lease = self.check_add(now, requester, &mapping, asked)?;
        let mapping = self.quirks.leads_to.made(mapping);
        let holder = self
            .get(now, mapping.protocol, mapping.external_port)
            .cloned();
        if holder.is_none() && self.is_full(now) {
            return Ok(AddOutcome::NotStored);
        }
        let renewed = holder
            .as_ref()
            .filter(|old| old.mapping.client == mapping.client);
        let description = renewed.map(|old| old.mapping.description.as_str());
        let new = TableEntry {
            lease_end: match (self.quirks.renewal, renewed) {
                (Renewal::KeepsEnd, Some(old)) => old.lease_end,
                _ => lease.and_then(|lease| self.lease_end(now, lease)),
            },
            mapping: Mapping {
                description: self
                    .quirks
                    .descriptions
                    .stored(mapping.description, description),
                ..mapping
            },
        };
        self.put(new.clone());
        Ok(match holder {
            None => AddOutcome::Added(new),
            Some(old) if old.mapping.client == new.mapping.client => AddOutcome::Renewed(new),
            Some(old) => AddOutcome::Replaced { old, new },
        })
    }

    /// What [`Table::add`] would say, without doing it: the lease that it would grant, in seconds;
    /// `None` is permanent.
    ///
    /// # Errors
    /// 718 or 606 for another's address in secure mode, 402 or 725 for a lease that is not granted,
    /// the fault of [`Quirks::reserved`] for such a port, 718 where another client holds the port,
    /// for a renewal or a second port that [`Quirks::renewal`] or [`Quirks::per_inner`] refuses,
    /// 728 when full.
    pub fn check_add(
        &self,
        now: T,
        requester: Ipv4Addr,
        mapping: &Mapping,
        asked: u32,
    ) -> Result<Option<NonZeroU32>, Fault> {
        if self.quirks.access == Access::Secure && mapping.client != requester {
            return Err(match self.quirks.add_for_other {
                AddForOther::Conflict => Fault::Conflict,
                AddForOther::NotAuthorized => Fault::NotAuthorized,
            });
        }
        let lease = self.quirks.leases.grant(asked)?;
        let reserved = self.quirks.reserved.as_ref();
        if let Some(fault) = reserved.and_then(|ports| ports.refusal(mapping.external_port)) {
            return Err(fault);
        }
        if self.quirks.per_inner == PerInner::One && self.leads_there_already(now, mapping) {
            return Err(Fault::Conflict);
        }
        let refuses_conflict = self.quirks.conflict == Conflict::Refuse;
        let refuses_renewal = self.quirks.renewal == Renewal::Refused;
        match self.get(now, mapping.protocol, mapping.external_port) {
            Some(old) if old.mapping.client != mapping.client && refuses_conflict => {
                Err(Fault::Conflict)
            }
            Some(old) if old.mapping.client == mapping.client && refuses_renewal => {
                Err(Fault::Conflict)
            }
            None if self.quirks.when_full == WhenFull::Refuse && self.is_full(now) => {
                Err(Fault::TableFull)
            }
            _ => Ok(lease),
        }
    }

    /// Whether another external port leads where this mapping would.
    fn leads_there_already(&self, now: T, mapping: &Mapping) -> bool {
        self.live(now).any(|entry| {
            entry.mapping.protocol == mapping.protocol
                && entry.mapping.target() == mapping.target()
                && entry.mapping.external_port != mapping.external_port
        })
    }

    /// `DeletePortMapping`. Gives what was taken out; `Ok(None)` is the OK of
    /// [`DeleteMissing::SayOk`].
    ///
    /// # Errors
    /// As [`Table::check_delete`].
    pub fn delete(
        &mut self,
        now: T,
        requester: Ipv4Addr,
        protocol: Protocol,
        port: ExternalPort,
    ) -> Result<Option<TableEntry<T>>, Fault> {
        self.check_delete(now, requester, protocol, port)?;
        let held = |entry: &mut TableEntry<T>| entry.is_live(now) && entry.is_at(protocol, port);
        Ok(self.entries.extract_if(.., held).next())
    }

    /// What [`Table::delete`] would say, without doing it.
    ///
    /// # Errors
    /// 714 where nothing is mapped; 606 or 714 for another's mapping in secure mode.
    pub fn check_delete(
        &self,
        now: T,
        requester: Ipv4Addr,
        protocol: Protocol,
        port: ExternalPort,
    ) -> Result<(), Fault> {
        let Some(entry) = self.get(now, protocol, port) else {
            return match self.quirks.delete_missing {
                DeleteMissing::Refuse => Err(Fault::NoSuchEntry),
                DeleteMissing::SayOk => Ok(()),
            };
        };
        if self.quirks.access == Access::Secure && entry.mapping.client != requester {
            return Err(match self.quirks.delete_of_other {
                DeleteOfOther::NotAuthorized => Fault::NotAuthorized,
                DeleteOfOther::NoSuchEntry => Fault::NoSuchEntry,
            });
        }
        Ok(())
    }

    /// `GetSpecificPortMappingEntry`: the mapping of one port as `requester` may see it.
    ///
    /// # Errors
    /// 401 where this cannot be asked ([`Specific::Missing`]); 714 where nothing is mapped, or
    /// nothing is shown this way ([`Quirks::shown`]); 606 where it is hidden
    /// ([`Visibility::OwnOnly`]).
    pub fn read(
        &self,
        now: T,
        requester: Ipv4Addr,
        protocol: Protocol,
        port: ExternalPort,
    ) -> Result<&TableEntry<T>, Fault> {
        if self.quirks.specific == Specific::Missing {
            return Err(Fault::InvalidAction);
        }
        if matches!(self.quirks.shown, Shown::Nothing | Shown::ListOnly) {
            return Err(Fault::NoSuchEntry);
        }
        let entry = self.get(now, protocol, port).ok_or(Fault::NoSuchEntry)?;
        let hidden = self.quirks.visibility == Visibility::OwnOnly;
        if hidden && entry.mapping.client != requester {
            return Err(Fault::NotAuthorized);
        }
        Ok(entry)
    }

    /// The rows that `GetListOfPortMappings` and `GetGenericPortMappingEntry` show, in their order;
    /// none where [`Quirks::shown`] says so. [`Table::live`] is the truth.
    pub fn listed(&self, now: T) -> impl Iterator<Item = &TableEntry<T>> {
        let mut rows: Vec<_> = match self.quirks.shown {
            Shown::All | Shown::ListOnly => self.live(now).collect(),
            Shown::Nothing | Shown::SpecificOnly => Vec::new(),
        };
        match self.quirks.order {
            Order::OldestFirst => {}
            Order::NewestFirst => rows.reverse(),
        }
        rows.into_iter()
    }

    /// `GetGenericPortMappingEntry`: one of the rows of [`Table::listed`].
    ///
    /// # Errors
    /// Past the last one, that of [`Quirks::list_end`].
    pub fn read_index(&self, now: T, index: usize) -> Result<&TableEntry<T>, Fault> {
        let mut last = None;
        for (at, entry) in self.listed(now).enumerate() {
            if at == index {
                return Ok(entry);
            }
            last = Some(entry);
        }
        match self.quirks.list_end {
            ListEnd::Fault(fault) => Err(fault),
            ListEnd::RepeatsLast => last.ok_or(Fault::IndexInvalid),
        }
    }

    /// How this entry is written down.
    #[must_use]
    pub fn form(&self, entry: &TableEntry<T>) -> EntryForm {
        let resident = self.quirks.residents == Residents::Odd
            && odd_residents().any(|mapping| mapping == entry.mapping);
        if resident {
            EntryForm::Sloppy
        } else {
            self.quirks.entry_form
        }
    }

    /// The seconds that the router shows to be left of a mapping, by its own clock and rounded up,
    /// so that a running lease is never mistaken for 0, which means permanent.
    #[must_use]
    pub fn seconds_left(&self, entry: &TableEntry<T>, now: T) -> u32 {
        let Some(end) = entry.lease_end else { return 0 };
        let left = self.quirks.lease_clock.shows(end.since(now));
        u32::try_from(left).unwrap_or(u32::MAX).max(1)
    }

    /// When a lease of so many seconds that is granted now ends; `None` past the end of time.
    fn lease_end(&self, now: T, lease: NonZeroU32) -> Option<T> {
        let clock = self.quirks.lease_clock;
        let begins = match clock.ticks {
            Ticks::Continuous => now,
            Ticks::WholeSeconds => {
                let seconds = now.since(self.started).as_secs();
                self.started.later(Duration::from_secs(seconds))?
            }
        };
        begins.later(clock.lasts(lease))
    }

    fn is_full(&self, now: T) -> bool {
        self.live(now).count() >= self.quirks.table_limit
    }

    /// Loses everything, as by a power cut.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Takes one mapping out whatever the rules say, as somebody does on the router's own pages.
    pub fn take(&mut self, protocol: Protocol, port: ExternalPort) -> Option<TableEntry<T>> {
        let is_there = |entry: &mut TableEntry<T>| entry.is_at(protocol, port);
        self.entries.extract_if(.., is_there).next()
    }

    /// Puts an entry in whatever the rules say; one on the same port makes way for it.
    pub fn put(&mut self, entry: TableEntry<T>) {
        let at = self
            .entries
            .iter_mut()
            .find(|old| old.is_at(entry.mapping.protocol, entry.mapping.external_port));
        match at {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// The mapping of one port, whoever asks.
    #[must_use]
    pub fn get(&self, now: T, protocol: Protocol, port: ExternalPort) -> Option<&TableEntry<T>> {
        self.entries
            .iter()
            .find(|entry| entry.is_at(protocol, port) && entry.is_live(now))
    }

    /// Every mapping whose lease runs, oldest first, whatever is shown of them.
    pub fn live(&self, now: T) -> impl Iterator<Item = &TableEntry<T>> {
        self.entries.iter().filter(move |entry| entry.is_live(now))
    }

    /// Takes out the mappings whose lease has ended.
    pub fn expire(&mut self, now: T) -> Vec<TableEntry<T>> {
        self.entries
            .extract_if(.., |entry| !entry.is_live(now))
            .collect()
    }

    /// When the next lease ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<T> {
        self.entries
            .iter()
            .filter_map(|entry| entry.lease_end)
            .min()
    }
}

/// The mappings of [`Residents::Odd`].
fn odd_residents() -> impl Iterator<Item = Mapping> {
    residents::odd().into_iter().filter_map(|resident| {
        Some(Mapping {
            protocol: Protocol::Tcp,
            external_port: ExternalPort::new(resident.port)?,
            client: resident.client,
            internal_port: InternalPort::new(resident.port)?,
            description: resident.description,
        })
    })
}

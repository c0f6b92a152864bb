//! The port mapping table: pure, the time is passed in.
//!
//! A mapping belongs to its internal client. There is at most one for each protocol and external
//! port; one whose lease has ended is treated as absent even before [`Table::expire`] takes it out.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::quirks::{
    Access, AddForOther, Conflict, DeleteMissing, DeleteOfOther, Quirks, WhenFull,
};
use porthole_types::{ExternalPort, InternalPort};

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
pub struct Entry {
    /// What is mapped.
    pub mapping: Mapping,
    /// When it ends by itself; `None`: never.
    pub lease_end: Option<Instant>,
}

impl Entry {
    fn is_live(&self, now: Instant) -> bool {
        self.lease_end.is_none_or(|end| now < end)
    }

    fn is_at(&self, protocol: Protocol, port: ExternalPort) -> bool {
        self.mapping.protocol == protocol && self.mapping.external_port == port
    }

    /// Seconds left, rounded up so that a running lease is never mistaken for 0, which means
    /// permanent.
    #[must_use]
    pub fn seconds_left(&self, now: Instant) -> u32 {
        let Some(end) = self.lease_end else { return 0 };
        let left = end.saturating_duration_since(now);
        let whole = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        u32::try_from(whole).unwrap_or(u32::MAX).max(1)
    }
}

/// What an accepted add did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The port was free.
    Added(Entry),
    /// The same client had it; lease, internal port and description are the new ones.
    Renewed(Entry),
    /// Another client had it and was overwritten ([`Conflict::Overwrite`]).
    Replaced {
        /// What was there.
        old: Entry,
        /// What is there now.
        new: Entry,
    },
    /// The router said OK and stored nothing ([`WhenFull::SayOk`]).
    NotStored,
}

/// All mappings, oldest first.
#[derive(Clone, Debug)]
pub struct Table {
    quirks: Quirks,
    entries: Vec<Entry>,
}

impl Table {
    /// An empty table of a router with these habits.
    #[must_use]
    pub fn new(quirks: Quirks) -> Self {
        Self {
            quirks,
            entries: Vec::new(),
        }
    }

    /// `AddPortMapping`: `requester` asks for `mapping` with a lease of `asked` seconds (0: no
    /// end).
    ///
    /// # Errors
    /// 718 or 606 for another's address in secure mode, 725, 718 where another client holds the
    /// port, 728 when full.
    pub fn add(
        &mut self,
        now: Instant,
        requester: Ipv4Addr,
        mapping: Mapping,
        asked: u32,
    ) -> Result<Change, Fault> {
        if self.quirks.access == Access::Secure && mapping.client != requester {
            return Err(match self.quirks.add_for_other {
                AddForOther::Conflict => Fault::Conflict,
                AddForOther::NotAuthorized => Fault::NotAuthorized,
            });
        }
        let lease = self.quirks.leases.grant(asked)?;
        let lease_end =
            lease.and_then(|lease| now.checked_add(Duration::from_secs(lease.get().into())));
        let new = Entry { mapping, lease_end };
        let holder = self.get(now, new.mapping.protocol, new.mapping.external_port);
        match holder {
            Some(old) if old.mapping.client == new.mapping.client => {
                self.put(new.clone());
                Ok(Change::Renewed(new))
            }
            Some(old) => match self.quirks.conflict {
                Conflict::Refuse => Err(Fault::Conflict),
                Conflict::Overwrite => {
                    let old = old.clone();
                    self.put(new.clone());
                    Ok(Change::Replaced { old, new })
                }
            },
            None if self.live(now).count() >= self.quirks.table_limit => {
                match self.quirks.when_full {
                    WhenFull::Refuse => Err(Fault::TableFull),
                    WhenFull::SayOk => Ok(Change::NotStored),
                }
            }
            None => {
                self.put(new.clone());
                Ok(Change::Added(new))
            }
        }
    }

    /// `DeletePortMapping`. Gives what was taken out; `Ok(None)` is the OK of
    /// [`DeleteMissing::SayOk`].
    ///
    /// # Errors
    /// 714 where nothing is mapped; 606 or 714 for another's mapping in secure mode.
    pub fn delete(
        &mut self,
        now: Instant,
        requester: Ipv4Addr,
        protocol: Protocol,
        port: ExternalPort,
    ) -> Result<Option<Entry>, Fault> {
        let Some(entry) = self.get(now, protocol, port) else {
            return match self.quirks.delete_missing {
                DeleteMissing::Refuse => Err(Fault::NoSuchEntry),
                DeleteMissing::SayOk => Ok(None),
            };
        };
        if self.quirks.access == Access::Secure && entry.mapping.client != requester {
            return Err(match self.quirks.delete_of_other {
                DeleteOfOther::NotAuthorized => Fault::NotAuthorized,
                DeleteOfOther::NoSuchEntry => Fault::NoSuchEntry,
            });
        }
        let entry = entry.clone();
        self.entries.retain(|other| !other.is_at(protocol, port));
        Ok(Some(entry))
    }

    /// Puts an entry in whatever the rules say; one on the same port makes way for it.
    pub fn put(&mut self, entry: Entry) {
        let at = self
            .entries
            .iter_mut()
            .find(|old| old.is_at(entry.mapping.protocol, entry.mapping.external_port));
        match at {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// The mapping of one port (`GetSpecificPortMappingEntry`).
    #[must_use]
    pub fn get(&self, now: Instant, protocol: Protocol, port: ExternalPort) -> Option<&Entry> {
        self.live(now).find(|entry| entry.is_at(protocol, port))
    }

    /// Every mapping whose lease runs, in the order of `GetGenericPortMappingEntry`.
    pub fn live(&self, now: Instant) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.is_live(now))
    }

    /// Takes out the mappings whose lease has ended.
    pub fn expire(&mut self, now: Instant) -> Vec<Entry> {
        self.entries
            .extract_if(.., |entry| !entry.is_live(now))
            .collect()
    }

    /// When the next lease ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.entries
            .iter()
            .filter_map(|entry| entry.lease_end)
            .min()
    }
}

//! What routers do to a mapping beside the standard, and what they let one see of it: the habits
//! that mislead a host which believes what it reads.

use std::net::Ipv4Addr;

use porthole_types::ExternalPort;

use crate::fault::Fault;

/// What reading shows of the mappings, all of which are there and in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Every mapping, however it is asked for.
    All,
    /// None: `GetSpecificPortMappingEntry` is refused with 714, `GetGenericPortMappingEntry` with
    /// 713, `GetListOfPortMappings` with 730.
    Nothing,
    /// Only list and index show them: `GetSpecificPortMappingEntry` is refused with 714.
    ListOnly,
    /// Only `GetSpecificPortMappingEntry` shows them: list and index are empty.
    SpecificOnly,
}

/// What stands in `NewInternalClient` when a mapping is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientText {
    /// The client's address, as WANIPConnection:2 §2.3.20 has it.
    Address,
    /// A name that the router gave the client: `cam-12` for an address that ends in 12.
    HostName,
    /// The client's hardware address, here made from its address on the LAN.
    Mac,
    /// An empty text.
    Empty,
}

/// How many external ports may lead to one port of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerInner {
    /// As many as are asked for.
    Many,
    /// One: a second is refused with 718 while the first lives.
    One,
}

/// What a mapping is made to lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadsTo {
    /// The host and port that were asked for.
    AsAsked,
    /// The host that was asked for, and the port with the number of the external one.
    PortForPort,
    /// Another host: a repeater that all hosts are behind, as the router sees it.
    Repeater(Ipv4Addr),
}

/// What an add by the holder of a port does before its lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The lease begins anew.
    Extends,
    /// OK, but the lease ends when it would have ended anyway.
    KeepsEnd,
    /// Refused with 718; the mapping stays until its lease ends.
    Refused,
}

/// External ports that the router keeps for itself, though nothing in its table says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedPorts {
    ports: [Option<ExternalPort>; ReservedPorts::MOST],
    fault: Fault,
}

impl ReservedPorts {
    /// How many there can be; more are not kept.
    pub const MOST: usize = 4;

    /// These ports are refused to everybody with 718, as if another host had them.
    #[must_use]
    pub fn new(ports: impl IntoIterator<Item = ExternalPort>) -> Self {
        let mut reserved = Self {
            ports: [None; Self::MOST],
            fault: Fault::Conflict,
        };
        for port in ports {
            reserved.insert(port);
        }
        reserved
    }

    /// The same ports, refused with this fault: routers say 718, 729, 501 or 606.
    #[must_use]
    pub fn refused_with(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }

    /// Reserves one more, unless there are [`Self::MOST`] already.
    pub fn insert(&mut self, port: ExternalPort) {
        if self.ports.contains(&Some(port)) {
            return;
        }
        if let Some(free) = self.ports.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(port);
        }
    }

    /// The fault that a mapping of this port is refused with; `None` where it is not reserved.
    #[must_use]
    pub fn refusal(&self, port: ExternalPort) -> Option<Fault> {
        self.ports.contains(&Some(port)).then_some(self.fault)
    }

    /// The reserved ports, in the order in which they were reserved.
    pub fn ports(&self) -> impl Iterator<Item = ExternalPort> {
        self.ports.into_iter().flatten()
    }
}

impl ClientText {
    /// What stands for the client at `address`.
    pub(super) fn of(self, address: Ipv4Addr) -> String {
        let [a, b, c, d] = address.octets();
        match self {
            Self::Address => address.to_string(),
            Self::HostName => format!("cam-{d}"),
            // 02 marks an address that somebody made up (IEEE 802, locally administered).
            Self::Mac => format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}"),
            Self::Empty => String::new(),
        }
    }
}

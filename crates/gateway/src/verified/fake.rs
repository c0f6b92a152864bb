//! The simulated router's table behind the [`Gateway`] trait, for the tests of writing to routers
//! that lie. Time stands still, so a lease is read back as it was granted.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use porthole_sim_router as sim;
use porthole_sim_router::{AddConduct, DeleteConduct, Descriptions, Enablement, Fault, Quirks};

use porthole_types::{ExternalPort, InternalPort};

use crate::{
    Action, Error, Extent, ExternalAddress, Gateway, Identity, MappingEntry, MappingRequest,
    Protocol, Route, ServiceType, Status, Table,
};

const NOW: Duration = Duration::ZERO;
/// The description that the fake router gives every mapping unless told otherwise.
const OWN_DESCRIPTION: &str = "anything";

/// The habits of a router that grants any lease and lets everybody delete.
pub(super) fn quirks() -> Quirks {
    Quirks {
        leases: sim::Leases::AsAsked,
        descriptions: Descriptions::Fixed(OWN_DESCRIPTION),
        ..Quirks::igd2()
    }
}

pub(super) struct FakeGateway {
    /// How each request to add is treated.
    adds: AddConduct<Duration>,
    /// How each request to delete is treated.
    deletes: DeleteConduct<Duration>,
    table: Mutex<sim::Table<Duration>>,
    log: Mutex<Vec<String>>,
}

impl Default for FakeGateway {
    fn default() -> Self {
        Self::new(quirks())
    }
}

pub(super) fn us() -> SocketAddrV4 {
    "192.168.77.11:8080".parse().unwrap()
}

pub(super) fn them() -> SocketAddrV4 {
    "192.168.77.12:8080".parse().unwrap()
}

pub(super) fn third() -> SocketAddrV4 {
    "192.168.77.13:8080".parse().unwrap()
}

pub(super) fn port() -> ExternalPort {
    ExternalPort::new(8080).unwrap()
}

/// What the router shows of the mapping of a device.
pub(super) fn entry_of(internal: SocketAddrV4, lease: u32) -> MappingEntry {
    MappingEntry {
        external: port(),
        protocol: Protocol::Tcp,
        client: internal.ip().to_string(),
        internal: InternalPort::new(internal.port()),
        lease_seconds: Some(lease),
        enabled: true,
        description: OWN_DESCRIPTION.into(),
        remote_host: String::new(),
    }
}

/// The same as the router has it; a lease of 0 seconds has no end.
pub(super) fn stored(internal: SocketAddrV4, lease: u32) -> sim::TableEntry<Duration> {
    sim::TableEntry {
        mapping: mapping(internal, OWN_DESCRIPTION),
        lease_end: (lease != 0).then(|| NOW + Duration::from_secs(lease.into())),
    }
}

fn mapping(internal: SocketAddrV4, description: &str) -> sim::Mapping {
    sim::Mapping {
        protocol: sim::Protocol::Tcp,
        external_port: port(),
        client: *internal.ip(),
        internal_port: InternalPort::new(internal.port()).unwrap(),
        description: description.to_owned(),
    }
}

pub(super) fn refused(action: Action, code: u16) -> Error {
    Error::Refused {
        action,
        code,
        text: String::new(),
    }
}

impl FakeGateway {
    pub(super) fn new(quirks: Quirks) -> Self {
        Self {
            adds: AddConduct::Honest,
            deletes: DeleteConduct::Honest,
            table: Mutex::new(sim::Table::new(quirks, NOW)),
            log: Mutex::default(),
        }
    }

    pub(super) fn adding(conduct: AddConduct<Duration>) -> Self {
        Self {
            adds: conduct,
            ..Self::default()
        }
    }

    pub(super) fn deleting(conduct: DeleteConduct<Duration>) -> Self {
        Self {
            deletes: conduct,
            ..Self::default()
        }
    }

    pub(super) fn holding(self, internal: SocketAddrV4, lease: u32) -> Self {
        self.table.lock().unwrap().put(stored(internal, lease));
        self
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.lock().unwrap().live(NOW).next().is_none()
    }

    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }
}

/// A mapping as the router shows it.
fn shown(table: &sim::Table<Duration>, entry: &sim::TableEntry<Duration>) -> MappingEntry {
    let target = entry.mapping.target();
    MappingEntry {
        external: entry.mapping.external_port,
        client: table.quirks().client_text_of(*target.ip()),
        enabled: table.quirks().enablement == Enablement::On,
        description: entry.mapping.description.clone(),
        ..entry_of(target, table.seconds_left(entry, NOW))
    }
}

#[async_trait]
impl Gateway for FakeGateway {
    fn identity(&self) -> &Identity {
        static IDENTITY: Identity = Identity {
            name: String::new(),
            address: Ipv4Addr::LOCALHOST,
            service: ServiceType::WanIp(1),
            route: Route::Default,
        };
        &IDENTITY
    }

    async fn external_address(&self) -> Result<ExternalAddress, Error> {
        Ok(None.into())
    }

    async fn add(&self, request: &MappingRequest) -> Result<(), Error> {
        let asked = request.lease.as_seconds();
        self.note(format!("add {asked}"));
        let mut mapping = mapping(request.internal, request.description.as_str());
        mapping.external_port = request.external;
        let requester = *us().ip();
        let mut table = self.table.lock().unwrap();
        let added = table.add_with(self.adds.clone(), NOW, requester, mapping, asked);
        match added {
            Ok(_) => Ok(()),
            Err(fault) => Err(refused(Action::AddPortMapping, fault.code())),
        }
    }

    async fn delete(&self, port: ExternalPort) -> Result<(), Error> {
        self.note("delete");
        let conduct = self.deletes.clone();
        let mut table = self.table.lock().unwrap();
        let deleted = table.delete_with(conduct, NOW, *us().ip(), sim::Protocol::Tcp, port);
        match deleted {
            Ok(_) => Ok(()),
            Err(fault) => Err(refused(Action::DeletePortMapping, fault.code())),
        }
    }

    async fn entry(&self, port: ExternalPort) -> Result<Option<MappingEntry>, Error> {
        self.note("entry");
        let table = self.table.lock().unwrap();
        match table.read(NOW, *us().ip(), sim::Protocol::Tcp, port) {
            Ok(entry) => Ok(Some(shown(&table, entry))),
            Err(Fault::NoSuchEntry) => Ok(None),
            Err(fault) => {
                let action = Action::GetSpecificPortMappingEntry;
                Err(refused(action, fault.code()))
            }
        }
    }

    async fn table(&self) -> Result<Table, Error> {
        let table = self.table.lock().unwrap();
        Ok(Table {
            entries: table
                .listed(NOW)
                .map(|entry| shown(&table, entry))
                .collect(),
            extent: Extent::Whole,
        })
    }

    async fn status(&self) -> Result<Status, Error> {
        Err(Error::TimedOut {
            action: Action::GetStatusInfo,
        })
    }
}

//! Routers that lie, for the tests of writing to them.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Mutex;

use async_trait::async_trait;

use super::super::{
    Action, Entry, Error, Extent, ExternalAddress, Gateway, Identity, MappingRequest, Protocol,
    Route, ServiceType, Status, Table,
};
use porthole_types::{ExternalPort, InternalPort};

/// How a fake router treats requests to add.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Adds {
    #[default]
    Honest,
    /// Says yes, stores nothing.
    Forgets,
    /// Says no with this code, and stores.
    StoresButSays(u16),
    /// Says no with this code.
    Refuses(u16),
    /// Refuses finite leases with this code.
    OnlyPermanent(u16),
    /// Refuses leases below an hour with 402.
    AtLeastAnHour,
    /// Another device's entry comes in between.
    Raced,
}

/// How it treats requests to delete.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Deletes {
    #[default]
    Honest,
    /// Says yes and does nothing.
    Forgets,
    /// Says no with this code.
    Refuses(u16),
    /// Says no with this code, and the entry is gone: its lease has ended.
    GoneButSays(u16),
    /// Its owner is alive, and asks for the port again in between.
    Renewed,
    /// A third device is quicker.
    Raced,
}

/// What becomes of the description of a request to add.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Words {
    /// A text of the router's own.
    #[default]
    Ignored,
    /// That of the first request stays.
    FirstStays,
    /// It is stored cut short.
    Cut,
}

#[derive(Default)]
pub(super) struct Fake {
    pub(super) words: Words,
    pub(super) adds: Adds,
    pub(super) deletes: Deletes,
    /// Others' entries are hidden (606).
    pub(super) hides: bool,
    /// New entries are switched off.
    pub(super) switched_off: bool,
    /// Whatever lease is asked, this one is granted.
    pub(super) grants: Option<u32>,
    pub(super) table: Mutex<HashMap<ExternalPort, Entry>>,
    pub(super) log: Mutex<Vec<String>>,
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

pub(super) fn entry_of(internal: SocketAddrV4, lease: u32) -> Entry {
    Entry {
        external: port(),
        protocol: Protocol::Tcp,
        client: internal.ip().to_string(),
        internal: InternalPort::new(internal.port()),
        lease_seconds: Some(lease),
        enabled: true,
        description: "anything".into(),
        remote_host: String::new(),
    }
}

pub(super) fn refused(action: Action, code: u16) -> Error {
    Error::Refused {
        action,
        code,
        text: String::new(),
    }
}

impl Fake {
    pub(super) fn holding(self, internal: SocketAddrV4, lease: u32) -> Self {
        self.table
            .lock()
            .unwrap()
            .insert(port(), entry_of(internal, lease));
        self
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }
}

#[async_trait]
impl Gateway for Fake {
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
        let refuse = |code| Err(refused(Action::AddPortMapping, code));
        let mut entry = entry_of(request.internal, self.grants.unwrap_or(asked));
        entry.enabled = !self.switched_off;
        let mut table = self.table.lock().unwrap();
        let asked = request.description.as_str();
        let first = table.get(&port()).map(|old| old.description.clone());
        match self.words {
            Words::Ignored => {}
            Words::FirstStays => entry.description = first.unwrap_or_else(|| asked.to_owned()),
            Words::Cut => entry.description = asked[..12].to_owned(),
        }
        let asked = request.lease.as_seconds();
        match self.adds {
            Adds::Forgets => return Ok(()),
            Adds::Refuses(code) => return refuse(code),
            Adds::OnlyPermanent(code) if asked != 0 => return refuse(code),
            Adds::AtLeastAnHour if asked < 3_600 => return refuse(402),
            Adds::Raced => entry = entry_of(them(), 30),
            _ => {}
        }
        if table.get(&port()).is_some_and(|old| !old.points_to(us())) {
            return refuse(718);
        }
        table.insert(port(), entry);
        match self.adds {
            Adds::StoresButSays(code) => refuse(code),
            _ => Ok(()),
        }
    }

    async fn delete(&self, port: ExternalPort) -> Result<(), Error> {
        self.note("delete");
        let mut table = self.table.lock().unwrap();
        match self.deletes {
            Deletes::Forgets => return Ok(()),
            Deletes::Refuses(code) => return Err(refused(Action::DeletePortMapping, code)),
            _ => table.remove(&port),
        };
        match self.deletes {
            Deletes::GoneButSays(code) => Err(refused(Action::DeletePortMapping, code)),
            Deletes::Renewed => {
                table.insert(port, entry_of(them(), 30));
                Ok(())
            }
            Deletes::Raced => {
                table.insert(port, entry_of(third(), 30));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn entry(&self, port: ExternalPort) -> Result<Option<Entry>, Error> {
        self.note("entry");
        match self.table.lock().unwrap().get(&port) {
            Some(entry) if self.hides && !entry.points_to(us()) => {
                Err(refused(Action::GetSpecificPortMappingEntry, 606))
            }
            entry => Ok(entry.cloned()),
        }
    }

    async fn table(&self) -> Result<Table, Error> {
        Ok(Table {
            entries: Vec::new(),
            extent: Extent::Partial,
        })
    }

    async fn status(&self) -> Result<Status, Error> {
        Err(Error::TimedOut {
            action: Action::GetStatusInfo,
        })
    }
}

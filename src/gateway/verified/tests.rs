//! Writing to routers that lie.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;

use async_trait::async_trait;

use super::super::{
    Action, Description, Extent, ExternalAddress, Identity, Protocol, Route, ServiceType, Status,
    Table,
};
use super::*;
use crate::ids::InternalPort;

/// How a fake router treats requests to add.
#[derive(Clone, Copy, Default, PartialEq)]
enum Adds {
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

#[derive(Default)]
struct Fake {
    adds: Adds,
    /// Deleting is refused with this code.
    no_delete: Option<u16>,
    /// Deleting says yes and does nothing.
    delete_lies: bool,
    /// Others' entries are hidden (606).
    hides: bool,
    /// New entries are switched off.
    switched_off: bool,
    /// Whatever lease is asked, this one is granted.
    grants: Option<u32>,
    table: Mutex<HashMap<ExternalPort, Entry>>,
    log: Mutex<Vec<String>>,
}

fn us() -> SocketAddrV4 {
    "192.168.77.11:8080".parse().unwrap()
}

fn them() -> SocketAddrV4 {
    "192.168.77.12:8080".parse().unwrap()
}

fn port() -> ExternalPort {
    ExternalPort::new(8080).unwrap()
}

fn entry_of(internal: SocketAddrV4, lease: u32) -> Entry {
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

fn refused(action: Action, code: u16) -> Error {
    Error::Refused {
        action,
        code,
        text: String::new(),
    }
}

impl Fake {
    fn holding(self, internal: SocketAddrV4, lease: u32) -> Self {
        self.table
            .lock()
            .unwrap()
            .insert(port(), entry_of(internal, lease));
        self
    }

    fn log(&self) -> Vec<String> {
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
        if let Some(code) = self.no_delete {
            return Err(refused(Action::DeletePortMapping, code));
        }
        if !self.delete_lies {
            self.table.lock().unwrap().remove(&port);
        }
        Ok(())
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

fn request(lease: u32) -> MappingRequest {
    MappingRequest {
        external: port(),
        internal: us(),
        lease: Lease::from_seconds(lease),
        description: Description::for_name("server 1"),
    }
}

async fn ask(router: &Fake, lease: u32) -> Result<Outcome, Error> {
    secure(router, &request(lease), &mut Ladder::default()).await
}

fn won(outcome: Result<Outcome, Error>) -> Grant {
    match outcome {
        Ok(Outcome::Ours(grant)) => grant,
        other => panic!("not ours: {other:?}"),
    }
}

#[tokio::test]
async fn a_free_port_is_asked_for_and_read_back() {
    let router = Fake::default();
    let earliest = now();
    let grant = won(ask(&router, 30).await);
    assert_eq!(
        (grant.granted, grant.before),
        (Lease::from_seconds(30), Before::Free)
    );
    assert!(grant.sent_at >= earliest);
    assert_eq!(router.log(), ["entry", "add 30", "entry"]);
}

#[tokio::test]
async fn anothers_port_is_not_even_asked_for() {
    let router = Fake::default().holding(them(), 30);
    let theirs = Outcome::Theirs(Some(entry_of(them(), 30)));
    assert_eq!(ask(&router, 30).await, Ok(theirs));
    assert_eq!(router.log(), ["entry"]);
}

#[tokio::test]
async fn our_own_port_is_renewed() {
    let router = Fake::default().holding(us(), 11);
    let grant = won(ask(&router, 30).await);
    assert_eq!(
        (grant.granted, grant.before),
        (Lease::from_seconds(30), Before::Ours)
    );
}

#[tokio::test]
async fn a_renewal_that_is_refused_is_an_error_although_the_entry_is_still_there() {
    let router = Fake {
        adds: Adds::Refuses(501),
        ..Fake::default()
    }
    .holding(us(), 11);
    assert_eq!(ask(&router, 30).await.unwrap_err().refusal(), Some(501));
}

#[tokio::test]
async fn a_yes_without_an_entry_is_no() {
    let router = Fake {
        adds: Adds::Forgets,
        ..Fake::default()
    };
    assert_eq!(
        ask(&router, 30).await,
        Err(Error::NotStored { port: port() })
    );
}

#[tokio::test]
async fn a_no_with_an_entry_is_yes() {
    for code in [501, 606, 718] {
        let router = Fake {
            adds: Adds::StoresButSays(code),
            ..Fake::default()
        };
        assert_eq!(won(ask(&router, 30).await).before, Before::Free, "{code}");
    }
}

#[tokio::test]
async fn a_yes_to_a_port_that_another_got_meanwhile_is_theirs() {
    let router = Fake {
        adds: Adds::Raced,
        ..Fake::default()
    };
    let theirs = Outcome::Theirs(Some(entry_of(them(), 30)));
    assert_eq!(ask(&router, 30).await, Ok(theirs));
}

#[tokio::test]
async fn a_refusal_of_a_free_port_is_an_error_with_its_code() {
    for code in [501, 606, 718, 728] {
        let router = Fake {
            adds: Adds::Refuses(code),
            ..Fake::default()
        };
        assert_eq!(ask(&router, 30).await.unwrap_err().refusal(), Some(code));
    }
}

#[tokio::test]
async fn a_hidden_entry_is_theirs_when_the_router_refuses_us() {
    let router = Fake {
        hides: true,
        ..Fake::default()
    }
    .holding(them(), 30);
    assert_eq!(ask(&router, 30).await, Ok(Outcome::Theirs(None)));
    assert_eq!(
        holder(&router, port(), us()).await,
        Ok(Holder::Theirs(None))
    );
}

#[tokio::test]
async fn the_ladder_is_climbed_down_and_remembered() {
    for (adds, asked, lands) in [
        (Adds::OnlyPermanent(725), 30, 0),
        (Adds::OnlyPermanent(402), 7_200, 0),
        (Adds::AtLeastAnHour, 30, 3_600),
    ] {
        let router = Fake {
            adds,
            ..Fake::default()
        };
        let mut ladder = Ladder::default();
        let grant = won(secure(&router, &request(asked), &mut ladder).await);
        assert_eq!(grant.granted.as_seconds(), lands);
        assert_eq!(ladder.first(Lease::from_seconds(asked)).as_seconds(), lands);
    }
}

#[tokio::test]
async fn a_402_on_every_rung_teaches_nothing() {
    let router = Fake {
        adds: Adds::Refuses(402),
        ..Fake::default()
    };
    let mut ladder = Ladder::default();
    let error = secure(&router, &request(30), &mut ladder)
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(402));
    assert_eq!(ladder, Ladder::default());
    assert_eq!(
        router.log(),
        ["entry", "add 30", "add 3600", "add 0", "entry"]
    );
}

#[tokio::test]
async fn a_permanent_mapping_is_not_written_again() {
    let router = Fake::default().holding(us(), 0);
    let grant = won(ask(&router, 0).await);
    assert_eq!(
        (grant.granted, grant.before),
        (Lease::Permanent, Before::Ours)
    );
    assert_eq!(router.log(), ["entry"]);
    // Unless a lease is wanted: it became permanent by a restart of the router.
    assert_eq!(won(ask(&router, 30).await).granted.as_seconds(), 30);
}

#[tokio::test]
async fn the_lease_that_counts_is_the_one_read_back() {
    let router = Fake {
        grants: Some(604_800),
        ..Fake::default()
    };
    assert_eq!(won(ask(&router, 30).await).granted.as_seconds(), 604_800);
}

#[tokio::test]
async fn a_mapping_that_is_switched_off_is_told() {
    let router = Fake {
        switched_off: true,
        ..Fake::default()
    };
    assert_eq!(
        ask(&router, 30).await,
        Err(Error::SwitchedOff { port: port() })
    );
}

#[tokio::test]
async fn only_our_own_mapping_is_released() {
    let router = Fake::default().holding(us(), 30);
    assert_eq!(release(&router, port(), us()).await, Ok(Release::Released));
    assert_eq!(router.log(), ["entry", "delete", "entry"]);
    assert_eq!(release(&router, port(), us()).await, Ok(Release::Released));

    let router = Fake::default().holding(them(), 30);
    assert_eq!(release(&router, port(), us()).await, Ok(Release::NotOurs));
    assert_eq!(router.log(), ["entry"]);
}

#[tokio::test]
async fn a_release_is_believed_only_when_the_entry_is_gone() {
    let router = Fake {
        delete_lies: true,
        ..Fake::default()
    }
    .holding(us(), 30);
    assert_eq!(
        release(&router, port(), us()).await,
        Ok(Release::StillThere(None))
    );
    let router = Fake {
        no_delete: Some(606),
        ..Fake::default()
    }
    .holding(us(), 30);
    let refusal = refused(Action::DeletePortMapping, 606);
    assert_eq!(
        release(&router, port(), us()).await,
        Ok(Release::StillThere(Some(refusal)))
    );
}

#[test]
fn a_router_that_counts_down_granted_what_was_asked() {
    let seconds = Lease::from_seconds;
    assert_eq!(granted(seconds(30), Some(seconds(30)), 0), seconds(30));
    assert_eq!(granted(seconds(30), Some(seconds(28)), 1), seconds(30));
    assert_eq!(granted(seconds(30), Some(seconds(20)), 1), seconds(20));
    assert_eq!(
        granted(seconds(30), Some(Lease::Permanent), 1),
        Lease::Permanent
    );
    assert_eq!(granted(seconds(30), None, 1), seconds(30));
    assert_eq!(
        granted(Lease::Permanent, Some(seconds(604_800)), 1),
        seconds(604_800)
    );
}

//! What outlives an actor, owned by the root.
//!
//! An actor that panics begins again without what it knew; what must not be lost then is kept here.
//! Everything is a value that is replaced whole (a watch, an `ArcSwap`), never one that is changed
//! in place, so a panic can leave nothing half done.
//!
//! Most values have one publisher, and the types say so: [`SharedState`] lets everybody read, and
//! [`Publishers`] holds the other side of each, made once and not to be cloned. The supervision
//! tree moves each field of it into the actor that publishes:
//!
//! | value | publisher | moved into |
//! |---|---|---|
//! | [`SharedState::role`] | [`RoleStepper`] | election |
//! | [`SharedState::lan`] | [`Publisher`] | lan |
//! | [`SharedState::router`] | [`Publisher`], by [`RouterView::apply`] | router |
//! | [`SharedState::fleet`] | [`Publisher`] | registry |
//! | [`SharedState::listen_ports`]: wanted | [`WantedPorts`] | election |
//! | [`SharedState::listen_ports`]: open | [`OpenPorts`] | http |
//! | [`SharedState::history`] | [`HistoryRecorder`] | election |
//! | [`SharedState::keys`] | [`KeyNoticePublisher`] | lan |
//! | [`SharedState::camera`]: health, modes offered | [`CameraPublishers`] | capture, drive |
//!
//! The others have several writers, and offer no more than the changes that these make. Each of
//! them is atomic, and two at once do not undo each other:
//!
//! | value | changes | made by |
//! |---|---|---|
//! | [`SharedState::name`] | [`SharedState::rename`] | http; lan, when another server asks |
//! | | [`NameCell::number`] | election |
//! | [`SharedState::auth_state`] | [`SharedState::learn`], a merge | http, lan |
//! | [`SharedState::authority`] | counts guesses, keeps what was right | http |
//! | [`SharedState::camera`]: what people chose | [`SharedState::choose`] | http, drive |
//! | [`SharedState::camera`]: slots | see [`CameraState`] | capture, encoder |
//! | the state file | the `remember_` methods and those above | election, http, lan, drive |
//! | [`SharedState::metrics`] | counters | everybody |

mod camera;
mod clock;
mod history;
mod key_notice;
mod leadership;
mod listen_ports;
mod name;
mod published;
mod role;
mod router_view;
mod unix_time;

use std::collections::BTreeSet;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::SystemTime;

pub use camera::{CameraPublishers, CameraState};
pub use clock::Clock;
pub use history::{
    CameraChange, History, HistoryEntry, LISTENERS, Listener, ResumePoint, RouterChange,
    SiteChange, Snapshot,
};
pub use key_notice::{KeyNotice, KeyNoticePublisher};
pub use leadership::{CameraRef, LeadershipStanding, LeadershipView, Reason, Successor};
pub use listen_ports::{ListenPorts, OpenPorts, PortStatus, WantedPorts};
pub use name::{NameCell, Names};
pub use published::{Published, Publisher};
pub use role::{RoleCell, RoleStepper};
pub use router_view::{
    Refusal, RouterNews, RouterState, RouterTrait, RouterView, Stays, TableView,
};
pub use unix_time::unix_seconds;

use crate::auth::Authority;
use crate::discovery;
use crate::durable::StoredState;
use crate::fleet::{Fleet, Myself, Scheme, Standing};
use crate::lan::interface::{LanAddress, NoAddress};
use crate::metrics::Metrics;
use crate::settings::{PortMode, Settings};
use crate::site::{AuthState, SharedAuthState};
use crate::tls::Tls;
use porthole_camera::user_overrides::UserOverrides;
use porthole_durable::{PendingWrite, WriteError, Writer};
use porthole_election::{self as election, RemoteAccess, Role, Rules};
use porthole_types::{BootId, ExternalPort, InstanceId, InternalPort, Name, Term};
use published::published;

/// Which server this is, and which run of it.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The same for as long as the data directory lives.
    pub id: InstanceId,
    /// Another one at each start.
    pub boot: BootId,
}

impl Identity {
    /// The host name under which mDNS knows this server (RFC 6762 §3), without a dot behind.
    pub fn local_host(&self) -> String {
        format!("{}.local", discovery::label(self.id))
    }
}

/// What every actor and every request may read.
pub struct SharedState {
    /// What the operator asked for; fixed while the process runs.
    pub settings: Settings,
    /// Which server this is.
    pub identity: Identity,
    /// The time that the rules count in.
    pub clock: Clock,
    /// What Prometheus reads.
    pub metrics: Metrics,
    /// Which server is the representative, as far as this one may believe.
    pub role: RoleCell,
    /// What people call this server.
    pub name: NameCell,
    /// This server's address on the LAN (¶41), or why it has none.
    pub lan: Published<Result<LanAddress, NoAddress>>,
    /// The router, as last seen.
    pub router: Published<RouterView>,
    /// The peer map, as last merged.
    pub fleet: Published<Arc<Fleet>>,
    /// Whether a peer with another site key is on the LAN.
    pub keys: KeyNotice,
    /// The ports this server listens on.
    pub listen_ports: ListenPorts,
    /// From the device to the viewers.
    pub camera: CameraState,
    /// The latest changes of leadership, fleet and router.
    pub history: Arc<History>,
    /// What the site knows about logins.
    pub auth_state: SharedAuthState,
    /// Passwords, tokens and sessions: which callers may watch, and which may change things.
    pub authority: Authority,
    /// The certificate and the protocol settings; none: HTTP in the clear. Fixed while the process
    /// runs.
    pub tls: Option<Tls>,
    /// The state file.
    disk: Writer<StoredState>,
}

/// The one publisher of each value that has but one.
pub struct Publishers {
    /// Takes the steps of the election.
    pub role: RoleStepper,
    /// The writing side of [`SharedState::lan`].
    pub lan: Publisher<Result<LanAddress, NoAddress>>,
    /// The writing side of [`SharedState::router`].
    pub router: Publisher<RouterView>,
    /// The writing side of [`SharedState::fleet`].
    pub fleet: Publisher<Arc<Fleet>>,
    /// The writing side of [`SharedState::keys`].
    pub keys: KeyNoticePublisher,
    /// Of the ports that [`SharedState::listen_ports`] wants.
    pub wanted_ports: WantedPorts,
    /// Of the ports of [`SharedState::listen_ports`] that are open.
    pub open_ports: OpenPorts,
    /// The writing side of [`SharedState::history`].
    pub history: HistoryRecorder,
    /// Of what the threads of the camera say in [`SharedState::camera`].
    pub camera: CameraPublishers,
}

/// Takes note of what has changed.
pub struct HistoryRecorder(Arc<History>);

impl HistoryRecorder {
    /// Compares what is known now with what was known at the last call.
    pub fn record(&self, shared: &SharedState) {
        self.0.record(shared.snapshot(), SystemTime::now());
    }
}

/// What the program starts with.
pub struct Initial {
    /// What the operator asked for.
    pub settings: Settings,
    /// Which server this is.
    pub identity: Identity,
    /// The time that the rules count in.
    pub clock: Clock,
    /// What Prometheus reads.
    pub metrics: Metrics,
    /// The rules of the election.
    pub rules: Rules,
    /// Its state at the start.
    pub election: election::State,
    /// The names that settings and state file know.
    pub names: Names,
    /// The address on the LAN at the start.
    pub lan: Result<LanAddress, NoAddress>,
    /// What people chose about the camera in earlier runs.
    pub overrides: UserOverrides,
    /// What the state file knows about logins.
    pub auth_state: AuthState,
    /// Passwords, tokens and sessions.
    pub authority: Authority,
    /// The state file.
    pub disk: Writer<StoredState>,
    /// The certificate and the protocol settings.
    pub tls: Option<Tls>,
}

impl Initial {
    /// The shared state at the start, and the publishers of what is in it.
    pub fn share(self) -> (SharedState, Publishers) {
        let router = if self.settings.router.enabled {
            RouterState::Searching { why: None }
        } else {
            RouterState::Disabled
        };
        let name = NameCell::new(self.names, self.identity.id);
        let (camera_publishers, camera) =
            CameraState::new(&self.settings.camera, self.overrides, name.watch());
        let (role_stepper, role) = RoleCell::new(self.rules, self.election);
        let (lan_publisher, lan) = published(self.lan);
        let (router_publisher, router) = published(RouterView::new(router));
        let (fleet_publisher, fleet) = published(Arc::new(Fleet::default()));
        let (key_publisher, keys) = KeyNotice::new();
        let (wanted_ports, open_ports, listen_ports) = ListenPorts::new(self.settings.http.port);
        let history = Arc::new(History::default());
        let publishers = Publishers {
            role: role_stepper,
            lan: lan_publisher,
            router: router_publisher,
            fleet: fleet_publisher,
            keys: key_publisher,
            wanted_ports,
            open_ports,
            history: HistoryRecorder(Arc::clone(&history)),
            camera: camera_publishers,
        };
        let shared = SharedState {
            settings: self.settings,
            identity: self.identity,
            clock: self.clock,
            metrics: self.metrics,
            role,
            name,
            lan,
            router,
            fleet,
            keys,
            listen_ports,
            camera,
            history,
            auth_state: SharedAuthState::new(self.auth_state),
            authority: self.authority,
            tls: self.tls,
            disk: self.disk,
        };
        (shared, publishers)
    }
}

impl SharedState {
    /// People choose a name for this server, or with none leave that to the settings and the router
    /// again. Every other camera hears of it at once.
    pub fn rename(&self, name: Option<Name>) -> PendingWrite {
        self.name.choose(name.clone());
        self.disk.update(|remembered| remembered.chosen_name = name)
    }

    /// People choose something about the camera.
    pub fn choose(&self, change: impl FnOnce(&mut UserOverrides)) -> PendingWrite {
        self.camera.choose(change);
        // Whatever is the newest when it is this change's turn: two at once do not undo each other.
        self.disk
            .update(|remembered| remembered.camera = self.camera.overrides().clone())
    }

    /// [`SharedState::rename`] and waits until that is on the disk. Where the disk does not take it
    /// the name is the old one again: nothing is half done.
    ///
    /// # Errors
    /// When it cannot be stored, with the system's reason.
    pub async fn rename_for_good(&self, name: Option<Name>) -> Result<(), WriteError> {
        let before = self.name.names().chosen;
        let kept = self.rename(name.clone()).wait().await;
        // Somebody may have chosen yet another meanwhile; that is for them to undo.
        if kept.is_err() && self.name.names().chosen == name {
            self.rename(before).detach();
        }
        kept
    }

    /// Whether this server is to be reached from outside (¶84): as people switched it, within what
    /// the settings allow.
    pub fn remote_access(&self) -> RemoteAccess {
        if self.settings.router.enabled {
            self.role.load().remote_access
        } else {
            RemoteAccess::Off
        }
    }

    /// Keeps what the election has to know at the next start: its term, the number this server is
    /// called by, and the port that it may take up again.
    pub fn remember_election(
        &self,
        term: Term,
        numbered: Option<String>,
        port: Option<ExternalPort>,
        mappings: BTreeSet<ExternalPort>,
    ) -> PendingWrite {
        self.disk.update(|remembered| {
            remembered.term = term;
            remembered.name = numbered;
            remembered.mapped_port = port;
            remembered.mappings = Some(mappings);
        })
    }

    /// Keeps how people have turned the switch of ¶84.
    pub fn remember_remote_access(&self, remote_access: RemoteAccess) -> PendingWrite {
        self.disk
            .update(|remembered| remembered.remote_access = remote_access)
    }

    /// Undoes [`SharedState::remember_remote_access`]: what is in force now is kept again.
    pub fn restore_remote_access(&self) -> PendingWrite {
        self.disk
            .update(|remembered| remembered.remote_access = self.role.load().remote_access)
    }

    /// Takes over what somebody knows about logins, for good.
    pub fn learn(&self, auth_state: &AuthState) -> PendingWrite {
        self.auth_state.learn(auth_state);
        // Asked for again when it is written down: somebody else may learn something at the same
        // time.
        self.disk
            .update(|state| state.auth_state = self.auth_state.now())
    }

    /// How this server is spoken to.
    pub fn scheme(&self) -> Scheme {
        match self.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        }
    }

    /// This server's address on the LAN, if it has one.
    pub fn lan_address(&self) -> Option<LanAddress> {
        self.lan.borrow().as_ref().ok().cloned()
    }

    /// The port on the router that leads here now, if one does.
    pub fn external_port(&self) -> Option<ExternalPort> {
        self.role
            .load()
            .external_port(self.role.rules(), self.clock.now())
    }

    /// Who is the representative now; nothing where none is known, nor a vacancy.
    pub fn leadership(&self) -> Option<LeadershipView> {
        let me = CameraRef::new(Some(self.identity.id), self.name.shown());
        let state = self.role.load();
        let leader_view = state.leader_view(self.clock.now());
        let fleet = self.fleet.borrow().clone();
        LeadershipView::with_names(leader_view, state.term, &fleet, me, &self.clock)
    }

    /// What is compared to notice changes.
    fn snapshot(&self) -> Snapshot {
        Snapshot::new(
            self.identity.id,
            &self.role.load(),
            self.leadership(),
            &self.fleet.borrow(),
            &self.router.borrow(),
        )
    }

    /// What this server is now.
    pub fn role_now(&self) -> Role {
        self.role.load().role(self.clock.now())
    }

    /// The port that this server answers on in its LAN: in `common` mode (Fig. 8A) the one that the
    /// router has for it, else always the same (Fig. 8B).
    pub fn internal_port(&self) -> InternalPort {
        match self.settings.router.port_mode {
            PortMode::Separate => self.settings.http.port,
            PortMode::Common => self
                .external_port()
                .and_then(|port| InternalPort::new(port.get()))
                .unwrap_or(self.settings.http.port),
        }
    }

    /// What this server says of itself; nothing while it has no address to say it from.
    pub fn myself(&self) -> Option<Myself> {
        let lan = self.lan_address()?;
        let standing = match self.role_now() {
            Role::Representative => Standing::Representative,
            Role::Member | Role::Alone => Standing::Member,
        };
        Some(Myself {
            id: self.identity.id,
            name: self.name.shown(),
            lan: SocketAddrV4::new(lan.address, self.internal_port().get()),
            external: self.external_port(),
            standing,
            activity: self.camera.activity(),
            scheme: self.scheme(),
        })
    }
}

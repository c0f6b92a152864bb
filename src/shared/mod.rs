//! What outlives an actor.
//!
//! An actor that panics begins again with empty hands; what must not be lost then stands here,
//! owned by the root, one writer each, any number of readers. Everything is a value that is
//! replaced whole (a watch, an `ArcSwap`), never one that is changed in place, so a panic can leave
//! nothing half done.
//!
//! | cell | written by | read by |
//! |---|---|---|
//! | [`RoleCell`] | election | everybody |
//! | [`SharedState::lan`] | lan | router, election, http |
//! | [`SharedState::router`] | router | registry, election, http |
//! | [`SharedState::fleet`] | registry | http |
//! | [`SharedState::listen_ports`] | election (wanted), http (open) | both |
//! | [`SharedState::camera`] | capture, encoder, drive; http what people choose | http, lan |
//! | [`SharedState::history`] | election | http |
//! | [`SharedState::keys`] | lan | http |
//! | [`SharedState::name`] | election (its number), http and lan (what people choose) | everybody |
//! | [`SharedState::auth_state`] | http, lan | http, lan |
//! | [`SharedState::authority`] | http (guesses, what was right) | http |
//! | [`SharedState::disk`] | whoever has something to remember: a few fields each | the next start |

mod camera;
mod clock;
mod history;
mod key_notice;
mod leadership;
mod listen_ports;
mod name;
mod role;
mod router_view;

use std::net::SocketAddrV4;
use std::sync::Arc;

use tokio::sync::watch;

pub use camera::CameraState;
pub use clock::Clock;
pub use history::{
    CameraChange, Change, Entry, Heard, History, LISTENERS, Listener, RouterChange, Snapshot,
};
pub use key_notice::KeyNotice;
pub use leadership::{LeadershipView, Named, Successor};
pub use listen_ports::{ListenPorts, PortStatus};
pub use name::{NameCell, Names};
pub use role::RoleCell;
pub use router_view::{Refusal, RouterState, RouterView, TableView};

use crate::auth::Authority;
use crate::discovery;
use crate::durable::StoredState;
use crate::fleet::{Fleet, Myself, Scheme, Standing};
use crate::lan::interface::{LanAddress, NoAddress};
use crate::metrics::Metrics;
use crate::settings::{PortMode, Settings};
use crate::site::{AuthState, AuthStateCell};
use crate::tls::Tls;
use porthole_camera::user_overrides::UserOverrides;
use porthole_durable::{PendingWrite, WriteError, Writer};
use porthole_election::{RemoteAccess, Role};
use porthole_types::Name;
use porthole_types::{BootId, ExternalPort, InstanceId, InternalPort};

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

/// All of them.
pub struct SharedState {
    /// What the operator asked for; fixed while the process lives.
    pub settings: Settings,
    /// Who this is.
    pub identity: Identity,
    /// The time that the rules count in.
    pub clock: Clock,
    /// What Prometheus reads.
    pub metrics: Metrics,
    /// Who is representative, as far as this server may believe.
    pub role: RoleCell,
    /// What people call this server.
    pub name: NameCell,
    /// This server's address on the LAN (¶41), or why it has none.
    pub lan: watch::Sender<Result<LanAddress, NoAddress>>,
    /// The router, as last seen.
    pub router: watch::Sender<RouterView>,
    /// The peer map, as last merged.
    pub fleet: watch::Sender<Arc<Fleet>>,
    /// Whether a peer with another site key is about.
    pub keys: KeyNotice,
    /// The ports this server listens on.
    pub listen_ports: ListenPorts,
    /// From the device to the viewers.
    pub camera: CameraState,
    /// What happened lately.
    pub history: History,
    /// What the site knows about logins.
    pub auth_state: AuthStateCell,
    /// Who may watch, and who may change things.
    pub authority: Authority,
    /// The state file.
    pub disk: Writer<StoredState>,
    /// How visitors are spoken to; none: in the clear. Fixed while the process lives.
    pub tls: Option<Tls>,
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
            .update(|remembered| remembered.camera = self.camera.overrides.borrow().clone())
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
            self.rename(before).soon();
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

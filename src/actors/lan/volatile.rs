//! What the lan actor begins anew after each restart.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use actix::SpawnHandle;
use tokio::sync::oneshot;

use crate::lan::{AntiEntropy, PendingRequests, Reporting, RequestError, ServedRequests, Sockets};
use crate::site::AuthState;
use porthole_election::{Destination, ElectionMessage};

/// Where the answer to a request to take a name is awaited.
pub(super) type RenameWaiter = oneshot::Sender<Result<(), RequestError>>;

/// Sockets, timers, and what is under way.
#[derive(Default)]
pub(super) struct Volatile {
    pub(super) sockets: Option<Arc<Sockets>>,
    pub(super) listener: Option<SpawnHandle>,
    pub(super) reporting: Option<Reporting>,
    /// How many messages are yet to be sent for the second time.
    pub(super) repeats: usize,
    pub(super) flushes: Vec<oneshot::Sender<()>>,
    /// The latest messages of the election, for a server that did not believe them yet.
    pub(super) kept: VecDeque<(Instant, Destination, ElectionMessage)>,
    /// Why the sockets could not be opened, as last logged.
    pub(super) trouble: Option<String>,
    /// What this server has asked of others.
    pub(super) requests: PendingRequests<RenameWaiter>,
    /// What others have asked of this server.
    pub(super) served: ServedRequests,
    /// None where there is no site key.
    pub(super) auth_sync: Option<AuthSync>,
}

/// What this incarnation of the actor knows of the auth state.
pub(super) struct AuthSync {
    /// What the others have been told, or have told.
    pub(super) auth_state: AuthState,
    /// Of what is known here; computed once for all the reports that are compared with it.
    pub(super) digest: u32,
    pub(super) anti_entropy: AntiEntropy,
}

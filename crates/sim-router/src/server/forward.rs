//! Real TCP forwarding: a listener on the WAN address for each mapping, a proxied connection for
//! each client.
//!
//! Where this differs from a NAT, because it is a proxy:
//! - the camera sees the router's LAN address as its peer, as under masquerading, not the remote
//!   client's;
//! - a client is accepted before the camera is asked; if the camera refuses, the client gets a
//!   reset.
//!
//! Like netfilter, established connections outlive their mapping ([`Established::Keep`]); they end
//! with a reboot, with the WAN line, or when either end closes.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::config::SimRouterConfig;
use super::event::Wan;
use crate::quirks::Established;
use porthole_types::ExternalPort;

/// Connections in all, those of ended mappings included; stands for the connection table of a small
/// router.
const MAX_CONNECTIONS: usize = 4096;
/// As long as a camera may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that vanished without closing is noticed after about three times this.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// Pause after an accept that failed, which is seldom and mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Held twice by every connection; a camera's stream wants more than the usual 8 KiB.
const BUFFER: usize = 32 * 1024;

/// The open WAN ports. Dropping it closes them at once and cuts what goes through.
#[derive(Debug)]
pub(super) struct Forwarder {
    context: ForwardingContext,
    runtime: Handle,
    open: HashMap<ExternalPort, Open>,
    tasks: JoinSet<()>,
}

/// What every connection needs to know.
#[derive(Clone, Debug)]
struct ForwardingContext {
    wan_address: Ipv4Addr,
    lan_address: Ipv4Addr,
    established: Established,
    per_mapping: usize,
    wan: watch::Receiver<Wan>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Open {
    listener: Arc<TcpListener>,
    target: watch::Sender<SocketAddrV4>,
}

impl Forwarder {
    /// Nothing is open yet. Tasks run on `runtime`.
    pub(super) fn new(
        config: &SimRouterConfig,
        wan: watch::Receiver<Wan>,
        runtime: Handle,
    ) -> Self {
        Self {
            context: ForwardingContext {
                wan_address: config.wan_address,
                lan_address: config.lan_address,
                established: config.quirks.established,
                per_mapping: config.connections_per_mapping,
                wan,
                room: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            },
            runtime,
            open: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Leads a port to `target` from now on; established connections keep their old one.
    ///
    /// # Errors
    /// When the port cannot be bound on this machine.
    pub(super) fn open(&mut self, port: ExternalPort, target: SocketAddrV4) -> io::Result<()> {
        // Mappings that have closed leave a finished task behind.
        while self.tasks.try_join_next().is_some() {}
        if let Some(open) = self.open.get(&port) {
            open.target.send_replace(target);
            return Ok(());
        }
        let listener = std::net::TcpListener::bind((self.context.wan_address, port.get()))?;
        listener.set_nonblocking(true)?;
        let runtime = self.runtime.enter();
        let listener = Arc::new(TcpListener::from_std(listener)?);
        drop(runtime);
        let (sender, receiver) = watch::channel(target);
        let task = serve(Arc::clone(&listener), receiver, self.context.clone());
        self.tasks.spawn_on(task, &self.runtime);
        let open = Open {
            listener,
            target: sender,
        };
        self.open.insert(port, open);
        Ok(())
    }

    /// Closes a port: when this returns, nobody is accepted any more and the port can be bound
    /// anew.
    pub(super) fn close(&mut self, port: ExternalPort) {
        if let Some(open) = self.open.remove(&port) {
            open.close();
        }
    }
}

impl Open {
    fn close(self) {
        // The shutdown wakes the accepting task with an error, on another thread perhaps at once:
        // by then it has to see that its sender is gone, or it takes the error for a real one.
        drop(self.target);
        // The accepting task drops its half only when it runs again; shutdown ends the listening at
        // once.
        if let Err(error) = SockRef::from(&*self.listener).shutdown(Shutdown::Both) {
            debug!(%error, "shutting a WAN listener down");
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        for (_, open) in self.open.drain() {
            open.close();
        }
    }
}

/// Accepts until the target's sender is gone, then, if connections are kept, waits for the last of
/// them.
async fn serve(
    listener: Arc<TcpListener>,
    mut target: watch::Receiver<SocketAddrV4>,
    context: ForwardingContext,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            changed = target.changed() => if changed.is_err() { break },
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((remote, from)) => {
                    let to = *target.borrow();
                    let room = Arc::clone(&context.room).try_acquire_owned();
                    let down = *context.wan.borrow() == Wan::Down;
                    match room {
                        Ok(room) if !down && connections.len() < context.per_mapping => {
                            let context = context.clone();
                            connections.spawn(async move {
                                context.carry(remote, from, to).await;
                                drop(room);
                            });
                        }
                        _ => reset(&remote),
                    }
                }
                // Shut down by `close`.
                Err(_) if target.has_changed().is_err() => break,
                Err(error) => {
                    warn!(%error, target = %*target.borrow(), "the WAN side could not accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    match context.established {
        Established::Keep => while connections.join_next().await.is_some() {},
        Established::Cut => connections.abort_all(),
    }
}

impl ForwardingContext {
    /// Carries one connection until an end closes it or the WAN line goes down.
    async fn carry(mut self, mut remote: TcpStream, from: SocketAddr, target: SocketAddrV4) {
        let mut camera = match timeout(CONNECT_TIMEOUT, self.dial(target)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                debug!(%from, %target, %error, "the mapped host did not accept");
                return reset(&remote);
            }
            Err(_) => {
                debug!(%from, %target, "the mapped host did not answer");
                return reset(&remote);
            }
        };
        for stream in [&remote, &camera] {
            let socket = SockRef::from(stream);
            let keepalive = TcpKeepalive::new()
                .with_time(KEEPALIVE)
                .with_interval(KEEPALIVE / 2);
            // Neither changes what is carried, so a refusal of either does no harm.
            let _ = socket.set_tcp_nodelay(true);
            let _ = socket.set_tcp_keepalive(&keepalive);
        }
        tokio::select! {
            carried = copy_bidirectional_with_sizes(&mut remote, &mut camera, BUFFER, BUFFER) => {
                if let Err(error) = carried {
                    debug!(%from, %target, %error, "a forwarded connection broke");
                    reset(&remote);
                    reset(&camera);
                }
            }
            // An error means that the router is gone, which ends the connection just as well.
            _ = self.wan.wait_for(|wan| *wan == Wan::Down) => {
                reset(&remote);
                reset(&camera);
            }
        }
    }

    /// Connects from the router's LAN address, so that the camera sees the gateway as its peer.
    async fn dial(&self, target: SocketAddrV4) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddrV4::new(self.lan_address, 0).into())?;
        socket.connect(target.into()).await
    }
}

/// Makes the coming close a reset, so that the other end learns of it as it would of a refused
/// connection.
fn reset(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        debug!(%error, "a connection is closed without a reset");
    }
}

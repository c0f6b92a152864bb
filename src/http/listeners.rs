//! The listening sockets and the servers behind them, which outlive the actor that opens them.
//!
//! A port is opened by binding a socket and starting a server on it; it is closed by *draining*: the
//! socket goes, and what is being streamed through it goes on until the viewer leaves (Fig. 8A: the
//! port changes with the office, the pictures must not stop).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App as WebApp, HttpServer, web};
use socket2::{Domain, Protocol, Socket, Type};
use tracing::{info, warn};

use super::stream::{STALLED_AFTER, guard_connections};
use super::{App, guard, routes, unreadable};
use crate::ids::InternalPort;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// Connections a server holds at a time, over all its viewers.
const MOST_CONNECTIONS: usize = 512;

/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(10);

/// How long an idle connection is kept for the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a drained port's last streams may go on, in seconds: as long as anybody would watch.
const DRAIN_SECONDS: u64 = 24 * 3600;

/// The open ports.
pub struct Listeners {
    open: Mutex<BTreeMap<InternalPort, Listening>>,
}

struct Listening {
    /// Kept beside the server's own handle to it: if the server ends, the socket does not close.
    socket: TcpListener,
    server: ServerHandle,
    running: Arc<AtomicBool>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self {
            open: Mutex::new(BTreeMap::new()),
        }
    }
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<InternalPort, Listening>> {
        // The map is only ever inserted into and removed from: a panic cannot leave it half changed.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ports that are open.
    pub fn ports(&self) -> Vec<InternalPort> {
        self.lock().keys().copied().collect()
    }

    /// Opens a port, or starts its server again if that has ended; nothing where it is served already.
    /// Called on the arbiter that the server is to run on.
    ///
    /// # Errors
    /// The system's: the port is another program's, or the address is not this machine's.
    pub fn open(
        &self,
        bind: Ipv4Addr,
        port: InternalPort,
        app: &web::Data<App>,
    ) -> std::io::Result<()> {
        let mut open = self.lock();
        let socket = match open.get(&port) {
            Some(listening) if listening.running.load(Ordering::Acquire) => return Ok(()),
            Some(ended) => {
                warn!(%port, "the web server has ended by itself, starting it again");
                ended.socket.try_clone()?
            }
            None => bind_listener(SocketAddrV4::new(bind, port.get()))?,
        };
        let running = Arc::new(AtomicBool::new(true));
        let server = serve(socket.try_clone()?, app, Arc::clone(&running))?;
        info!(%bind, %port, "listening");
        open.insert(
            port,
            Listening {
                socket,
                server,
                running,
            },
        );
        Ok(())
    }

    /// Closes a port to newcomers. Streams that run through it go on.
    pub fn drain(&self, port: InternalPort) {
        if let Some(listening) = self.lock().remove(&port) {
            info!(%port, "no longer listening; running streams go on");
            // Dropping the future is fine: the command is on its way when `stop` returns.
            drop(listening.server.stop(true));
        }
    }

    /// Ends every server and every connection, for the end of the program.
    pub async fn close(&self) {
        let servers: Vec<ServerHandle> = std::mem::take(&mut *self.lock())
            .into_values()
            .map(|open| open.server)
            .collect();
        for server in servers {
            server.stop(false).await;
        }
    }
}

fn bind_listener(address: SocketAddrV4) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // A port that was just drained, or held by a run of this program that was killed, can be bound again.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn serve(
    socket: TcpListener,
    app: &web::Data<App>,
    running: Arc<AtomicBool>,
) -> std::io::Result<ServerHandle> {
    let app = app.clone();
    let server = HttpServer::new(move || {
        WebApp::new()
            .configure(|config| routes(config, &app))
            .wrap(from_fn(unreadable::in_words))
            .wrap(from_fn(guard::admit))
            .wrap(from_fn(guard::count))
            .wrap(from_fn(guard::catch_panic))
    })
    .workers(2)
    .max_connections(MOST_CONNECTIONS)
    .client_request_timeout(HEAD)
    .keep_alive(KEEP_ALIVE)
    .h1_allow_half_closed(false)
    .shutdown_timeout(DRAIN_SECONDS)
    .disable_signals()
    .on_connect(guard_connections(STALLED_AFTER))
    .listen(socket)?
    .run();
    let handle = server.handle();
    // On the arbiter itself, not in an actor's context: the server outlives every life of the actor.
    actix::spawn(async move {
        if let Err(why) = server.await {
            warn!(%why, "a web server ended with an error");
        }
        running.store(false, Ordering::Release);
    });
    Ok(handle)
}

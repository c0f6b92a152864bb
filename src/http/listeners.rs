//! The listening sockets and the servers behind them, which outlive the actor that opens them.
//!
//! A port is opened by binding a socket and starting a server on it; it is closed by *draining*:
//! the socket goes, and what is being streamed through it goes on until the viewer leaves (Fig. 8A:
//! the port changes with leadership, the pictures must not stop).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::Server;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactoryExt as _, apply_fn_factory, fn_service,
    map_config,
};
use actix_web::dev::AppConfig;
use actix_web::dev::{ServerHandle, ServiceRequest};
use actix_web::middleware::from_fn;
use actix_web::{App as WebApp, web};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tracing::{debug, info, warn};

use super::admission::{Connection, accept_tls, admit};
use super::connections::{Connections, MOST_CONNECTIONS};
use super::host::OwnNames;
use super::seats::Seats;
use super::{App, guard, headers, host, input_errors, open_connection, routes};
use porthole_types::InternalPort;

/// Connections that may wait to be accepted. One that finds no room tries again after a second, so
/// a burst of a flood is to fit in.
const BACKLOG: i32 = 1024;

/// Connections that each of a server's threads holds at the most: more than [`MOST_CONNECTIONS`],
/// which is the limit, since those that are being ended are there for a moment yet.
const MOST_OF_WORKER: usize = 2 * MOST_CONNECTIONS;

/// How long a request's head may take.
const REQUEST_HEAD: Duration = Duration::from_secs(10);

/// How long an idle connection is kept for the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long the end of a connection may take: through TLS both sides close it.
const DISCONNECT: Duration = Duration::from_secs(1);

/// How long a drained port's last streams may go on, in seconds: as long as anybody would watch.
const DRAIN_SECONDS: u64 = 24 * 3600;

/// The open ports.
pub struct Listeners {
    open: Mutex<BTreeMap<InternalPort, Listening>>,
    connections: Arc<Connections>,
    seats: web::Data<Seats>,
}

/// An open port.
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
            connections: Arc::new(Connections::new()),
            seats: web::Data::new(Seats::new()),
        }
    }
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<InternalPort, Listening>> {
        // The map is only ever inserted into and removed from: a panic cannot leave it half
        // changed.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ports that are open.
    pub fn ports(&self) -> Vec<InternalPort> {
        self.lock().keys().copied().collect()
    }

    /// Opens a port, or starts its server again if that has ended; nothing where it is served
    /// already. Called on the arbiter that the server is to run on.
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
        let server = serve(
            socket.try_clone()?,
            app,
            &self.connections,
            &self.seats,
            Arc::clone(&running),
        )?;
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

    /// Closes a port to new connections. Streams that run through it go on.
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
    // A port that was just drained, or held by a run of this program that was killed, can be bound
    // again.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A web server on a socket. It is put together here from what `actix_web::HttpServer` is made of,
/// because that one offers HTTP/2 wherever it speaks TLS ([`crate::tls`] says why not here).
fn serve(
    socket: TcpListener,
    app: &web::Data<App>,
    connections: &Arc<Connections>,
    seats: &web::Data<Seats>,
    running: Arc<AtomicBool>,
) -> std::io::Result<ServerHandle> {
    let (app, connections) = (app.clone(), Arc::clone(connections));
    let seats = seats.clone();
    let tls = app.shared.tls.as_ref().map(|tls| Arc::clone(tls.config()));
    let names = OwnNames::of(&app.shared);
    let server = Server::build()
        .workers(2)
        .max_concurrent_connections(MOST_OF_WORKER)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals();
    let drained = server.graceful_shutdown_signal();
    let server = server
        .listen("porthole", socket, move || {
            let (site_app, own_names) = (app.clone(), names.clone());
            // The last one is the outermost: whatever becomes of a request, its answer has the
            // headers and is counted.
            let site = WebApp::new()
                .app_data(seats.clone())
                .configure(|config| routes::register(config, &site_app))
                .wrap(from_fn(input_errors::explain_errors))
                .wrap(from_fn(|request: ServiceRequest, next| {
                    let policy = routes::auth_policy(request.path());
                    guard::authenticate(policy, request, next)
                }))
                .wrap(from_fn(move |request, next| {
                    host::check_host(own_names.clone(), request, next)
                }))
                .wrap(from_fn(guard::catch_panic))
                .wrap(from_fn(open_connection::limit_time))
                .wrap(from_fn(guard::count))
                .wrap(from_fn(headers::add_security_headers));
            let site = site
                .into_factory()
                .map_err(|error: actix_web::Error| error.error_response());
            let drained = drained.clone();
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let drained = drained.clone();
                    async move { drained.notified().await }
                })
                .client_request_timeout(REQUEST_HEAD)
                .client_disconnect_timeout(DISCONNECT)
                .keep_alive(KEEP_ALIVE)
                .h1_allow_half_closed(false)
                .on_connect_ext(|connection: &Connection, data| {
                    data.insert(connection.open().clone());
                })
                .h1(map_config(site, |()| AppConfig::default()));
            let http = apply_fn_factory(http, |(connection, peer): (Connection, _), http| {
                let open = connection.open().clone();
                open.serve(http.call((connection, peer)))
            });
            let (tls, names) = (tls.clone(), names.clone());
            let (app, connections) = (app.clone(), Arc::clone(&connections));
            fn_service(move |tcp: TcpStream| {
                let (tls, names) = (tls.clone(), names.clone());
                let (app, connections) = (app.clone(), Arc::clone(&connections));
                async move {
                    let peer = tcp.peer_addr();
                    let connection = async {
                        let open = admit(&tcp, peer.as_ref().ok().copied(), &connections, &app)?;
                        accept_tls(tcp, tls, names, open).await
                    };
                    let connection = connection.await.map_err(|why| {
                        debug!(?peer, %why, "a connection was not let in");
                        DispatchError::Io(why)
                    })?;
                    Ok((connection, peer.ok()))
                }
            })
            .and_then(http)
        })?
        .run();
    let handle = server.handle();
    // On the arbiter itself, not in an actor's context: the server outlives every incarnation of
    // the actor.
    actix::spawn(async move {
        if let Err(why) = server.await {
            warn!(%why, "a web server ended with an error");
        }
        running.store(false, Ordering::Release);
    });
    Ok(handle)
}

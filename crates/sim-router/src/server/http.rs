//! The router's web server: the descriptions, and the control URLs that take SOAP.
//!
//! Who asks is who connects: the peer's address is the host that secure mode knows.

mod wire;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

use self::wire::{Connection, Next, Reply, Request, Unread};
use super::actions;
use super::description::{self, ROOT_PATH};
use super::router::Router;
use super::services::{self, CONNECTION_SCPD_PATH, INTERFACE_SCPD_PATH, Service};
use super::soap::{self, Call};
use crate::fault::Fault;
use crate::quirks::{BodyEnd, Encoding, FaultStatus, Quirks, SoapHeader};

/// Control points connected at a time; more wait.
const MAX_CONNECTIONS: usize = 128;
/// Pause after an accept that failed, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served in one run of the router.
pub(super) struct WebServer {
    router: Arc<Router>,
    /// Paths and the documents there.
    documents: Vec<(&'static str, String)>,
    /// Targets that take calls, each with its service.
    controls: Vec<(String, Control)>,
}

/// A service that is called.
enum Control {
    Connection(Service),
    Interface(Service),
}

/// What came of a request.
enum Outcome {
    Reply(Reply),
    /// It was carried out, and the answer is lost.
    Lost,
}

impl WebServer {
    /// The server at `http` of the router's `boot`th run.
    pub(super) fn new(http: SocketAddrV4, boot: u32, router: Arc<Router>) -> Self {
        let quirks = &router.quirks;
        let documents = vec![
            (ROOT_PATH, description::root(http, quirks, boot)),
            (CONNECTION_SCPD_PATH, description::connection_scpd(quirks)),
            (INTERFACE_SCPD_PATH, description::interface_scpd()),
        ];
        let connections = services::connections(quirks).into_iter().map(|service| {
            (
                service.control_target(quirks, boot),
                Control::Connection(service),
            )
        });
        let interface = services::interface();
        let interface = (
            interface.control_target(quirks, boot),
            Control::Interface(interface),
        );
        let controls = connections.chain([interface]).collect();
        Self {
            router,
            documents,
            controls,
        }
    }

    /// Serves until dropped.
    pub(super) async fn serve(self, listener: TcpListener) {
        let server = Arc::new(self);
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            // It is never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            let accepted = loop {
                tokio::select! {
                    accepted = listener.accept() => break accepted,
                    Some(_) = connections.join_next() => {}
                }
            };
            match accepted {
                Ok((stream, peer)) => {
                    let server = Arc::clone(&server);
                    connections.spawn(async move {
                        if let Err(error) = server.attend(stream, peer.ip()).await {
                            debug!(%error, %peer, "an answer could not be sent");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(%error, "the simulated router's web server could not accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Answers one client until it, or the router, wants no more.
    async fn attend(&self, stream: TcpStream, peer: IpAddr) -> io::Result<()> {
        let mut connection = Connection::new(stream);
        let end = self.router.quirks.body_end;
        loop {
            let request = match connection.read().await {
                Ok(request) => request,
                Err(Unread::Gone) => return Ok(()),
                Err(Unread::Bad(status)) => {
                    let page = Reply::page(status);
                    return connection.write(&page, end, Next::Close).await;
                }
            };
            let reply = match self.answer(&request, peer).await {
                Outcome::Reply(reply) => reply,
                Outcome::Lost => {
                    connection.gone().await;
                    return Ok(());
                }
            };
            let next = match end {
                BodyEnd::Length => request.next,
                BodyEnd::Close => Next::Close,
            };
            connection.write(&reply, end, next).await?;
            if next == Next::Close {
                return Ok(());
            }
        }
    }

    async fn answer(&self, request: &Request, peer: IpAddr) -> Outcome {
        match request.method.as_str() {
            "GET" => Outcome::Reply(self.document(&request.target)),
            "POST" => {
                let control = self
                    .controls
                    .iter()
                    .find(|(target, _)| *target == request.target);
                match control {
                    Some((_, control)) => self.call(control, request, peer).await,
                    None => Outcome::Reply(Reply::page("404 Not Found")),
                }
            }
            _ => Outcome::Reply(Reply::page("405 Method Not Allowed")),
        }
    }

    fn document(&self, target: &str) -> Reply {
        let document = self.documents.iter().find(|(path, _)| *path == target);
        match document {
            Some((_, text)) => xml("200 OK", text.clone().into_bytes()),
            None => Reply::page("404 Not Found"),
        }
    }

    /// Reads the call, has it carried out and writes what came of it.
    async fn call(&self, control: &Control, request: &Request, peer: IpAddr) -> Outcome {
        let router = &self.router;
        let quirks = &router.quirks;
        router.count_call();
        let (spelling, header) = request.header("SOAPAction").unwrap_or_default();
        let understood = match quirks.soap_header {
            SoapHeader::AnyCase => true,
            SoapHeader::Exact => matches!(spelling, "SOAPAction" | "SOAPACTION"),
        };
        if !understood {
            sleep(quirks.soap_delay).await;
            return Outcome::Reply(Reply::page("501 Not Implemented"));
        }
        let mut wrote = false;
        let done = Call::read(header, &request.body).and_then(|call| {
            let requester = requester(peer).ok_or(Fault::NotAuthorized)?;
            wrote = actions::writes(&call);
            let results = match control {
                Control::Connection(service) => {
                    actions::connection(router, service, requester, &call)?
                }
                Control::Interface(service) => actions::interface(router, service, &call)?,
            };
            Ok(soap::response(&call, &results))
        });
        if wrote && router.loses_answer() {
            return Outcome::Lost;
        }
        sleep(quirks.soap_delay).await;
        Outcome::Reply(match done {
            Ok(body) => xml("200 OK", encoded(quirks, body)),
            Err(fault) => {
                debug!(header, code = fault.code(), %peer, "refused");
                let status = match quirks.fault_status {
                    FaultStatus::Error => "500 Internal Server Error",
                    FaultStatus::Ok => "200 OK",
                };
                xml(status, encoded(quirks, soap::fault(fault)))
            }
        })
    }
}

fn xml(status: &'static str, body: Vec<u8>) -> Reply {
    Reply {
        status,
        content_type: "text/xml",
        body,
    }
}

/// The bytes of an answer in the router's encoding.
fn encoded(quirks: &Quirks, xml: String) -> Vec<u8> {
    match quirks.encoding {
        Encoding::Utf8 => xml.into_bytes(),
        Encoding::Latin1 => xml
            .chars()
            .chain("<!-- Gerät -->\r\n".chars())
            .map(|c| u8::try_from(c).unwrap_or(b'?'))
            .collect(),
    }
}

fn requester(peer: IpAddr) -> Option<Ipv4Addr> {
    match peer {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

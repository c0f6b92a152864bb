//! The router's web server: the descriptions, and the control URLs that take SOAP.
//!
//! Who asks is who connects: the peer's address is the host that secure mode knows.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::{ContentType, SERVER};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tracing::debug;

use super::actions;
use super::description::SERVER_NAME;
use super::description::{
    self, CONNECTION_CONTROL_PATH, CONNECTION_SCPD_PATH, INTERFACE_CONTROL_PATH,
    INTERFACE_SCPD_PATH, ROOT_PATH,
};
use super::router::Router;
use super::soap::{self, Call};
use crate::fault::Fault;
use crate::quirks::Quirks;

/// The largest call that is read, in bytes; the largest real one is under 2 KiB.
const MAX_BODY: usize = 16 * 1024;
/// Control points connected at a time; more wait.
const MAX_CONNECTIONS: usize = 128;
/// For the head of a request, and between two requests.
const PATIENCE: Duration = Duration::from_secs(5);

/// The documents, written once.
struct Documents {
    root: String,
    connection: String,
    interface: String,
}

/// A server on `listener` that runs when polled and stops when dropped.
///
/// # Errors
/// When the listener cannot be taken over.
pub(super) fn server(
    listener: TcpListener,
    lan: Ipv4Addr,
    router: Arc<Router>,
) -> io::Result<Server> {
    let Quirks { generation, .. } = router.quirks;
    let documents = Data::new(Documents {
        root: description::root(lan, generation),
        connection: description::connection_scpd(&router.quirks),
        interface: description::interface_scpd(),
    });
    let router = Data::from(router);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&router))
            .app_data(Data::clone(&documents))
            .app_data(PayloadConfig::new(MAX_BODY))
            .wrap(DefaultHeaders::new().add((SERVER, SERVER_NAME)))
            .route(ROOT_PATH, web::get().to(root))
            .route(CONNECTION_SCPD_PATH, web::get().to(connection_scpd))
            .route(INTERFACE_SCPD_PATH, web::get().to(interface_scpd))
            .route(CONNECTION_CONTROL_PATH, web::post().to(connection))
            .route(INTERFACE_CONTROL_PATH, web::post().to(interface))
    })
    .workers(1)
    .max_connections(MAX_CONNECTIONS)
    .client_request_timeout(PATIENCE)
    .keep_alive(PATIENCE)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

fn xml(mut answer: actix_web::HttpResponseBuilder, body: String) -> HttpResponse {
    answer.content_type(ContentType::xml()).body(body)
}

async fn root(documents: Data<Documents>) -> HttpResponse {
    xml(HttpResponse::Ok(), documents.root.clone())
}

async fn connection_scpd(documents: Data<Documents>) -> HttpResponse {
    xml(HttpResponse::Ok(), documents.connection.clone())
}

async fn interface_scpd(documents: Data<Documents>) -> HttpResponse {
    xml(HttpResponse::Ok(), documents.interface.clone())
}

async fn connection(router: Data<Router>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut wrote = false;
    let answer = answer(&request, &body, |requester, call| {
        wrote = actions::writes(call);
        actions::connection(&router, requester, call)
    });
    if wrote && router.loses_answer() {
        // Until whoever asked has had enough.
        std::future::pending::<()>().await;
    }
    answer
}

async fn interface(router: Data<Router>, request: HttpRequest, body: Bytes) -> HttpResponse {
    answer(&request, &body, |_, call| actions::interface(&router, call))
}

/// Reads the call, has it carried out and writes what came of it.
fn answer(
    request: &HttpRequest,
    body: &[u8],
    perform: impl FnOnce(Ipv4Addr, &Call) -> Result<Vec<(&'static str, String)>, Fault>,
) -> HttpResponse {
    let header = request.headers().get("SOAPAction");
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or("");
    let done = Call::read(header, body).and_then(|call| {
        let requester = requester(request).ok_or(Fault::NotAuthorized)?;
        let results = perform(requester, &call)?;
        Ok(soap::response(&call, &results))
    });
    match done {
        Ok(body) => xml(HttpResponse::Ok(), body),
        Err(fault) => {
            debug!(header, code = fault.code(), peer = ?request.peer_addr(), "refused");
            xml(HttpResponse::InternalServerError(), soap::fault(fault))
        }
    }
}

fn requester(request: &HttpRequest) -> Option<Ipv4Addr> {
    match request.peer_addr()?.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

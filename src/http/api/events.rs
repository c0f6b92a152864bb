//! `GET /api/v1/events`: what happens, as server-sent events (WHATWG HTML §9.2), for as long as
//! somebody listens.
//!
//! The listeners wait on the history, not on an actor. An id is the run of the program and a
//! sequence number: the representative's address passes from server to server, and the number of
//! one means nothing to the next.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::event_data::EventData;
use crate::http::client_network::client_network;
use crate::http::links::UrlResolver;
use crate::http::{App, Problem};
use crate::lan::ClientNetwork;
use crate::shared::{HistoryEntry, LISTENERS, Listener, ResumePoint};
use porthole_types::BootId;

/// After so long without a change a comment is sent, so that nothing on the way takes the
/// connection for broken.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How soon a browser is to reconnect when the connection breaks, in milliseconds.
const RETRY: u32 = 1000;

/// Where to resume.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResumeQuery {
    /// The id of the last event that was heard, as `Last-Event-ID` says it, for clients that
    /// cannot set a header.
    #[param(example = "f8712d6b72add81e.8")]
    after: Option<String>,
}

/// What happens
///
/// Server-sent events (WHATWG HTML §9.2) for as long as the connection lasts; `event` is
/// `representative`, `vacancy`, `camera` or `router`, `data` is an `Event`. `Last-Event-ID`, or
/// `after`, resumes behind that event.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "state",
    params(
        ResumeQuery,
        (
            "Last-Event-ID" = Option<String>,
            Header,
            description = "The id of the last event that was heard"
        ),
    ),
    responses(
        (
            status = 200,
            description = "Events, without end",
            body = String,
            content_type = "text/event-stream"
        ),
        (status = 503, description = "As many listen as may"),
    ),
)]
pub async fn events(
    request: HttpRequest,
    query: Query<ResumeQuery>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    if request.method() == Method::HEAD {
        // Nobody is there to listen.
        return Ok(headers(&mut HttpResponse::Ok()).finish());
    }
    let boot = app.shared.identity.boot;
    let header = request.headers().get("Last-Event-ID");
    let last = header
        .and_then(|id| id.to_str().ok())
        .or(query.after.as_deref());
    let Some(listener) = app.shared.history.listen(resume_point(last, boot)) else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{LISTENERS} listen already, which is as many as may; try again later"),
        ));
    };
    let client = client_network(&request, &app);
    // An id of its own, with no event to it: a client that loses the connection before anything
    // happened resumes all the same.
    let first = format!("retry: {RETRY}\nid: {}\n\n", id(boot, listener.heard()));
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from(first))]);
    let rest = stream::unfold((listener, app), move |(mut listener, app)| async move {
        let text = next(&mut listener, &app, client).await?;
        Some((Ok(Bytes::from(text)), (listener, app)))
    });
    let body = futures_util::StreamExt::chain(first, rest);
    Ok(headers(&mut HttpResponse::Ok()).streaming(body))
}

fn headers(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
}

/// Where the listener begins, by the last id that it was given.
fn resume_point(last: Option<&str>, boot: BootId) -> ResumePoint {
    let Some(last) = last.filter(|last| !last.is_empty()) else {
        return ResumePoint::Now;
    };
    let sequence = last
        .split_once('.')
        .filter(|(run, _)| *run == run_of(boot))
        .and_then(|(_, sequence)| sequence.parse().ok());
    sequence.map_or(ResumePoint::LastLeadership, ResumePoint::After)
}

fn id(boot: BootId, sequence: u64) -> String {
    format!("{}.{sequence}", run_of(boot))
}

fn run_of(boot: BootId) -> String {
    format!("{:016x}", boot.0)
}

/// The next piece of the stream; nothing when it is over.
async fn next(listener: &mut Listener, app: &App, client: ClientNetwork) -> Option<String> {
    let Ok(news) = tokio::time::timeout(KEEP_ALIVE, listener.next()).await else {
        return Some(": nothing new\n\n".to_owned());
    };
    let urls = UrlResolver::new(&app.shared, client);
    let boot = app.shared.identity.boot;
    Some(
        news?
            .iter()
            .map(|entry| event(entry, boot, &urls))
            .collect(),
    )
}

/// One event as it goes over the wire.
fn event(entry: &HistoryEntry, boot: BootId, urls: &UrlResolver) -> String {
    // Strings, numbers and names of fields always serialise, and never with a line break in them.
    let data = serde_json::to_string(&EventData::new(entry, urls)).unwrap_or_default();
    let id = id(boot, entry.sequence);
    let kind = entry.change.kind();
    format!("id: {id}\nevent: {kind}\ndata: {data}\n\n")
}

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
use crate::http::seats::take_seat;
use crate::http::{App, Problem};
use crate::lan::ClientNetwork;
use crate::metrics::SeatKind;
use crate::shared::{HistoryEntry, Identity, LISTENERS, Listener, ResumePoint};

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
    let run = run_of(app.shared.identity);
    let header = request.headers().get("Last-Event-ID");
    let last = header
        .and_then(|id| id.to_str().ok())
        .or(query.after.as_deref());
    let seat = take_seat(&request, SeatKind::Events)?;
    let Some(listener) = app.shared.history.listen(resume_point(last, &run)) else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{LISTENERS} listen already, which is as many as may; try again later"),
        ));
    };
    let client = client_network(&request, &app);
    // An id of its own, with no event to it: a client that loses the connection before anything
    // happened resumes all the same.
    let first = format!("retry: {RETRY}\nid: {}\n\n", id(&run, listener.heard()));
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from(first))]);
    let state = (listener, app, seat);
    let rest = stream::unfold(state, move |(mut listener, app, seat)| async move {
        let text = next(&mut listener, &app, client).await?;
        Some((Ok(Bytes::from(text)), (listener, app, seat)))
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
fn resume_point(last: Option<&str>, run: &str) -> ResumePoint {
    let Some(last) = last.filter(|last| !last.is_empty()) else {
        return ResumePoint::Now;
    };
    let sequence = last
        .split_once('.')
        .filter(|(of, _)| *of == run)
        .and_then(|(_, sequence)| sequence.parse().ok());
    sequence.map_or(ResumePoint::LastLeadership, ResumePoint::After)
}

fn id(run: &str, sequence: u64) -> String {
    format!("{run}.{sequence}")
}

/// Which run of which server numbers its changes so. The boot id alone would not do: cameras that
/// are switched on together begin with the same one, and each would take the others' numbers for
/// its own.
fn run_of(identity: Identity) -> String {
    format!("{:016x}", identity.id.0 ^ identity.boot.0)
}

/// The next piece of the stream; nothing when it is over.
async fn next(listener: &mut Listener, app: &App, client: ClientNetwork) -> Option<String> {
    let Ok(news) = tokio::time::timeout(KEEP_ALIVE, listener.next()).await else {
        return Some(": nothing new\n\n".to_owned());
    };
    let urls = UrlResolver::new(&app.shared, client);
    let run = run_of(app.shared.identity);
    Some(
        news?
            .iter()
            .map(|entry| event(entry, &run, &urls))
            .collect(),
    )
}

/// One event as it goes over the wire.
fn event(entry: &HistoryEntry, run: &str, urls: &UrlResolver) -> String {
    // Strings, numbers and names of fields always serialise, and never with a line break in them.
    let data = serde_json::to_string(&EventData::new(entry, urls)).unwrap_or_default();
    let id = id(run, entry.sequence);
    let kind = entry.change.kind();
    format!("id: {id}\nevent: {kind}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use porthole_types::{BootId, InstanceId};

    #[test]
    fn cameras_switched_on_in_the_same_second_do_not_take_each_others_numbers_for_their_own() {
        let run = |id, boot| {
            run_of(Identity {
                id: InstanceId(id),
                boot: BootId(boot),
            })
        };
        let (mine, its) = (run(1, 1_800_000_000), run(2, 1_800_000_000));
        assert_eq!(
            resume_point(Some(&id(&mine, 11)), &mine),
            ResumePoint::After(11)
        );
        assert_eq!(
            resume_point(Some(&id(&its, 11)), &mine),
            ResumePoint::LastLeadership
        );
        let before = run(1, 1_799_999_999);
        assert_eq!(
            resume_point(Some(&id(&before, 11)), &mine),
            ResumePoint::LastLeadership
        );
    }
}

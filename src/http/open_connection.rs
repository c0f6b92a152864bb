//! [`OpenConnection`]: one connection as the rest of the server sees it, and how long it may keep
//! the server waiting. actix-http has deadlines for the head of the *first* request and for the
//! pause before the next one begins; here are the others.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Problem;
use super::connections::ConnectionPlace;
use crate::metrics::ConnectionEnd;

/// How long the body of a request may take.
const REQUEST_BODY: Duration = Duration::from_secs(10);

/// How long it may take from one answer to the end of the next request's head.
const BETWEEN_REQUESTS: Duration = Duration::from_secs(25);

/// One connection. Copies are the same one; its place is free when the last is dropped.
#[derive(Clone)]
pub struct OpenConnection(Arc<Inner>);

struct Inner {
    place: ConnectionPlace,
    raised: AtomicBool,
    requests: Mutex<Requests>,
}

/// The requests of a connection that are being answered, and since when there are none.
struct Requests {
    open: usize,
    none_since: Instant,
}

/// A request that is being answered, until the last byte of the answer.
struct OpenRequest(OpenConnection);

impl OpenConnection {
    /// A connection that has just been admitted.
    pub fn new(place: ConnectionPlace) -> Self {
        Self(Arc::new(Inner {
            place,
            raised: AtomicBool::new(false),
            requests: Mutex::new(Requests {
                open: 0,
                none_since: Instant::now(),
            }),
        }))
    }

    /// The connection that a request came by; none in tests of handlers alone.
    pub fn of(request: &HttpRequest) -> Option<&Self> {
        request.conn_data()
    }

    /// Somebody who has logged in uses it.
    pub fn raise(&self) {
        if !self.0.raised.swap(true, Ordering::Relaxed) {
            self.0.place.raise();
        }
    }

    /// Cancelled when it is to end where it stands, whatever is being answered.
    pub fn end(&self) -> &CancellationToken {
        self.0.place.end()
    }

    /// Serves it to its end, unless that is ordered or due before. What serves it is dropped then,
    /// with its socket.
    ///
    /// # Errors
    /// Those of `serving`.
    pub async fn serve<E>(self, serving: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        let mut serving = std::pin::pin!(serving);
        loop {
            tokio::select! {
                done = &mut serving => return done,
                () = self.end().cancelled() => return Ok(()),
                () = sleep_until(self.next_look()) => {}
            }
            if self.is_overdue() {
                debug!("a connection kept the server waiting");
                let ended = &self.0.place.app().shared.metrics.connections_ended_total;
                ended.of(ConnectionEnd::TimedOut).inc();
                return Ok(());
            }
        }
    }

    /// When it is overdue at the earliest, as things are.
    fn next_look(&self) -> Instant {
        let requests = self.requests();
        let waiting = requests.open == 0;
        let since = if waiting {
            requests.none_since
        } else {
            Instant::now()
        };
        since + BETWEEN_REQUESTS
    }

    fn is_overdue(&self) -> bool {
        let requests = self.requests();
        requests.open == 0 && requests.none_since.elapsed() >= BETWEEN_REQUESTS
    }

    fn begin(&self) -> OpenRequest {
        self.requests().open += 1;
        OpenRequest(self.clone())
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        let requests = self.0.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut requests = self.0.requests();
        requests.open = requests.open.saturating_sub(1);
        requests.none_since = Instant::now();
    }
}

/// Around all that answers: notes that a request is being answered, and gives its body
/// [`REQUEST_BODY`] to come; 408 where it does not.
pub async fn limit_time<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<LimitedBody<B>>, Error> {
    let open = OpenConnection::of(request.request()).map(OpenConnection::begin);
    let late = Arc::new(AtomicBool::new(false));
    let body = request.take_payload();
    request.set_payload(with_deadline(body, Arc::clone(&late)));
    let answer = next.call(request).await?;
    if late.load(Ordering::Relaxed) && answer.status().is_client_error() {
        return Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body of the request did not come within {} s",
                REQUEST_BODY.as_secs()
            ),
        )
        .into());
    }
    Ok(answer.map_body(|_, body| LimitedBody {
        body: Box::pin(body),
        _open: open,
    }))
}

/// A body that ends with an error when it is late.
fn with_deadline(body: Payload, late: Arc<AtomicBool>) -> Payload {
    if matches!(body, Payload::None) {
        return body;
    }
    let deadline = Instant::now() + REQUEST_BODY;
    let pieces = stream::unfold(Some(body), move |body| {
        let late = Arc::clone(&late);
        async move {
            let mut body = body?;
            match timeout_at(deadline, body.next()).await {
                Ok(piece) => piece.map(|piece| (piece, Some(body))),
                Err(_) => {
                    late.store(true, Ordering::Relaxed);
                    let why = PayloadError::Io(io::ErrorKind::TimedOut.into());
                    Some((Err(why), None))
                }
            }
        }
    });
    Payload::Stream {
        payload: Box::pin(pieces),
    }
}

/// The body of an answer, with the note that the request is being answered.
pub struct LimitedBody<B> {
    body: Pin<Box<B>>,
    _open: Option<OpenRequest>,
}

impl<B: MessageBody> MessageBody for LimitedBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_mut().poll_next(context)
    }
}

//! Requests: what one server asks another to do, and hears back about. So far there is one, to take
//! another name (¶53).
//!
//! A datagram may be lost on either way, so the requester repeats the request until it is answered,
//! and the other server remembers its answers: what is requested five times is executed once.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use porthole_types::InstanceId;
use porthole_types::Name;
use porthole_types::forget_oldest;

/// Time between two attempts.
pub const RETRY_INTERVAL: Duration = Duration::from_millis(150);

/// Then it is given up, 2.25 s after the first attempt: a slow disk has had its time, and whoever
/// waits at a page has not lost patience.
const MAX_ATTEMPTS: u32 = 15;

/// Requests of this server that wait for an answer. Beyond it one more is refused.
const MAX_PENDING: usize = 32;

/// Requests of others that are being executed. Each waits for the disk.
const MAX_RUNNING: usize = 8;

/// Requests of others whose outcome is remembered. Beyond it the oldest goes; it is a few seconds'
/// worth at the least.
const MAX_REMEMBERED: usize = 64;

/// Tells a request from others of the same server: a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// How the server that was asked has answered: done, or why not, in words.
pub type RequestOutcome = Result<(), String>;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// This server sends nothing on the LAN.
    #[error("this camera does not speak with the others (lan.enabled = false)")]
    LanDisabled,
    /// So many are pending that one more would not be kept track of.
    #[error("too many such requests are under way")]
    TooMany,
    /// It was sent several times and not answered.
    #[error("it has not answered")]
    Unanswered,
    /// The other server has refused, with its reason.
    #[error("it says: {0}")]
    Refused(String),
}

/// Asks a server to take this name, or with none that of its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameRequest {
    /// The identity of the server to be renamed.
    pub of: InstanceId,
    /// The address that it was last heard from.
    pub address: Ipv4Addr,
    /// Its new name.
    pub name: Option<Name>,
}

/// The requester's half: the requests that wait for an answer, each with its `Waiter`.
pub struct PendingRequests<Waiter> {
    pending: BTreeMap<RequestId, PendingRequest<Waiter>>,
}

struct PendingRequest<Waiter> {
    request: RenameRequest,
    attempts: u32,
    waiter: Waiter,
}

/// What the requester does next.
#[derive(Debug, PartialEq, Eq)]
pub enum NextStep<Waiter> {
    /// Send the request (again), and ask for the next step after [`RETRY_INTERVAL`].
    Send(RenameRequest),
    /// It was sent often enough: tell this one that nobody has answered.
    GiveUp(Waiter),
    /// Nothing: it was answered.
    Finished,
}

impl<Waiter> Default for PendingRequests<Waiter> {
    fn default() -> Self {
        Self {
            pending: BTreeMap::new(),
        }
    }
}

impl<Waiter> PendingRequests<Waiter> {
    /// Adds a request; [`PendingRequests::next_step`] says when to send it.
    ///
    /// # Errors
    /// The waiter, when too many are pending or the id is in use.
    pub fn add(
        &mut self,
        request_id: RequestId,
        request: RenameRequest,
        waiter: Waiter,
    ) -> Result<(), Waiter> {
        if self.pending.len() >= MAX_PENDING || self.pending.contains_key(&request_id) {
            return Err(waiter);
        }
        let pending = PendingRequest {
            request,
            attempts: 0,
            waiter,
        };
        self.pending.insert(request_id, pending);
        Ok(())
    }

    /// What to do about this request now.
    pub fn next_step(&mut self, request_id: RequestId) -> NextStep<Waiter> {
        let Some(mut pending) = self.pending.remove(&request_id) else {
            return NextStep::Finished;
        };
        if pending.attempts >= MAX_ATTEMPTS {
            return NextStep::GiveUp(pending.waiter);
        }
        pending.attempts += 1;
        let request = pending.request.clone();
        self.pending.insert(request_id, pending);
        NextStep::Send(request)
    }

    /// Ends a request that `from` has answered, and gives back its waiter. There is none where
    /// another server than the one that was asked answers, or after it was given up.
    pub fn complete(&mut self, from: InstanceId, request_id: RequestId) -> Option<Waiter> {
        let asked = self.pending.get(&request_id)?.request.of;
        if asked != from {
            return None;
        }
        self.pending
            .remove(&request_id)
            .map(|pending| pending.waiter)
    }
}

/// The other half: what was requested of this server lately, and with what outcome.
#[derive(Default)]
pub struct ServedRequests {
    requests: BTreeMap<(InstanceId, RequestId), ServedRequest>,
}

struct ServedRequest {
    received_at: Instant,
    /// None while it is executed.
    outcome: Option<RequestOutcome>,
}

/// What to do about a request that was received.
#[derive(Debug, PartialEq, Eq)]
pub enum Handling {
    /// Execute it, and tell [`ServedRequests::complete`].
    Execute,
    /// Nothing: it is being executed.
    InProgress,
    /// Send this answer.
    Reply(RequestOutcome),
}

impl ServedRequests {
    /// What to do about this request, received for the first time or again.
    pub fn receive(&mut self, from: InstanceId, request_id: RequestId, now: Instant) -> Handling {
        if let Some(known) = self.requests.get(&(from, request_id)) {
            return known
                .outcome
                .clone()
                .map_or(Handling::InProgress, Handling::Reply);
        }
        let running = self.requests.values().filter(|one| one.outcome.is_none());
        if running.count() >= MAX_RUNNING {
            return Handling::Reply(Err("it is busy with other such requests".to_owned()));
        }
        let request = ServedRequest {
            received_at: now,
            outcome: None,
        };
        self.requests.insert((from, request_id), request);
        // What is being executed is never forgotten: it sorts behind everything that is done.
        forget_oldest(&mut self.requests, MAX_REMEMBERED, |request| {
            (request.outcome.is_none(), request.received_at)
        });
        Handling::Execute
    }

    /// Remembers the outcome of a request that was executed.
    pub fn complete(&mut self, from: InstanceId, request_id: RequestId, outcome: RequestOutcome) {
        if let Some(request) = self.requests.get_mut(&(from, request_id)) {
            request.outcome = Some(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: RequestId = RequestId(7);
    const ONE: InstanceId = InstanceId(1);
    const OTHER: InstanceId = InstanceId(2);

    fn rename() -> RenameRequest {
        RenameRequest {
            of: OTHER,
            address: Ipv4Addr::LOCALHOST,
            name: Some(Name::new("Barn").unwrap()),
        }
    }

    #[test]
    fn a_request_is_repeated_until_the_server_that_was_asked_answers() {
        let mut requests = PendingRequests::default();
        requests.add(REQUEST, rename(), "the waiter").unwrap();
        for _ in 0..3 {
            assert_eq!(requests.next_step(REQUEST), NextStep::Send(rename()));
        }
        assert_eq!(requests.complete(InstanceId(3), REQUEST), None);
        assert_eq!(requests.complete(OTHER, RequestId(8)), None);
        assert_eq!(requests.complete(OTHER, REQUEST), Some("the waiter"));
        assert_eq!(requests.next_step(REQUEST), NextStep::Finished);
        assert_eq!(requests.complete(OTHER, REQUEST), None, "the second answer");
    }

    #[test]
    fn without_an_answer_it_is_given_up_within_two_and_a_half_seconds() {
        let mut requests = PendingRequests::default();
        requests.add(REQUEST, rename(), "the waiter").unwrap();
        let mut waited = Duration::ZERO;
        while requests.next_step(REQUEST) == NextStep::Send(rename()) {
            waited += RETRY_INTERVAL;
        }
        assert!(waited < Duration::from_millis(2500), "{waited:?}");
        assert_eq!(requests.next_step(REQUEST), NextStep::Finished);
    }

    #[test]
    fn so_many_may_be_pending_and_no_more() {
        let mut requests = PendingRequests::default();
        let added = (0..100).filter(|n| requests.add(RequestId(*n), rename(), *n).is_ok());
        assert_eq!(added.count(), MAX_PENDING);
        assert_eq!(requests.complete(OTHER, RequestId(3)), Some(3));
        assert_eq!(requests.add(RequestId(200), rename(), 200), Ok(()));
    }

    #[test]
    fn a_request_that_comes_again_is_executed_once_and_answered_each_time() {
        let (mut served, now) = (ServedRequests::default(), Instant::now());
        assert_eq!(served.receive(ONE, REQUEST, now), Handling::Execute);
        assert_eq!(served.receive(ONE, REQUEST, now), Handling::InProgress);
        let outcome: RequestOutcome = Err("the disk is full".to_owned());
        served.complete(ONE, REQUEST, outcome.clone());
        for _ in 0..2 {
            assert_eq!(
                served.receive(ONE, REQUEST, now),
                Handling::Reply(outcome.clone())
            );
        }
        assert_eq!(
            served.receive(OTHER, REQUEST, now),
            Handling::Execute,
            "another requester's"
        );
    }

    #[test]
    fn a_flood_of_requests_is_bounded_and_forgets_none_that_is_being_executed() {
        let (mut served, now) = (ServedRequests::default(), Instant::now());
        for n in 0..MAX_RUNNING as u64 {
            assert_eq!(served.receive(ONE, RequestId(n), now), Handling::Execute);
        }
        let busy = served.receive(ONE, RequestId(1000), now);
        assert!(matches!(busy, Handling::Reply(Err(_))), "{busy:?}");
        served.complete(ONE, RequestId(0), Ok(()));
        for n in 2000..3000 {
            let at = now + Duration::from_millis(n);
            assert_eq!(served.receive(ONE, RequestId(n), at), Handling::Execute);
            served.complete(ONE, RequestId(n), Ok(()));
        }
        assert_eq!(served.requests.len(), MAX_REMEMBERED);
        assert_eq!(served.receive(ONE, RequestId(1), now), Handling::InProgress);
    }
}

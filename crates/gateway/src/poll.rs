//! One round of questions to a router: its address, its state, its table.

use std::time::{Duration, Instant};

use tracing::debug;

use crate::address::ExternalAddress;
use crate::error::Error;
use crate::gateway::Gateway as _;
use crate::igd::Igd;
use crate::status::{Connection, Status};
use crate::table::Table;

/// How much to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollScope {
    /// The table too (Embodiments 1 and 3).
    WithTable,
    /// Without it: the other cameras are known by their messages alone.
    WithoutTable,
}

/// What one poll saw.
#[derive(Debug)]
pub struct PollResult {
    /// When it began.
    pub began: Instant,
    /// How long it took.
    pub took: Duration,
    /// The external address, none while the line is down, or not known; absent when the router was
    /// gone.
    pub external: Option<ExternalAddress>,
    /// Whether its Internet side is up, and since when.
    pub status: Option<Status>,
    /// Its table, where it was asked for and could be read.
    pub table: Option<Table>,
    /// Nothing was answered, in a way that calls for a new search.
    pub gone: Option<Error>,
    /// How long the router takes to answer, of late.
    pub answer_time: Option<Duration>,
}

/// Asks for everything that a poll wants to know (claims 2 and 19), in turn: some routers answer
/// one request at a time.
///
/// A router that answers one question and not another is there: only where nothing is answered it
/// is gone.
pub async fn poll(router: &Igd, scope: PollScope) -> PollResult {
    let began = Instant::now();
    let mut polled = PollResult {
        began,
        took: Duration::ZERO,
        external: None,
        status: None,
        table: None,
        gone: None,
        answer_time: None,
    };
    let external = router.external_address().await;
    let status = router.status().await;
    let silent = is_silent(&external) && is_silent(&status);
    let mut gone = is_no_answer(&external) && is_no_answer(&status);
    // Where nobody is, the table need not be asked for; a page in place of two answers may still be
    // a router that knows nothing but mappings.
    if scope == PollScope::WithTable && !silent {
        let table = router.table().await;
        gone &= is_no_answer(&table);
        polled.table = table
            .inspect_err(|why| debug!(%why, "the table cannot be read"))
            .ok();
    }
    polled.status = status.ok();
    match external {
        Err(why) if gone => polled.gone = Some(why),
        Err(Error::TooMany { .. }) => {} // it was not asked, so it has said nothing
        external => polled.external = Some(told(external, polled.status)),
    }
    polled.answer_time = router.answer_time();
    polled.took = began.elapsed();
    polled
}

/// Nobody is there, or whoever is says nothing.
fn is_silent<T>(answer: &Result<T, Error>) -> bool {
    matches!(
        answer,
        Err(Error::Unreachable { .. } | Error::TimedOut { .. })
    )
}

fn is_no_answer<T>(answer: &Result<T, Error>) -> bool {
    answer.as_ref().is_err_and(Error::wants_rediscovery)
}

/// What is known of the external address.
fn told(external: Result<ExternalAddress, Error>, status: Option<Status>) -> ExternalAddress {
    let up = status.is_some_and(|status| status.connection == Connection::Up);
    external.unwrap_or_else(|why| {
        debug!(%why, "no external address");
        // Many refuse with 501 while the line is down: then there is none. Otherwise it is only not
        // known.
        if why.refusal().is_some() && !up {
            None.into()
        } else {
            ExternalAddress::UNREADABLE
        }
    })
}

#[cfg(test)]
mod tests;

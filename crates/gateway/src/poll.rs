//! One round of questions to a router: its address, its state, its table.

use std::time::{Duration, Instant};

use tracing::debug;

use crate::address::ExternalAddress;
use crate::error::Error;
use crate::gateway::Gateway as _;
use crate::igd::Igd;
use crate::status::Status;
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
    /// The external address, none while the line is down; absent when the router was gone.
    pub external: Option<ExternalAddress>,
    /// Whether its Internet side is up, and since when.
    pub status: Option<Status>,
    /// Its table, where it was asked for and could be read.
    pub table: Option<Table>,
    /// The router did not answer, in a way that calls for a new search.
    pub gone: Option<Error>,
}

/// Asks for everything that a poll wants to know (claims 2 and 19), in turn: some routers answer
/// one request at a time.
pub async fn poll(router: &Igd, scope: PollScope) -> PollResult {
    let began = Instant::now();
    let mut polled = PollResult {
        began,
        took: Duration::ZERO,
        external: None,
        status: None,
        table: None,
        gone: None,
    };
    match router.external_address().await {
        Ok(external) => polled.external = Some(external),
        Err(why) if why.wants_rediscovery() => polled.gone = Some(why),
        Err(Error::TooMany { .. }) => {} // it was not asked, so it has said nothing
        Err(why) => {
            // Many say 501 while the line is down: it has no address now, and that is no reason to
            // search.
            debug!(%why, "no external address");
            polled.external = Some(ExternalAddress::from(None));
        }
    }
    if polled.gone.is_none() {
        polled.status = router.status().await.ok();
        if scope == PollScope::WithTable {
            match router.table().await {
                Ok(table) => polled.table = Some(table),
                Err(why) if why.wants_rediscovery() => polled.gone = Some(why),
                Err(why) => debug!(%why, "the table cannot be read"),
            }
        }
    }
    polled.took = began.elapsed();
    polled
}

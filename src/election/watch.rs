//! Watching the representative: what counts as a sign of life, and when its absence counts (¶75, ¶76, ¶80).

use std::net::Ipv4Addr;

use super::{Cause, Moment};
use crate::ids::{InstanceId, Term};

/// The representative, as another server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch {
    /// Who it is; unknown where only the router says that there is one.
    pub id: Option<InstanceId>,
    /// Its address on the LAN.
    pub address: Ipv4Addr,
    /// The term it holds.
    pub term: Term,
    /// Since when, by this server's clock.
    pub since: Moment,
    /// Why it holds it.
    pub cause: Cause,
    /// The last sign of life, from which missed Inquiries are counted.
    pub heard_at: Moment,
    /// Inquiries missed in a row (claim 14).
    pub misses: u32,
    /// The next probe at random intervals (claim 15).
    pub probe_at: Moment,
    /// Until when the answer to the last one may come.
    pub answer_by: Option<Moment>,
    /// Probes unanswered in a row.
    pub probes_missed: u32,
    /// Direct questions asked since there was doubt, before acting on silence.
    pub asked: u32,
    /// The next of these, or the end of the wait for the last one's answer.
    pub ask_at: Moment,
}

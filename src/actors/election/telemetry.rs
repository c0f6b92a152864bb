//! What a step of the rules changes, as metrics and log lines.

use tracing::{debug, info, warn};

use crate::shared::{SharedState, unix_seconds};
use porthole_election::{Candidacy, Role, State};

/// Metrics and log lines of one step.
pub(super) fn tell(shared: &SharedState, before: &State, after: &State) {
    let metrics = &shared.metrics;
    let now = shared.clock.now();
    let representative = after.role(now) == Role::Representative;
    metrics.representative.set(i64::from(representative));
    metrics
        .term
        .set(i64::try_from(after.term.0).unwrap_or(i64::MAX));
    let ends = match after.leadership {
        Some(leadership) => Some(leadership.deadline),
        None => after.own.and_then(|own| own.lapses_at),
    };
    let expiry = ends.map_or(0.0, |at| unix_seconds(shared.clock.wall(at)));
    metrics.lease_expiry_timestamp_seconds.set(expiry);
    if before.leadership.is_some() != after.leadership.is_some() {
        metrics.representative_changes_total.inc();
        if representative {
            info!(term = %after.term, "this server is the representative");
        } else {
            info!(term = %after.term, "this server is the representative no more");
        }
    }
    let overdue = |state: &State| state.detector.map_or(0, |detector| detector.misses);
    let missed = overdue(after).saturating_sub(overdue(before));
    metrics.heartbeats_missed_total.inc_by(missed.into());
    trace_rotation(before, after);
    if before.own.map(|own| own.port) != after.own.map(|own| own.port) {
        match after.own {
            Some(own) => info!(port = %own.port, "mapped"),
            None => info!("has no port of its own on the router now"),
        }
    }
    if before.crowded_since.is_none() && after.crowded_since.is_some() {
        warn!(range = %shared.settings.router.port_range, "every port is taken");
    }
}

/// The steps of a rotation, to understand one from the log afterwards.
fn trace_rotation(before: &State, after: &State) {
    if let (None, Some(vacancy)) = (before.vacancy, after.vacancy) {
        info!(cause = vacancy.cause.words(), term = %vacancy.term, "the representative is gone");
    }
    if before.candidacy == after.candidacy {
        return;
    }
    match after.candidacy {
        Candidacy::None | Candidacy::Waiting { .. } => {}
        Candidacy::Claiming { round, .. } => info!(round, "claims the leadership"),
        Candidacy::Acquiring { round, mapping, .. } => {
            debug!(round, ?mapping, "acquires the representative port");
        }
        Candidacy::Yielding { to, stage, .. } => {
            debug!(to = %to.id, ?stage, "lets another go first");
        }
    }
}

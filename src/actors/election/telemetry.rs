//! What a step of the rules changes, as metrics and log lines.

use std::time::Duration;

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
    if let Some(gap) = gap_that_ended(before, after) {
        metrics
            .representative_gap_seconds
            .observe(gap.as_secs_f64());
        info!(?gap, "the representative port was made anew");
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

/// For how long the representative port was nobody's, if its mapping has just been made anew. Two
/// gaps may have been equally long.
fn gap_that_ended(before: &State, after: &State) -> Option<Duration> {
    let in_gap = |state: &State| {
        state
            .leadership
            .is_some_and(|held| held.gap_since.is_some())
    };
    let ended = in_gap(before) && !in_gap(after) && after.leadership.is_some();
    after
        .last_gap
        .filter(|_| ended || before.last_gap != after.last_gap)
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

#[cfg(test)]
mod tests {
    use super::*;
    use porthole_election::{Cause, Evidence, Leadership, Memory, Timestamp};
    use porthole_types::{ExternalPort, Term};

    fn leading(gap_since: Option<Timestamp>, last_gap: Option<Duration>) -> State {
        let mut state = State::new(Term(1), None, Memory::None);
        state.last_gap = last_gap;
        state.leadership = Some(Leadership {
            port: ExternalPort::new(8080).unwrap(),
            answered_at: None,
            deadline: Timestamp(30_000_000),
            renew_at: Timestamp(0),
            since: Timestamp(0),
            cause: Cause::Free,
            checked_at: Timestamp(0),
            inquire_at: Timestamp(0),
            inquired_at: Timestamp(0),
            challenge: None,
            granted: None,
            evidence: Evidence::ReadBack,
            rival: false,
            gap_since,
        });
        state
    }

    #[test]
    fn a_gap_is_told_when_it_has_ended_also_if_it_was_as_long_as_the_last_one() {
        let gap = Some(Duration::from_millis(12));
        let inside = leading(Some(Timestamp(0)), gap);
        let after = leading(None, gap);
        assert_eq!(gap_that_ended(&inside, &after), gap);
        assert_eq!(gap_that_ended(&leading(None, None), &after), gap);
        assert_eq!(gap_that_ended(&after, &after), None);
        assert_eq!(gap_that_ended(&after, &inside), None);
    }

    #[test]
    fn a_gap_in_which_leadership_was_lost_is_none() {
        let gap = Some(Duration::from_millis(12));
        let mut lost = leading(None, gap);
        lost.leadership = None;
        assert_eq!(
            gap_that_ended(&leading(Some(Timestamp(0)), gap), &lost),
            None
        );
    }
}

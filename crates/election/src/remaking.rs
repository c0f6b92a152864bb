//! Routers that do not extend a lease: renewing is answered with yes and changes nothing, or is
//! refused until the end. The mapping is made anew shortly before it runs out, by the one that has
//! it. For the moment between, the port is nobody's, and this server stays the representative in
//! the same term: the others go on hearing it, and leave the port to it.

use std::time::Duration;

use super::context::StepContext;
use super::state::Renewals;
use super::{Leadership, Request, Rules, State, Timestamp};

/// A renewal came to nothing, with this server's mapping on the router as before.
pub(super) fn renewal_changed_nothing(state: &mut State, context: &StepContext) {
    state.renewals = match state.renewals {
        Renewals::Unproven | Renewals::ExtendedOnce | Renewals::Extend => Renewals::Doubted,
        Renewals::Doubted | Renewals::RunOut => Renewals::RunOut,
    };
    wait_for_the_end(state, context);
}

/// A renewal extended the lease.
pub(super) fn renewal_extended(state: &mut State, context: &StepContext) {
    state.renewals = match state.renewals {
        Renewals::Unproven | Renewals::Doubted | Renewals::RunOut => Renewals::ExtendedOnce,
        Renewals::ExtendedOnce | Renewals::Extend => Renewals::Extend,
    };
    wait_for_the_end(state, context);
}

/// Where leases run out a mapping is made anew shortly before its end. The representative's is
/// looked at as often as elsewhere until then, for it may be another's.
pub(super) fn wait_for_the_end(state: &mut State, context: &StepContext) {
    if state.renewals != Renewals::RunOut {
        return;
    }
    let (rules, now) = (context.rules, context.now);
    let soonest = now + rules.retry();
    if let Some(held) = &mut state.leadership {
        let between = Rules::renewal(rules.representative_lease);
        let end = held.deadline - rules.remake_before();
        // A look that is still under way at the end would be in the way.
        let look = now + between;
        let at = if look + between < end { look } else { end };
        held.renew_at = at.max(soonest);
    }
    if let Some(own) = &mut state.own
        && let Some(lapses_at) = own.lapses_at
    {
        own.renew_at = (lapses_at - rules.remake_before() * 2).max(soonest);
    }
}

/// The renewal of the representative's mapping that is due now.
pub(super) fn renew_representative(
    state: &State,
    rules: &Rules,
    now: Timestamp,
) -> Option<Request> {
    let held = state.leadership.filter(|held| now >= held.renew_at)?;
    let (port, lease) = (rules.representative_port, rules.representative_lease);
    let ends = match state.renewals {
        Renewals::Unproven | Renewals::ExtendedOnce | Renewals::Extend => false,
        // There is no time to make sure.
        Renewals::Doubted => now + Rules::renewal(lease) >= held.deadline,
        Renewals::RunOut => now + rules.remake_before() >= held.deadline,
    };
    // In the gap it is made anew once more only where it turns out to be there already, by an
    // answer that was lost, and cannot be renewed.
    let is_there = held.gap_since.is_some() && state.refusals.ours > 0;
    if ends && held.gap_since.is_none() || is_there {
        return Some(Request::Remake { port, lease });
    }
    Some(secure_representative(state, rules, now))
}

/// So often in a row a mapping of this server's own could not be renewed before it is made anew.
const TRIES: u32 = 2;

/// The request that makes this server the representative, or says that it is. A mapping of its own
/// from before, whose lease has not been extended, is made anew.
pub(super) fn secure_representative(state: &State, rules: &Rules, now: Timestamp) -> Request {
    let (port, lease) = (rules.representative_port, lease_to_ask(state, rules, now));
    if state.leadership.is_none() && state.refusals.ours >= TRIES {
        return Request::Remake { port, lease };
    }
    Request::Secure {
        port,
        lease,
        asked: state.ledger.asked(port),
    }
}

/// Not shorter than this server believes already: the router would end the mapping before it knows.
fn lease_to_ask(state: &State, rules: &Rules, now: Timestamp) -> Duration {
    let believes = state.leadership.map_or(Duration::ZERO, |held| {
        let left = held.deadline.after(now);
        left + Rules::margin(left)
    });
    let whole_seconds = Duration::from_secs(believes.as_secs() + 1);
    if believes > rules.representative_lease {
        whole_seconds
    } else {
        rules.representative_lease
    }
}

/// The renewal of the own mapping that is due now.
pub(super) fn renew_own(state: &State, rules: &Rules, now: Timestamp) -> Option<Request> {
    let own = state.own.filter(|own| now >= own.renew_at)?;
    let (port, lease) = (own.port, rules.lease);
    let ends = |at: Timestamp| now + rules.remake_before() * 2 >= at;
    if state.renewals == Renewals::RunOut && own.lapses_at.is_some_and(ends) {
        return Some(Request::Remake { port, lease });
    }
    Some(Request::Secure {
        port,
        lease,
        asked: state.ledger.asked(port),
    })
}

/// The representative's mapping is taken off the router now, to be made anew. This server is heard
/// meanwhile, so nobody waits for it but the router's clients: it is given as long as the lease of
/// a representative that is not heard.
pub(super) fn gap_begins(held: &mut Leadership, rules: &Rules, now: Timestamp) {
    held.gap_since = Some(now);
    held.deadline = held.deadline.max(now + rules.representative_lease);
}

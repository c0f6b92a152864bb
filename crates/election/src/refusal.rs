//! The router refuses a port although it shows nobody else there.
//!
//! It may be busy; it may use the port itself; it may take only one mapping to a port of a device;
//! it may not renew before the end; and a router that shows nothing may have somebody there.

use super::candidacy::{Candidacy, StaleMapping, Vacancy};
use super::context::StepContext;
use super::remaking::renewal_changed_nothing;
use super::setback::{failed, give_up_own_port, may_give_up_own_port};
use super::stale_mapping::{SELDOM, held_by_another};
use super::state::InnerPorts;
use super::{Cause, LanMessaging, Request, Shown, State};

/// So often in a row a port is asked for before it counts as the router's own.
const TRIES: u32 = 3;

/// The answer to a request to map a port.
pub(super) fn refused(
    state: &mut State,
    request: Request,
    shown: Shown,
    context: &mut StepContext,
) {
    let port = request.port();
    match shown {
        Shown::Nobody => state.ledger.strike(port),
        Shown::Nothing => state.ledger.nothing_made(port),
        Shown::Ours => {}
    }
    if port == context.rules.representative_port {
        representative_port_refused(state, request, shown, context);
    } else {
        own_port_refused(state, request, shown, context);
    }
}

fn representative_port_refused(
    state: &mut State,
    request: Request,
    shown: Shown,
    context: &mut StepContext,
) {
    if let Some(held) = state.leadership {
        failed(state, request, context);
        match shown {
            Shown::Ours => {
                if held.gap_since.is_some() {
                    state.refusals.ours = state.refusals.ours.saturating_add(1);
                }
                renewal_changed_nothing(state, context);
            }
            // Where nothing is shown a refusal is all that says that another has it.
            Shown::Nothing => {
                state.refusals.representative = state.refusals.representative.saturating_add(1);
                if held.challenge.is_some() || state.refusals.representative > 1 {
                    held_by_another(state, None, None, context);
                }
            }
            Shown::Nobody => {}
        }
        return;
    }
    let refusals = &mut state.refusals;
    refusals.representative = refusals.representative.saturating_add(1);
    refusals.alone |= state.own.is_none() && state.ledger.own(context.rules).next().is_none();
    match shown {
        // From an earlier life: it is made anew, if asking again is no use.
        Shown::Ours => {
            let memory = state.memory;
            failed(state, request, context);
            state.memory = memory; // it is there: that it led before is as true as it was
            state.refusals.ours = state.refusals.ours.saturating_add(1);
        }
        // Whoever has it: it is free at the end of a lease.
        Shown::Nothing => {
            held_by_another(state, None, None, context);
            if is_overdue(state, context) && gives_up_own_port(state, context) {
                give_up_own_port(state);
            }
        }
        Shown::Nobody if gives_up_own_port(state, context) => give_up_own_port(state),
        Shown::Nobody if is_reserved(state, context) => become_deputy(state, context),
        Shown::Nobody => failed(state, request, context),
    }
}

/// Whether the port would be free by now if it had been the previous representative's.
fn is_overdue(state: &State, context: &StepContext) -> bool {
    state.vacancy.is_some_and(|vacancy| {
        context.now > vacancy.since + context.rules.representative_lease + context.rules.slot()
    })
}

/// Where a router takes one mapping to a port of a device, the successor's own is in the way of the
/// representative's. Not where the port was refused to this server when it had none.
fn gives_up_own_port(state: &State, context: &StepContext) -> bool {
    !state.refusals.alone && may_give_up_own_port(state, context)
}

/// Whether nobody is to have the representative port on this router: it was refused often enough,
/// also to this server when it had no other mapping, and no representative is heard.
fn is_reserved(state: &State, context: &StepContext) -> bool {
    state.refusals.alone
        && state.refusals.representative >= TRIES
        && context.rules.lan == LanMessaging::Enabled
        && state.detector.is_none()
        && matches!(
            state.candidacy,
            Candidacy::None | Candidacy::Acquiring { .. }
        )
}

/// The fleet needs a page all the same: this server shows it on a port of its own, until the
/// router's settings are other ones.
fn become_deputy(state: &mut State, context: &StepContext) {
    let (now, term) = (context.now, state.term);
    let round = match state.candidacy {
        Candidacy::Acquiring { round, .. } => round,
        _ => 0,
    };
    state.vacancy.get_or_insert(Vacancy {
        cause: Cause::Free,
        previous: None,
        address: None,
        term,
        since: now,
        silent_until: None,
        lapses_at: None,
    });
    state.candidacy = Candidacy::Acquiring {
        round,
        mapping: StaleMapping::Reserved,
        repeat_at: now,
    };
    // It may have been busy: soon again, then less and less.
    let looks = state.refusals.representative.saturating_sub(TRIES);
    let doubled = 1_u32.checked_shl(looks).unwrap_or(u32::MAX);
    let wait = context.rules.representative_lease.saturating_mul(doubled);
    state.representative_after = now + wait.min(SELDOM);
    state.own_after = now;
}

fn own_port_refused(state: &mut State, request: Request, shown: Shown, context: &mut StepContext) {
    let port = request.port();
    let is_held = state.own.is_some_and(|own| own.port == port);
    if is_held && shown != Shown::Nobody {
        failed(state, request, context);
        renewal_changed_nothing(state, context);
        return;
    }
    if state.leadership.is_some() {
        // The representative's mapping leads to the same port of this device.
        state.inner = InnerPorts::One;
    }
    let before = state.refusals.own.filter(|(refused, _)| *refused == port);
    let times = before.map_or(1, |(_, times)| times.saturating_add(1));
    state.refusals.own = Some((port, times));
    if shown == Shown::Nothing || times >= TRIES {
        // Another one will do.
        state.own = state.own.filter(|own| own.port != port);
        state.refusals.reserved.insert(port);
        state.own_after = context.now;
    } else {
        failed(state, request, context);
    }
}

//! What the router answered to the one request that was under way.

use std::time::Duration;

use super::candidacy::{Candidacy, StaleMapping};
use super::context::StepContext;
use super::leadership::{leadership_secured, lose_leadership};
use super::remote_access::suspect_left_over;
use super::stale_mapping::{held_by_another, set_stale_mapping, warn_evicted, yield_to_successor};
use super::state::{Lifecycle, Memory, TableFullFallback};
use super::{Event, OwnMapping, Request, State, Timestamp};
use porthole_types::ExternalPort;

/// Takes an answer; one that nobody waits for (late, doubled or invented) changes nothing.
pub(super) fn answered(state: &mut State, event: &Event, context: &mut StepContext) {
    if !state.pending.is_some_and(|asked| is_answer(event, asked)) {
        return;
    }
    state.pending = None;
    let representative_port = context.rules.representative_port;
    match event {
        Event::Secured {
            port,
            sent_at,
            granted,
            before,
        } if *port == representative_port => {
            leadership_secured(state, *sent_at, *granted, *before, context);
        }
        Event::Secured {
            port,
            sent_at,
            granted,
            ..
        } => own_secured(state, *port, *sent_at, *granted, context),
        Event::Taken {
            port,
            expires_in,
            by,
        } if *port == representative_port => held_by_another(state, *expires_in, *by, context),
        Event::Taken { port, .. } => own_taken(state, *port),
        Event::NoRoom(port) => no_room(state, *port, context),
        Event::Evicted(_) => {
            warn_evicted(state, context); // if it has been heard since
            set_stale_mapping(state, StaleMapping::Deleted);
            state.representative_after = context.now;
        }
        Event::Irremovable(_) => {
            // Asked for again at once: the answer says how long the lease has yet to run.
            set_stale_mapping(state, StaleMapping::Undeletable);
            state.representative_after = context.now;
        }
        Event::Failed(request) => failed(state, *request, context),
        Event::Released(port) => released(state, *port, context),
        _ => {}
    }
}

/// Whether this event is what the router can answer to that request.
fn is_answer(event: &Event, asked: Request) -> bool {
    match (event, asked) {
        (Event::Secured { port, .. }, Request::Secure { port: asked, .. })
        | (Event::Evicted(port) | Event::Irremovable(port), Request::Evict { port: asked, .. })
        | (Event::Released(port), Request::Release(asked)) => *port == asked,
        (Event::Taken { port, .. } | Event::NoRoom(port), _) => *port == asked.port(),
        (Event::Failed(request), _) => *request == asked,
        _ => false,
    }
}

fn own_secured(
    state: &mut State,
    port: ExternalPort,
    sent_at: Timestamp,
    granted: Option<Duration>,
    context: &StepContext,
) {
    let lease = granted
        .unwrap_or(context.rules.lease)
        .min(context.rules.lease);
    state.failures = 0;
    state.own = Some(OwnMapping {
        port,
        renew_at: sent_at + lease / 2,
        lapses_at: granted.map(|granted| sent_at + granted),
        granted,
    });
    state.preferred = Some(port);
    state.crowded_since = None;
}

fn own_taken(state: &mut State, port: ExternalPort) {
    if state.own.is_some_and(|own| own.port == port) {
        state.own = None;
    }
    state.taken.insert(port);
}

/// Make-before-break needs a place in the table that is not there. The successor releases its own
/// mapping and takes the representative port in its place; what it had is asked for again should
/// that fail, and it does not try again at once.
fn no_room(state: &mut State, port: ExternalPort, context: &mut StepContext) {
    let for_leadership = port == context.rules.representative_port && state.leadership.is_none();
    let may_yield = match state.table_full {
        TableFullFallback::NotNeeded => true,
        TableFullFallback::Releasing => false,
        TableFullFallback::Released { again_at } => context.now >= again_at,
    };
    if for_leadership && state.own.is_some() && may_yield {
        state.table_full = TableFullFallback::Releasing;
    } else {
        let lease = if for_leadership {
            context.rules.representative_lease
        } else {
            context.rules.lease
        };
        failed(state, Request::Secure { port, lease }, context);
    }
}

fn failed(state: &mut State, request: Request, context: &mut StepContext) {
    let (rules, now) = (context.rules, context.now);
    if request == Request::Release(rules.representative_port)
        && state.lifecycle != Lifecycle::Leaving
    {
        // Whether it is still on the router or not: it was given up.
        lose_leadership(state, context);
    }
    state.failures = state.failures.saturating_add(1);
    let later = now + rules.patience(state.failures);
    if request.port() == rules.representative_port {
        state.representative_after = later;
        if state.leadership.is_none() {
            // It may have been free and be this server's now: what is found next time does not
            // prove that it led before.
            state.memory = Memory::None;
        }
        if let Some(leadership) = &mut state.leadership {
            leadership.renew_at = now + rules.retry();
        }
        if matches!(state.candidacy, Candidacy::Acquiring { .. }) {
            if matches!(request, Request::Evict { .. }) {
                // What became of it is seen by asking again.
                set_stale_mapping(state, StaleMapping::Unknown);
            }
            if state.failures >= 3 {
                yield_to_successor(state, context);
            }
        }
    } else {
        state.own_after = later;
        if let Some(own) = &mut state.own {
            own.renew_at = later;
        }
    }
    suspect_left_over(state, request, rules);
}

fn released(state: &mut State, port: ExternalPort, context: &mut StepContext) {
    state.left_over = state.left_over.filter(|left| *left != port);
    if port == context.rules.representative_port {
        lose_leadership(state, context);
        // Others first.
        state.representative_after = context.now + context.rules.representative_lease;
    } else if state.own.is_some_and(|own| own.port == port) {
        state.own = None;
        if state.table_full == TableFullFallback::Releasing {
            state.table_full = TableFullFallback::Released {
                again_at: context.now + context.rules.silence() * 2,
            };
            state.representative_after = context.now;
            state.own_after = context.now + context.rules.retry();
        }
    }
}

//! What the router answered to the one request that was under way.

use super::candidacy::StaleMapping;
use super::context::StepContext;
use super::leadership::{Secured, leadership_secured, lose_leadership};
use super::refusal::refused;
use super::remaking::{renewal_changed_nothing, wait_for_the_end};
use super::setback::{failed, give_up_own_port, longest_lease_of, may_give_up_own_port, own_port};
use super::stale_mapping::{held_by_another, set_stale_mapping, warn_evicted};
use super::state::{ListTrust, MakeRoom};
use super::{
    ClaimStage, Event, Evidence, FormerRole, OwnMapping, PriorEntry, Renewal, Request, State,
};
use porthole_types::ExternalPort;

/// Takes an answer; one that nobody waits for (late, doubled or invented) changes nothing.
pub(super) fn answered(state: &mut State, event: &Event, context: &mut StepContext) {
    let Some(request) = state.pending.filter(|asked| is_answer(event, *asked)) else {
        return;
    };
    state.pending = None;
    let representative_port = context.rules.representative_port;
    match event {
        Event::Secured {
            port,
            sent_at,
            granted,
            before,
            evidence,
            renewal,
        } => {
            match evidence {
                Evidence::ReadBack => state.ledger.may_be_there(*port),
                Evidence::Answer => {
                    let until = granted.map(|granted| context.now + granted);
                    state.ledger.said_to_be_there(*port, until);
                }
            }
            state.list = trust_in_list(state.list, *before, *evidence);
            let secured = Secured {
                sent_at: *sent_at,
                granted: *granted,
                before: *before,
                evidence: *evidence,
                renewal: *renewal,
            };
            if *port == representative_port {
                leadership_secured(state, secured, context);
            } else {
                own_secured(state, *port, secured, context);
            }
        }
        Event::Taken {
            port,
            expires_in,
            by,
        } => {
            state.ledger.strike(*port);
            if *port == representative_port {
                state.refusals.forget_representative_port();
                held_by_another(state, *expires_in, *by, context);
            } else {
                own_taken(state, *port);
            }
        }
        Event::Refused { shown, .. } => refused(state, request, *shown, context),
        Event::NoRoom(port) => no_room(state, *port, request, context),
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
        Event::Failed(request) => {
            if matches!(request, Request::Secure { .. } | Request::Remake { .. }) {
                let until = context.now + longest_lease_of(*request);
                state.ledger.unanswered(request.port(), until);
            }
            failed(state, *request, context);
        }
        Event::NotAsked(request) => {
            if matches!(request, Request::Secure { .. }) {
                state.ledger.nothing_made(request.port());
            }
            let memory = state.memory;
            failed(state, *request, context);
            state.memory = memory; // nothing was asked for: what is found next time is older
        }
        Event::Released(port) => released(state, *port, context),
        _ => {}
    }
}

/// Whether this event is what the router can answer to that request.
fn is_answer(event: &Event, asked: Request) -> bool {
    match (event, asked) {
        (
            Event::Secured { port, .. } | Event::Refused { port, .. },
            Request::Secure { port: asked, .. } | Request::Remake { port: asked, .. },
        )
        | (Event::Evicted(port) | Event::Irremovable(port), Request::Evict { port: asked, .. })
        | (Event::Released(port), Request::Release(asked)) => *port == asked,
        (Event::Taken { port, .. } | Event::NoRoom(port), _) => *port == asked.port(),
        (Event::Failed(request) | Event::NotAsked(request), _) => *request == asked,
        _ => false,
    }
}

/// Whether the list can be believed that a mapping is not there: not where it was missing in it and
/// is there, nor on a router that shows nothing.
fn trust_in_list(list: ListTrust, before: PriorEntry, evidence: Evidence) -> ListTrust {
    match (list, before, evidence) {
        (_, _, Evidence::Answer) | (ListTrust::Doubted, PriorEntry::Ours, _) => {
            ListTrust::Incomplete
        }
        (ListTrust::Doubted, PriorEntry::Free, _) => ListTrust::Trusted,
        (list, _, _) => list,
    }
}

fn own_secured(state: &mut State, port: ExternalPort, secured: Secured, context: &StepContext) {
    let Secured {
        sent_at, granted, ..
    } = secured;
    let lease = granted
        .unwrap_or(context.rules.lease)
        .min(context.rules.lease);
    if state.own.is_none() && secured.before == PriorEntry::Ours {
        state.refusals.alone = false; // it had one after all, from a life whose file is lost
    }
    let is_deputy = matches!(state.stage(), ClaimStage::Deputy { .. });
    if state.own.is_none() && state.failures > 0 && !is_deputy {
        // A router that does this may do the other too.
        let soon = context.now + context.rules.patience(1);
        state.representative_after = state.representative_after.min(soon);
    }
    state.failures = 0;
    state.own = Some(OwnMapping {
        port,
        renew_at: sent_at + lease / 2,
        lapses_at: granted.map(|granted| sent_at + granted),
        granted,
    });
    state.preferred = Some(port);
    state.crowded_since = None;
    state.refusals.own = None;
    match secured.renewal {
        Renewal::Unchanged => renewal_changed_nothing(state, context),
        Renewal::New | Renewal::Extended | Renewal::Untold => wait_for_the_end(state, context),
    }
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
fn no_room(state: &mut State, port: ExternalPort, request: Request, context: &mut StepContext) {
    state.ledger.strike(port);
    let for_leadership = port == context.rules.representative_port;
    if for_leadership
        && state
            .leadership
            .is_some_and(|held| held.gap_since.is_some())
    {
        // Another has the place in the table, and this server none to give up. A successor may have
        // one.
        lose_leadership(state, context);
    }
    if for_leadership && state.leadership.is_none() && may_give_up_own_port(state, context) {
        give_up_own_port(state);
    } else {
        failed(state, request, context);
    }
}

fn released(state: &mut State, port: ExternalPort, context: &mut StepContext) {
    state.ledger.strike(port);
    if port == context.rules.representative_port {
        if state.leadership.is_none() {
            // It knew of no leadership of its own; whoever waits for the port need not.
            context.announce_withdrawal(state.term, FormerRole::Representative);
        }
        lose_leadership(state, context);
        // Others first.
        state.representative_after = context.now + context.rules.representative_lease;
    } else {
        if state.own.is_some_and(|own| own.port == port) {
            state.own = None;
        }
        let made_room = own_port(state, context.rules).is_none();
        if made_room && state.make_room == MakeRoom::Releasing {
            state.make_room = MakeRoom::Released {
                again_at: context.now + context.rules.silence() * 2,
            };
            state.representative_after = context.now;
            state.own_after = context.now + context.rules.retry();
        }
    }
}

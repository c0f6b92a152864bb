//! Who takes a vacant leadership, and when: the waits, the Claims and the order (claims 10 to 12,
//! Fig. 11).

use std::time::Duration;

use super::candidacy::{Candidacy, StaleMapping, Vacancy};
use super::context::StepContext;
use super::failure_detector::QUESTIONS;
use super::leadership::verify_soon;
use super::rules::server_value;
use super::state::{Lifecycle, RouterStatus};
use super::{
    Cause, ClaimStage, Destination, ElectionMessage, FailureDetector, Peer, Rules, State, Timestamp,
};
use crate::Succession;
use porthole_types::InstanceId;

/// How long a report vouches for its sender in the order of succession, in heartbeats.
const FRESH: u32 = 4;

/// Nobody waits for more than so many others in turn: beyond that, Claims sort it out.
const LONGEST_QUEUE: u32 = 16;

/// The order between two servers: the lower comes first.
pub(super) type Rank = (u64, InstanceId);

pub(super) fn rank(state: &State, rules: &Rules, id: InstanceId) -> Rank {
    let port = || {
        if id == rules.me {
            state.own.map(|own| own.port)
        } else {
            state.peers.get(&id).and_then(|peer| peer.external)
        }
    };
    let first = match rules.succession {
        Succession::PortOrder => port().map_or(u64::MAX, |port| port.get().into()),
        Succession::ServerValue => server_value(id),
        Succession::Random => 0,
    };
    (first, id)
}

/// The representative is gone: leadership is open to all.
pub(super) fn declare_vacant(
    state: &mut State,
    detector: &FailureDetector,
    cause: Cause,
    context: &StepContext,
) {
    if let Some(previous) = detector.id {
        state.peers.remove(&previous);
    }
    state.detector = None;
    state.vacancy = Some(Vacancy {
        cause,
        previous: detector.id,
        address: Some(detector.address),
        term: detector.term,
        since: context.now,
        silent_until: None,
        lapses_at: None,
    });
}

/// Waits for its turn to claim leadership, unless it is not to have it.
pub(super) fn wait_to_claim(state: &mut State, round: u32, context: &StepContext) {
    if !state.is_candidate() {
        state.candidacy = Candidacy::None;
        return;
    }
    let rules = context.rules;
    let wait = match rules.succession {
        Succession::PortOrder => rules.slot() * candidates_ahead(state, context).min(LONGEST_QUEUE),
        Succession::Random => context.entropy.span(rules.longest_wait()),
        Succession::ServerValue => rules.own_wait(),
    };
    state.candidacy = Candidacy::Waiting {
        claim_at: context.now + wait,
        round,
    };
}

/// How many others, heard of lately, come before this server.
fn candidates_ahead(state: &State, context: &StepContext) -> u32 {
    let rules = context.rules;
    let mine = rank(state, rules, rules.me);
    let fresh = rules.heartbeat * FRESH;
    let before = state.peers.iter().filter(|(id, peer)| {
        context.now < peer.heard_at + fresh && rank(state, rules, **id) < mine
    });
    u32::try_from(before.count()).unwrap_or(u32::MAX)
}

/// Lets another go first, for as long as it says that it is there.
pub(super) fn yield_to(
    state: &mut State,
    to: Peer,
    claim_stage: ClaimStage,
    context: &StepContext,
) {
    let round = match state.candidacy {
        Candidacy::Waiting { round, .. }
        | Candidacy::Claiming { round, .. }
        | Candidacy::Acquiring { round, .. }
        | Candidacy::Yielding { round, .. } => round,
        Candidacy::None => 0,
    };
    state.candidacy = Candidacy::Yielding {
        to,
        stage: claim_stage,
        until: context.now + context.rules.silence(),
        round,
    };
}

/// Time passes for whoever watches, waits or claims.
pub(super) fn tick(state: &mut State, context: &mut StepContext) {
    inquire(state, context);
    if state.leadership.is_some() || state.lifecycle != Lifecycle::Running {
        return;
    }
    // Who is not to be reached from outside follows who leads, and leaves it to the others.
    if let Some(mut detector) = state.detector {
        let gone = detector.tick(context);
        state.detector = Some(detector);
        if let Some(cause) = gone {
            declare_vacant(state, &detector, cause, context);
            if let Some(vacancy) = &mut state.vacancy {
                vacancy.silent_until = Some(context.now + context.rules.heartbeat);
            }
            wait_to_claim(state, 0, context);
        }
    }
    advance_candidacy(state, context);
}

/// The representative asks all others where they are, once a heartbeat (¶60).
fn inquire(state: &mut State, context: &mut StepContext) {
    let term = state.term;
    if let Some(leadership) = &mut state.leadership
        && context.now >= leadership.inquire_at
    {
        leadership.inquired_at = context.now;
        leadership.inquire_at = context.now + context.rules.heartbeat;
        let held = leadership.since;
        let message = ElectionMessage::Inquiry {
            term,
            cause: leadership.cause,
            held_ms: context.now.after(held).as_millis() as u64,
        };
        context.say(Destination::Everybody, message);
        if misses_somebody(state, context) {
            verify_soon(state, context);
        }
    }
}

/// Whether another's reports have stayed away of late. The LAN may have fallen apart between them:
/// then that one hears no Inquiries, and may have had this server's mapping deleted, and nobody
/// can say so but the router (S1d). Not for ever: mostly it has just been switched off.
fn misses_somebody(state: &State, context: &StepContext) -> bool {
    let silent = context.rules.silence();
    let span = silent..silent + context.rules.heartbeat * FRESH;
    state
        .peers
        .values()
        .any(|peer| span.contains(&context.now.after(peer.heard_at)))
}

fn advance_candidacy(state: &mut State, context: &mut StepContext) {
    let now = context.now;
    if let Candidacy::Yielding {
        to, until, round, ..
    } = state.candidacy
        && now >= until
    {
        state.peers.remove(&to.id);
        if state.vacancy.is_some() {
            wait_to_claim(state, round + 1, context); // ¶77: the next but one
        } else {
            state.candidacy = Candidacy::None;
        }
    }
    if let Candidacy::Waiting { claim_at, round } = state.candidacy
        && now >= claim_at
    {
        if state.router == RouterStatus::Silent {
            // Whoever cannot reach the router leaves leadership to those who can.
            state.candidacy = Candidacy::Waiting {
                claim_at: now + context.rules.silence(),
                round,
            };
        } else {
            state.candidacy = Candidacy::Claiming {
                until: now + window(state, round, context),
                round,
            };
            send_claim(state, context);
        }
    }
    if let Candidacy::Claiming { until, round } = state.candidacy
        && now >= until
    {
        state.candidacy = Candidacy::Acquiring {
            round,
            mapping: StaleMapping::Unknown,
            repeat_at: now + context.rules.heartbeat,
        };
        state.representative_after = now;
        state.failures = 0;
    }
    if let Candidacy::Acquiring {
        round,
        mapping,
        repeat_at,
    } = state.candidacy
    {
        let mapping = probe_before_deleting(state, mapping, context);
        let speaks = now >= repeat_at;
        state.candidacy = Candidacy::Acquiring {
            round,
            mapping,
            repeat_at: if speaks {
                now + context.rules.heartbeat
            } else {
                repeat_at
            },
        };
        if speaks {
            send_claim(state, context);
        }
    }
}

/// How long objections are waited for. The first in order after a Withdrawal need not wait: the
/// port is free, and the router refuses it to everybody but the first.
fn window(state: &State, round: u32, context: &StepContext) -> Duration {
    let announce_withdrawal = state
        .vacancy
        .is_some_and(|vacancy| vacancy.cause == Cause::Withdrawal);
    let first = context.rules.succession == Succession::PortOrder
        && round == 0
        && candidates_ahead(state, context) == 0;
    if announce_withdrawal && first {
        Duration::ZERO
    } else {
        context.rules.claim_window()
    }
}

fn send_claim(state: &State, context: &mut StepContext) {
    let (Candidacy::Claiming { round, .. } | Candidacy::Acquiring { round, .. }) = state.candidacy
    else {
        return;
    };
    let message = ElectionMessage::Claim {
        term: state.term.next(),
        round,
        stage: state.stage(),
        cause: state.vacancy.map_or(Cause::Free, |vacancy| vacancy.cause),
    };
    context.say(Destination::Everybody, message);
}

/// Before another's mapping is deleted, its owner is asked directly, by everything that could be
/// known of it.
fn probe_before_deleting(
    state: &State,
    mapping: StaleMapping,
    context: &mut StepContext,
) -> StaleMapping {
    let (StaleMapping::Asking { asked, ask_at }, Some(vacancy)) = (mapping, state.vacancy) else {
        return mapping;
    };
    let Some(address) = vacancy.address.filter(|_| context.now >= ask_at) else {
        return mapping;
    };
    if asked >= QUESTIONS {
        return StaleMapping::Deletable { from: address };
    }
    context.probe(address, vacancy.previous);
    StaleMapping::Asking {
        asked: asked + 1,
        ask_at: context.now + context.rules.reply_wait(),
    }
}

/// When to look again.
pub(super) fn wakes(state: &State) -> [Option<Timestamp>; 2] {
    let (first, second) = match state.candidacy {
        Candidacy::None => (None, None),
        Candidacy::Waiting { claim_at, .. } => (Some(claim_at), None),
        Candidacy::Claiming { until, .. } | Candidacy::Yielding { until, .. } => {
            (Some(until), None)
        }
        Candidacy::Acquiring {
            mapping, repeat_at, ..
        } => match mapping {
            StaleMapping::Asking { ask_at, .. } => (Some(repeat_at), Some(ask_at)),
            _ => (Some(repeat_at), None),
        },
    };
    [first, second]
}

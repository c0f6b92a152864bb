//! Who takes a vacant office, and when: the waits, the Claims and the order (claims 10 to 12, Fig. 11).

use std::time::Duration;

use super::pursuit::{Grave, Pursuit, Vacancy};
use super::rules::server_value;
use super::state::{Router, Stay};
use super::turn::Turn;
use super::watch::QUESTIONS;
use super::{Bid, Cause, Moment, Peer, Rules, State, To, Watch, Word};
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

/// The representative is gone: the office is open to all.
pub(super) fn vacate(state: &mut State, watch: &Watch, cause: Cause, turn: &Turn) {
    if let Some(late) = watch.id {
        state.peers.remove(&late);
    }
    state.watch = None;
    state.vacancy = Some(Vacancy {
        cause,
        late: watch.id,
        address: Some(watch.address),
        term: watch.term,
        since: turn.now,
        silent_until: None,
        lapses_at: None,
    });
}

/// Waits for its turn to claim the office, unless it is not to have it.
pub(super) fn stand(state: &mut State, round: u32, turn: &Turn) {
    if !state.is_candidate() {
        state.pursuit = Pursuit::None;
        return;
    }
    let rules = turn.rules;
    let wait = match rules.succession {
        Succession::PortOrder => rules.slot() * queue(state, turn).min(LONGEST_QUEUE),
        Succession::Random => turn.chance.span(rules.longest_wait()),
        Succession::ServerValue => rules.own_wait(),
    };
    state.pursuit = Pursuit::Standing {
        speak_at: turn.now + wait,
        round,
    };
}

/// How many others, heard of lately, come before this server.
fn queue(state: &State, turn: &Turn) -> u32 {
    let rules = turn.rules;
    let mine = rank(state, rules, rules.me);
    let fresh = rules.heartbeat * FRESH;
    let before = state
        .peers
        .iter()
        .filter(|(id, peer)| turn.now < peer.heard_at + fresh && rank(state, rules, **id) < mine);
    u32::try_from(before.count()).unwrap_or(u32::MAX)
}

/// Lets another go first, for as long as it says that it is there.
pub(super) fn defer(state: &mut State, to: Peer, bid: Bid, turn: &Turn) {
    let round = match state.pursuit {
        Pursuit::Standing { round, .. }
        | Pursuit::Claiming { round, .. }
        | Pursuit::Taking { round, .. }
        | Pursuit::Deferring { round, .. } => round,
        Pursuit::None => 0,
    };
    state.pursuit = Pursuit::Deferring {
        to,
        bid,
        until: turn.now + turn.rules.silence(),
        round,
    };
}

/// Time passes for whoever watches, waits or claims.
pub(super) fn tick(state: &mut State, turn: &mut Turn) {
    inquire(state, turn);
    if state.office.is_some() || state.stay != Stay::Staying {
        return;
    }
    // Who is not to be reached from outside follows what happens to the office, and leaves it to the others.
    if let Some(mut watch) = state.watch {
        let gone = watch.tick(turn);
        state.watch = Some(watch);
        if let Some(cause) = gone {
            vacate(state, &watch, cause, turn);
            if let Some(vacancy) = &mut state.vacancy {
                vacancy.silent_until = Some(turn.now + turn.rules.heartbeat);
            }
            stand(state, 0, turn);
        }
    }
    pursue(state, turn);
}

/// The representative asks all others where they are, once a heartbeat (¶60).
fn inquire(state: &mut State, turn: &mut Turn) {
    let term = state.term;
    if let Some(office) = &mut state.office
        && turn.now >= office.inquire_at
    {
        office.inquired_at = turn.now;
        office.inquire_at = turn.now + turn.rules.heartbeat;
        let held = office.since;
        let word = Word::Inquiry {
            term,
            cause: office.cause,
            held_ms: turn.now.after(held).as_millis() as u64,
        };
        turn.say(To::Everybody, word);
    }
}

fn pursue(state: &mut State, turn: &mut Turn) {
    let now = turn.now;
    if let Pursuit::Deferring {
        to, until, round, ..
    } = state.pursuit
        && now >= until
    {
        state.peers.remove(&to.id);
        if state.vacancy.is_some() {
            stand(state, round + 1, turn); // ¶77: the next but one
        } else {
            state.pursuit = Pursuit::None;
        }
    }
    if let Pursuit::Standing { speak_at, round } = state.pursuit
        && now >= speak_at
    {
        if state.router == Router::Silent {
            // Whoever cannot reach the router leaves the office to those who can.
            state.pursuit = Pursuit::Standing {
                speak_at: now + turn.rules.silence(),
                round,
            };
        } else {
            state.pursuit = Pursuit::Claiming {
                until: now + window(state, round, turn),
                round,
            };
            say_claim(state, turn);
        }
    }
    if let Pursuit::Claiming { until, round } = state.pursuit
        && now >= until
    {
        state.pursuit = Pursuit::Taking {
            round,
            grave: Grave::Unseen,
            say_at: now + turn.rules.heartbeat,
        };
        state.office_after = now;
        state.failures = 0;
    }
    if let Pursuit::Taking {
        round,
        grave,
        say_at,
    } = state.pursuit
    {
        let grave = ask_once_more(state, grave, turn);
        let speaks = now >= say_at;
        state.pursuit = Pursuit::Taking {
            round,
            grave,
            say_at: if speaks {
                now + turn.rules.heartbeat
            } else {
                say_at
            },
        };
        if speaks {
            say_claim(state, turn);
        }
    }
}

/// How long objections are waited for. Who is first in order after a farewell need not wait: the port is free, and
/// the router refuses it to everybody but the first.
fn window(state: &State, round: u32, turn: &Turn) -> Duration {
    let farewell = state
        .vacancy
        .is_some_and(|vacancy| vacancy.cause == Cause::Withdrawal);
    let first =
        turn.rules.succession == Succession::PortOrder && round == 0 && queue(state, turn) == 0;
    if farewell && first {
        Duration::ZERO
    } else {
        turn.rules.claim_window()
    }
}

fn say_claim(state: &State, turn: &mut Turn) {
    let (Pursuit::Claiming { round, .. } | Pursuit::Taking { round, .. }) = state.pursuit else {
        return;
    };
    let word = Word::Claim {
        term: state.term.next(),
        round,
        bid: state.bid(),
        cause: state.vacancy.map_or(Cause::Free, |vacancy| vacancy.cause),
    };
    turn.say(To::Everybody, word);
}

/// Before another's mapping is deleted, its owner is asked directly, by everything that could be known of it.
fn ask_once_more(state: &State, grave: Grave, turn: &mut Turn) -> Grave {
    let (Grave::Asking { asked, ask_at }, Some(vacancy)) = (grave, state.vacancy) else {
        return grave;
    };
    let Some(address) = vacancy.address.filter(|_| turn.now >= ask_at) else {
        return grave;
    };
    if asked >= QUESTIONS {
        return Grave::Open { from: address };
    }
    turn.probe(address, vacancy.late);
    Grave::Asking {
        asked: asked + 1,
        ask_at: turn.now + turn.rules.reply_wait(),
    }
}

/// When to look again.
pub(super) fn wakes(state: &State) -> [Option<Moment>; 2] {
    let (first, second) = match state.pursuit {
        Pursuit::None => (None, None),
        Pursuit::Standing { speak_at, .. } => (Some(speak_at), None),
        Pursuit::Claiming { until, .. } | Pursuit::Deferring { until, .. } => (Some(until), None),
        Pursuit::Taking { grave, say_at, .. } => match grave {
            Grave::Asking { ask_at, .. } => (Some(say_at), Some(ask_at)),
            _ => (Some(say_at), None),
        },
    };
    [first, second]
}

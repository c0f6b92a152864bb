//! What the others say, and how far it is believed. Words start questions and set the order of succession;
//! they move no mapping by themselves: that is between each server and the router.

use std::cmp::Reverse;
use std::time::Duration;

use super::pursuit::{Grave, Pursuit};
use super::state::Memory;
use super::succession::{defer, rank, stand, vacate};
use super::turn::{Turn, plausible};
use super::{Bid, Cause, Moment, Peer, PeerSeen, Post, Rules, Squeeze, State, To, Watch, Word};
use crate::{Detection, Succession};
use porthole_types::forget_oldest;
use porthole_types::{ExternalPort, InstanceId, Term};

/// Servers that are kept in mind. Beyond it the one heard longest ago goes.
const MOST_PEERS: usize = 512;

/// Another server reported itself.
pub(super) fn reported(
    state: &mut State,
    from: Peer,
    external: Option<ExternalPort>,
    term: Term,
    turn: &Turn,
) {
    let heard_at = turn.now;
    let known = state.peers.insert(from.id, PeerSeen { external, heard_at });
    if known.is_none() {
        inquire_soon(state, turn); // a newcomer learns at once whom to follow
    }
    forget_oldest(&mut state.peers, MOST_PEERS, |seen| seen.heard_at);
    if state.office.is_none() {
        state.adopt(term);
    } else if term > state.term {
        challenged(state, term, turn);
    }
}

/// A word about the office.
pub(super) fn heard(state: &mut State, from: Peer, word: Word, turn: &mut Turn) {
    match word {
        Word::Inquiry {
            term,
            cause,
            held_ms,
        } => {
            let since = turn.now - Duration::from_millis(held_ms);
            inquiry(state, from, term, cause, since, turn);
        }
        Word::ProbeReply { term } => reply(state, from, term, turn),
        Word::Claim {
            term,
            round,
            bid,
            cause,
        } => claim(state, from, term, Bidder { round, bid, cause }, turn),
        Word::Withdrawal { term, of, post } => withdrawal(state, from, term, of, post, turn),
        Word::Probe { of } => {
            let meant = of.is_none_or(|id| id == turn.rules.me);
            if meant && state.office.is_some() {
                turn.say(To::One(from.address), Word::ProbeReply { term: state.term });
            }
        }
    }
}

/// Somebody else says that it holds the office.
fn inquiry(
    state: &mut State,
    from: Peer,
    term: Term,
    cause: Cause,
    since: Moment,
    turn: &mut Turn,
) {
    if !plausible(state.term, term) {
        return;
    }
    if state.office.is_some() {
        challenged(state, term, turn);
        return;
    }
    let known = state
        .watch
        .is_some_and(|watch| watch.id == Some(from.id) && term >= watch.term);
    if let Some(vacancy) = state
        .vacancy
        .filter(|vacancy| vacancy.late == Some(from.id))
    {
        // The echo of its last Inquiry may come after its farewell.
        let echo = vacancy.cause == Cause::Withdrawal
            && term <= vacancy.term
            // An office taken up again after the farewell is a new one; and that may have come late.
            && since + turn.rules.heartbeat < vacancy.since
            && turn.now < vacancy.since + turn.rules.heartbeat / 4;
        if echo {
            return;
        }
        if term < vacancy.term {
            spare(state, turn);
            return;
        }
    } else if !known {
        let rival = state.watch.is_some_and(|watch| {
            watch.is_lively(turn.rules, turn.now) && !watch.is_doubtful() && term <= watch.term
        });
        if term < state.term || rival {
            return; // an office that has ended, and its holder has yet to notice
        }
    }
    follow(state, from, term, cause, since, turn);
}

/// Takes `from` for the representative.
fn follow(state: &mut State, from: Peer, term: Term, cause: Cause, since: Moment, turn: &Turn) {
    match &mut state.watch {
        Some(watch) if watch.id == Some(from.id) && watch.term == term => {
            watch.address = from.address;
            watch.alive(turn);
        }
        _ => state.watch = Some(Watch::of(from, term, cause, since, turn)),
    }
    state.adopt(term);
    state.memory = Memory::None; // whatever it held has ended with this one's term
    state.vacancy = None;
    state.pursuit = Pursuit::None;
    state.squatter = None;
    state.squeeze = Squeeze::None;
    // It renews while it lives: what the router has for it ends no sooner than this after its last word.
    state.office_after = turn.now + turn.rules.representative_lease;
}

/// The answer to a question of ours: whoever was doubted lives.
fn reply(state: &mut State, from: Peer, term: Term, turn: &Turn) {
    if state.office.is_some() || !plausible(state.term, term) {
        return;
    }
    if let Some(watch) = &mut state.watch {
        let stranger = watch.id.is_none() && watch.address == from.address;
        if watch.id == Some(from.id) && term >= watch.term {
            watch.alive(turn);
            return;
        }
        if stranger {
            follow(state, from, term, Cause::Free, turn.now, turn);
        }
        return;
    }
    let Some(vacancy) = state.vacancy.filter(|v| v.late == Some(from.id)) else {
        return;
    };
    let asked = matches!(
        state.pursuit,
        Pursuit::Taking {
            grave: Grave::Asking { .. },
            ..
        }
    );
    if term < vacancy.term {
        spare(state, turn);
    } else if asked || vacancy.cause != Cause::Withdrawal {
        follow(state, from, term, Cause::Free, turn.now, turn);
    }
}

/// The late representative lives and holds the office by a lower term, as after the loss of its file. It hears of the
/// higher one by the next reports and begins a term above it: until then its mapping is left alone.
fn spare(state: &mut State, turn: &Turn) {
    if let Some(vacancy) = &mut state.vacancy {
        vacancy.silent_until = None;
    }
    if let Pursuit::Claiming { round, .. } | Pursuit::Taking { round, .. } = state.pursuit {
        state.pursuit = Pursuit::Standing {
            speak_at: turn.now + turn.rules.silence(),
            round,
        };
    }
}

/// A Claim, as far as the order of succession goes.
#[derive(Clone, Copy)]
struct Bidder {
    round: u32,
    bid: Bid,
    cause: Cause,
}

fn claim(state: &mut State, from: Peer, term: Term, bidder: Bidder, turn: &mut Turn) {
    if state.office.is_some() {
        // Refutation: who claims is told at once that the office is held, and the router is asked whether it is.
        inquire_soon(state, turn);
        verify_soon(state, turn);
        return;
    }
    // A Claim raises nobody's term: only an office does.
    if term <= state.term && state.vacancy.is_none_or(|v| term <= v.term) {
        return;
    }
    if let Some(watch) = state.watch {
        if !watch.is_doubtful() && watch.is_lively(turn.rules, turn.now) {
            return; // it lives, and will say so itself
        }
        vacate(state, &watch, bidder.cause, turn);
    }
    let settled = bidder.bid > Bid::Candidate;
    match state.pursuit {
        Pursuit::None | Pursuit::Standing { .. } => defer(state, from, bidder.bid, turn),
        Pursuit::Deferring { to, bid, .. } => {
            let theirs = (settled, Reverse(rank(state, turn.rules, from.id)));
            let known = (
                bid > Bid::Candidate,
                Reverse(rank(state, turn.rules, to.id)),
            );
            if to.id == from.id || theirs > known {
                defer(state, from, bidder.bid, turn);
            }
        }
        Pursuit::Claiming { round, .. } => {
            let next = round.max(bidder.round) + 1;
            if settled {
                defer(state, from, bidder.bid, turn);
            } else if turn.rules.succession == Succession::Random && next < TIE {
                stand(state, next, turn); // each waits a random time again (claim 10)
            } else if outranks(state, turn.rules, from.id, next) {
                // The rule names this server (claim 12): it says so again, and the other gives way.
                let speak_at = turn.now;
                state.pursuit = Pursuit::Standing {
                    speak_at,
                    round: next,
                };
            } else {
                defer(state, from, bidder.bid, turn);
            }
        }
        Pursuit::Taking { ref mut say_at, .. } => {
            if settled && from.id < turn.rules.me {
                defer(state, from, bidder.bid, turn);
            } else {
                *say_at = turn.now; // it has not heard yet that there is an heir
            }
        }
    }
}

/// After so many collisions in a row the lower id decides: chance that always falls alike is no chance, and two that
/// do not know each other's ports would each believe to come first.
const TIE: u32 = 4;

/// Whether this server comes before the other.
fn outranks(state: &State, rules: &Rules, other: InstanceId, round: u32) -> bool {
    if round >= TIE {
        return rules.me < other;
    }
    rank(state, rules, rules.me) < rank(state, rules, other)
}

fn withdrawal(
    state: &mut State,
    from: Peer,
    term: Term,
    of: InstanceId,
    post: Post,
    turn: &mut Turn,
) {
    if from.id != of {
        // Hearsay: worth a question to the one it names, no more.
        if let Some(watch) = state.watch.filter(|watch| watch.id == Some(of)) {
            turn.probe(watch.address, watch.id);
        }
        return;
    }
    state.peers.remove(&of);
    if let Pursuit::Deferring { to, until, .. } = &mut state.pursuit
        && to.id == of
    {
        *until = turn.now; // the heir has gone as well
    }
    let known = state.watch.filter(|watch| watch.id == Some(of));
    let current = known.map_or(term >= state.term, |watch| term >= watch.term);
    let heeded = turn.rules.detection.contains(&Detection::Withdrawal);
    if post == Post::Member || !heeded || !current || state.office.is_some() {
        return;
    }
    match (known, state.watch, state.vacancy) {
        (Some(watch), _, _) => {
            vacate(state, &watch, Cause::Withdrawal, turn);
            stand(state, 0, turn);
        }
        (None, None, None) if plausible(state.term, term) => {
            // Never heard in office, and its farewell says that it was.
            state.adopt(term);
            let watch = Watch::of(from, term, Cause::Free, turn.now, turn);
            vacate(state, &watch, Cause::Withdrawal, turn);
            stand(state, 0, turn);
        }
        _ => {}
    }
}

/// Somebody says that a term as high as this office's has begun elsewhere: the router is asked whether that can be.
/// Nobody steps down on a word alone; who was replaced learns it by this question (S1d).
fn challenged(state: &mut State, term: Term, turn: &Turn) {
    let known = state.term;
    let Some(office) = &mut state.office else {
        return;
    };
    if term < known || !plausible(known, term) {
        return;
    }
    office.challenge = office.challenge.max(Some(term));
    verify_soon(state, turn);
}

/// The next Inquiry goes out at once, though not more often than this.
fn inquire_soon(state: &mut State, turn: &Turn) {
    if let Some(office) = &mut state.office {
        let at = turn
            .now
            .max(office.inquired_at + turn.rules.claim_window() / 2);
        office.inquire_at = office.inquire_at.min(at);
    }
}

/// The router is asked at once whether the office is still this server's, though not more often than this: a flood
/// of words must not become a flood of requests.
fn verify_soon(state: &mut State, turn: &Turn) {
    if let Some(office) = &mut state.office {
        let at = turn.now.max(office.checked_at + turn.rules.reply_wait());
        office.renew_at = office.renew_at.min(at);
    }
}

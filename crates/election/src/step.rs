//! `step`: an event changes what is known.

use std::collections::BTreeMap;

use super::exposure::{suspect, switched};
use super::grave::yield_turn;
use super::office::leave_office;
use super::plan::plan;
use super::pursuit::Pursuit;
use super::state::{Memory, Router, Squeeze, Stay};
use super::turn::Turn;
use super::{
    Chance, Effect, Event, Moment, Post, Request, Rules, Seen, State, Whose, answers, hearing,
    succession,
};
use porthole_types::{ExternalPort, Term};

/// The one function of the election: from the state, what happened, the time and a draw of chance, the new
/// state and what to do. It neither fails nor blocks, and the same arguments always give the same answer.
#[must_use]
pub fn step(
    rules: &Rules,
    old: &State,
    event: &Event,
    now: Moment,
    chance: Chance,
) -> (State, Vec<Effect>) {
    let mut new = old.clone();
    let mut turn = Turn {
        rules,
        now,
        chance,
        effects: Vec::new(),
    };
    expire(&mut new, &mut turn);
    learn(&mut new, event, &mut turn);
    succession::tick(&mut new, &mut turn);
    plan(&mut new, &mut turn);
    if memorable(&new) != memorable(old) {
        turn.effects.push(Effect::Remember);
    }
    (new, turn.effects)
}

/// What must survive a power cut.
fn memorable(state: &State) -> impl PartialEq + use<> {
    (
        state.term,
        state.office.is_some(),
        state.own.map(|own| own.port),
    )
}

/// Time alone ends what was not renewed (S1: a holder stops believing by its own clock).
fn expire(state: &mut State, turn: &mut Turn) {
    let now = turn.now;
    if state.office.is_some_and(|office| now >= office.deadline) {
        leave_office(state, turn);
        // The router may have it for this server all the same: only it can say, as after a power cut.
        state.memory = Memory::HeldOffice;
    }
    if state
        .own
        .and_then(|own| own.lapses_at)
        .is_some_and(|end| now >= end)
    {
        state.own = None;
        state.own_after = now;
    }
}

fn learn(state: &mut State, event: &Event, turn: &mut Turn) {
    let now = turn.now;
    match event {
        Event::Tick => {}
        Event::Awoke => forget_request(state, turn),
        Event::RouterFound => router_found(state, turn),
        Event::RouterLost => {
            state.router = Router::Silent;
            forget_request(state, turn);
            if matches!(state.pursuit, Pursuit::Taking { .. }) {
                yield_turn(state, turn);
            }
        }
        Event::AddressChanged => {
            leave_office(state, turn);
            state.preferred = state.own.take().map(|own| own.port).or(state.preferred);
            state.pending = None;
            state.watch = None;
            state.vacancy = None;
            state.pursuit = Pursuit::None;
            state.squatter = None;
            state.left_over = None; // another address cannot give it back
            state.peers.clear();
        }
        Event::Surveyed { holders, seen } => survey(state, holders, *seen, turn),
        Event::Secured { .. }
        | Event::Taken { .. }
        | Event::NoRoom(_)
        | Event::Evicted(_)
        | Event::Irremovable(_)
        | Event::Failed(_)
        | Event::Released(_) => answers::answered(state, event, turn),
        Event::Heard { from, word } => hearing::heard(state, *from, *word, turn),
        Event::Reported {
            from,
            external,
            term,
        } => hearing::reported(state, *from, *external, *term, turn),
        Event::StepDown => {
            if state.is_candidate() && state.office.is_some() {
                state.stay = Stay::SteppingDown;
                state.office_after = now;
            }
        }
        Event::Renamed => renew_now(state, now),
        Event::Expose(exposure) => switched(state, *exposure, turn),
        Event::Leave => leave(state, turn),
    }
}

/// The answer to what was asked will never come. Whoever was giving up the office has given it up: the mapping may
/// be gone.
fn forget_request(state: &mut State, turn: &mut Turn) {
    let Some(asked) = state.pending.take() else {
        return;
    };
    if asked == Request::Release(turn.rules.representative_port) && state.stay != Stay::Leaving {
        leave_office(state, turn);
    }
    suspect(state, asked, turn.rules);
}

fn router_found(state: &mut State, turn: &mut Turn) {
    let now = turn.now;
    state.router = Router::Answers;
    forget_request(state, turn);
    state.taken.clear();
    state.failures = 0;
    state.squeeze = Squeeze::None;
    state.own_after = now;
    // While a representative lives, it has the first word with a router that may have forgotten it.
    if !state
        .watch
        .is_some_and(|watch| watch.is_lively(turn.rules, now))
    {
        state.office_after = now;
    }
    renew_now(state, now); // it may be another router, or one that forgot
}

/// What is held is written again, and so confirmed, at once.
fn renew_now(state: &mut State, now: Moment) {
    if let Some(office) = &mut state.office {
        office.renew_at = now;
    }
    if let Some(own) = &mut state.own {
        own.renew_at = now;
    }
}

fn leave(state: &mut State, turn: &mut Turn) {
    if !matches!(state.stay, Stay::Staying | Stay::SteppingDown) {
        return;
    }
    state.stay = Stay::Leaving;
    state.pursuit = Pursuit::None;
    state.office_after = turn.now;
    state.own_after = turn.now;
    if state.office.is_none() {
        turn.farewell(state.term, Post::Member);
    }
}

fn survey(state: &mut State, holders: &BTreeMap<ExternalPort, Whose>, seen: Seen, turn: &Turn) {
    let (rules, now) = (turn.rules, turn.now);
    let office = rules.representative_port;
    let missing = |port: ExternalPort| seen == Seen::Whole && !holders.contains_key(&port);
    state.taken = holders
        .iter()
        .filter(|(port, whose)| **whose == Whose::Theirs && rules.range.contains(**port))
        .map(|(port, _)| *port)
        .collect();
    let open = rules.range.ports().any(|port| !state.taken.contains(&port));
    if open && state.crowded_since.take().is_some() {
        state.own_after = now;
    }
    // What is gone, or another's, is written and read back at once: that says whose it is.
    if let Some(own) = &mut state.own
        && (missing(own.port) || state.taken.contains(&own.port))
    {
        own.renew_at = now;
    }
    match &mut state.office {
        Some(held) if holders.get(&office) != Some(&Whose::Mine) && seen == Seen::Whole => {
            held.renew_at = now;
        }
        // A mapping of its own that it knows nothing of, perhaps from a life whose file is lost: nobody else can
        // renew it, so there is nobody to defer to.
        None if holders.get(&office) == Some(&Whose::Mine) => {
            state.office_after = now;
            if matches!(state.pursuit, Pursuit::Deferring { .. }) {
                state.pursuit = Pursuit::None;
                state.vacancy = None;
            }
        }
        // Whether it may reach for it is for the plan to say. A claimant that was let go first still goes first.
        None if missing(office) && !matches!(state.pursuit, Pursuit::Deferring { .. }) => {
            state.office_after = now;
        }
        Some(_) | None => {}
    }
    if holders.get(&office) == Some(&Whose::Theirs) {
        // Whoever holds it has begun a term, even where no message on the LAN says which.
        state.term = state.term.max(Term(1));
    }
}

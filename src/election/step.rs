//! `step`: an event changes what is known.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hearing;
use super::plan::plan;
use super::pursuit::{Grave, Pursuit, Vacancy};
use super::state::{Memory, Router, Squatter, Squeeze, Stay};
use super::succession;
use super::turn::Turn;
use super::{
    Before, Bid, Cause, Chance, Effect, Event, Holding, Kin, Lan, Moment, Office, Owner, Post,
    Request, Rules, Seen, State, To, Watch, Whose, Word,
};
use crate::ids::{ExternalPort, Term};

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

/// Whatever the reason, whoever leaves the office says so: the others need not wait for its silence.
fn leave_office(state: &mut State, turn: &mut Turn) {
    if let Some(office) = state.office.take() {
        let word = Word::Withdrawal {
            term: state.term,
            of: turn.rules.me,
            post: Post::Representative,
        };
        turn.say(To::Everybody, word);
        if let Some(challenge) = office.challenge {
            state.adopt(challenge); // what it would not believe in office was true
        }
        if state.stay == Stay::SteppingDown {
            state.stay = Stay::Staying;
        }
    }
    state.memory = Memory::None;
    state.office_after = turn.now;
    state.own_after = turn.now;
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
            state.peers.clear();
        }
        Event::Surveyed { holders, seen } => survey(state, holders, *seen, turn),
        Event::Secured {
            port,
            sent_at,
            granted,
            before,
        } => {
            if settles(
                state,
                |r| matches!(r, Request::Secure { port: p, .. } if p == *port),
            ) {
                if *port == turn.rules.representative_port {
                    office_secured(state, *sent_at, *granted, *before, turn);
                } else {
                    own_secured(state, *port, *sent_at, *granted, turn);
                }
            }
        }
        Event::Taken {
            port,
            expires_in,
            by,
        } => {
            if settles(state, |r| r.port() == *port) {
                if *port == turn.rules.representative_port {
                    office_taken(state, *expires_in, *by, turn);
                } else {
                    own_taken(state, *port);
                }
            }
        }
        Event::NoRoom(port) => {
            if settles(state, |r| r.port() == *port) {
                no_room(state, *port, turn);
            }
        }
        Event::Evicted(port) => {
            if settles(
                state,
                |r| matches!(r, Request::Evict { port: p, .. } if p == *port),
            ) {
                set_grave(state, Grave::Emptied);
                state.office_after = now;
            }
        }
        Event::Irremovable(port) => {
            if settles(
                state,
                |r| matches!(r, Request::Evict { port: p, .. } if p == *port),
            ) {
                // Asked for again at once: the answer says how long the lease has yet to run.
                set_grave(state, Grave::Sealed);
                state.office_after = now;
            }
        }
        Event::Failed(request) => {
            if settles(state, |r| r == *request) {
                failed(state, *request, turn);
            }
        }
        Event::Released(port) => {
            if settles(state, |r| r == Request::Release(*port)) {
                released(state, *port, turn);
            }
        }
        Event::Heard { from, word } => hearing::heard(state, *from, *word, turn),
        Event::Reported {
            from,
            external,
            term,
        } => hearing::reported(state, *from, *external, *term, turn),
        Event::StepDown => {
            if state.stay == Stay::Staying && state.office.is_some() {
                state.stay = Stay::SteppingDown;
                state.office_after = now;
            }
        }
        Event::Leave => leave(state, turn),
    }
}

/// The answer to what was asked will never come. Whoever was giving up the office has given it up: the mapping may
/// be gone.
fn forget_request(state: &mut State, turn: &mut Turn) {
    let resigned = state.pending.take() == Some(Request::Release(turn.rules.representative_port));
    if resigned && state.stay != Stay::Leaving {
        leave_office(state, turn);
    }
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
    // What is held is confirmed at once: it may be another router, or one that forgot.
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
        let word = Word::Withdrawal {
            term: state.term,
            of: turn.rules.me,
            post: Post::Member,
        };
        turn.say(To::Everybody, word);
    }
}

/// Whether the answer is to what was asked; anything else is late, doubled or invented.
fn settles(state: &mut State, is_answer_to: impl Fn(Request) -> bool) -> bool {
    let answered = state.pending.is_some_and(is_answer_to);
    if answered {
        state.pending = None;
    }
    answered
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
        // Whether it may reach for it is for the plan to say.
        None if missing(office) => state.office_after = now,
        Some(_) | None => {}
    }
    if holders.get(&office) == Some(&Whose::Theirs) {
        // Whoever holds it has begun a term, even where no message on the LAN says which.
        state.term = state.term.max(Term(1));
    }
}

fn office_secured(
    state: &mut State,
    sent_at: Moment,
    granted: Option<Duration>,
    before: Before,
    turn: &mut Turn,
) {
    let (rules, now) = (turn.rules, turn.now);
    state.failures = 0;
    let lease = granted
        .unwrap_or(rules.representative_lease)
        .min(rules.representative_lease);
    let deadline = sent_at + lease.saturating_sub(Rules::margin(lease));
    if deadline <= now {
        // The answer took longer than the lease allows: it proves nothing about now.
        let memory = state.memory;
        leave_office(state, turn);
        if before == Before::Ours {
            state.memory = memory; // S5: asked again, it may yet be the office of before the power cut
        }
        return;
    }
    let readopted = before == Before::Ours && state.memory == Memory::HeldOffice;
    let held = state.office;
    if held.is_none() && !readopted {
        state.term = state.term.next(); // S4: each change raises the term; S5: re-adoption keeps it
    }
    if let Some(challenge) = held.and_then(|held| held.challenge)
        && challenge >= state.term
    {
        // The router says that the other's term never began here: this office goes on above it.
        state.term = challenge.next();
    }
    let cause = match (held, state.vacancy) {
        (Some(held), _) => held.cause,
        (None, _) if before == Before::Ours => Cause::Readopted,
        (None, Some(vacancy)) => vacancy.cause,
        (None, None) if state.term > Term(1) => Cause::LeaseLost,
        (None, None) => Cause::Free,
    };
    let overdue = held.is_some_and(|held| held.challenge.is_some());
    state.office = Some(Office {
        deadline,
        renew_at: sent_at + Rules::renewal(lease),
        since: held.map_or(now, |held| held.since),
        cause,
        checked_at: sent_at,
        inquire_at: held
            .filter(|_| !overdue)
            .map_or(now, |held| held.inquire_at),
        inquired_at: held.map_or(now, |held| held.inquired_at),
        challenge: None,
        granted,
    });
    state.memory = Memory::HeldOffice;
    state.watch = None;
    state.vacancy = None;
    state.pursuit = Pursuit::None;
    state.squatter = None;
    state.squeeze = Squeeze::None;
}

fn own_secured(
    state: &mut State,
    port: ExternalPort,
    sent_at: Moment,
    granted: Option<Duration>,
    turn: &Turn,
) {
    let lease = granted.unwrap_or(turn.rules.lease).min(turn.rules.lease);
    state.failures = 0;
    state.own = Some(Holding {
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

/// How often a port is looked at that nobody expects to become free.
const SELDOM: Duration = Duration::from_mins(5);

/// The representative port is somebody else's.
fn office_taken(
    state: &mut State,
    expires_in: Option<Duration>,
    by: Option<Owner>,
    turn: &mut Turn,
) {
    if state.office.is_some() {
        leave_office(state, turn); // lost: step down, never fight over it
    }
    state.memory = Memory::None;
    state.term = state.term.max(Term(1)); // its holder has begun one
    if let Pursuit::Taking { grave, .. } = state.pursuit
        && let Some(vacancy) = state.vacancy
        && is_late(&vacancy, by)
        && !lives(&vacancy, grave, expires_in, turn.now)
    {
        stand_at_the_grave(state, vacancy, grave, expires_in, by, turn);
        return;
    }
    if matches!(
        state.pursuit,
        Pursuit::Deferring {
            bid: Bid::Deputy { .. },
            ..
        }
    ) {
        state.office_after = turn.now + SELDOM; // not this server's: the deputy looks after it
        return;
    }
    // Held by somebody who lives, or of whom nothing is known: its lease decides.
    state.pursuit = Pursuit::None;
    state.vacancy = None;
    let lease = turn.rules.representative_lease;
    let Some(expires_in) = expires_in else {
        squat(state, by, turn);
        return;
    };
    state.squatter = None;
    // Look again when it would lapse if nobody renews it; a survey may see it go sooner.
    state.office_after = turn.now + expires_in.clamp(turn.rules.retry(), lease);
}

/// Whether the mapping is the one that the late representative left behind. Where the router does not tell, nobody
/// else can have been quicker either: it would have been heard.
fn is_late(vacancy: &Vacancy, by: Option<Owner>) -> bool {
    by.is_none_or(|by| vacancy.address == Some(by.address))
}

/// Whether its owner has renewed it since it was given up for dead.
fn lives(vacancy: &Vacancy, grave: Grave, expires_in: Option<Duration>, now: Moment) -> bool {
    /// Routers count in whole seconds.
    const COARSE: Duration = Duration::from_millis(1500);
    let renewed = match (vacancy.lapses_at, expires_in) {
        (Some(known), Some(expires_in)) => now + expires_in > known + COARSE,
        _ => false,
    };
    renewed || grave == Grave::Emptied
}

/// The heir finds the dead one's mapping: it is deleted once, if its silence is certain, and waited for otherwise.
fn stand_at_the_grave(
    state: &mut State,
    vacancy: Vacancy,
    grave: Grave,
    expires_in: Option<Duration>,
    by: Option<Owner>,
    turn: &Turn,
) {
    let (rules, now) = (turn.rules, turn.now);
    // A lease in its last second may read as none at all.
    let just_over = |at: &Moment| now < *at + rules.retry();
    let lapses_at = expires_in
        .map(|left| now + left)
        .or(vacancy.lapses_at.filter(just_over));
    state.vacancy = Some(Vacancy {
        lapses_at,
        ..vacancy
    });
    let certain = vacancy.silent_until.is_some_and(|until| now <= until);
    let grave = match (grave, by) {
        (Grave::Unseen, Some(by)) if certain => Grave::Open { from: by.address },
        (Grave::Unseen, Some(_)) => Grave::Asking {
            asked: 0,
            ask_at: now,
        },
        (Grave::Unseen, None) => Grave::Sealed, // hidden from us: the router would not let us delete it
        (Grave::Sealed | Grave::Stuck, _) if lapses_at.is_none() => Grave::Stuck,
        (grave, _) => grave,
    };
    set_grave(state, grave);
    state.office_after = match lapses_at {
        // At the end of its lease, and a few times after: routers count in whole seconds.
        Some(at) => at.max(now + rules.slot()),
        None => {
            state.failures = state.failures.saturating_add(1);
            now + rules.patience(state.failures)
        }
    };
}

/// A mapping without an end by somebody who was never heard on the LAN. Where it is a server like this one, and it
/// still stands after a lease's time, that server is asked directly; if it does not answer, the office counts as vacant.
fn squat(state: &mut State, by: Option<Owner>, turn: &Turn) {
    let seen = match (state.squatter, by) {
        (Some(squatter), Some(owner)) if squatter.owner == owner => squatter.seen.saturating_add(1),
        _ => 0,
    };
    state.squatter = by.map(|owner| Squatter { owner, seen });
    let wait = turn
        .rules
        .representative_lease
        .saturating_mul(1_u32.checked_shl(seen).unwrap_or(u32::MAX));
    state.office_after = turn.now + wait.min(SELDOM);
    if let Some(owner) = by
        && owner.kin == Kin::Porthole
        && seen > 0
        && turn.rules.lan == Lan::Spoken
        && !state
            .watch
            .is_some_and(|watch| watch.is_lively(turn.rules, turn.now))
    {
        state.watch = Some(Watch::stranger(owner.address, state.term, turn));
    }
}

/// Make-before-break needs a place in the table that is not there. The heir lets its own go, once, and takes the office
/// with it; what it had is asked for again should that fail.
fn no_room(state: &mut State, port: ExternalPort, turn: &mut Turn) {
    let office = port == turn.rules.representative_port && state.office.is_none();
    if office && state.own.is_some() && state.squeeze == Squeeze::None {
        state.squeeze = Squeeze::Yielding;
    } else {
        let lease = if office {
            turn.rules.representative_lease
        } else {
            turn.rules.lease
        };
        failed(state, Request::Secure { port, lease }, turn);
    }
}

fn failed(state: &mut State, request: Request, turn: &mut Turn) {
    let (rules, now) = (turn.rules, turn.now);
    if request == Request::Release(rules.representative_port) && state.stay != Stay::Leaving {
        leave_office(state, turn); // whether it is still on the router or not: it was given up
    }
    state.failures = state.failures.saturating_add(1);
    let later = now + rules.patience(state.failures);
    if request.port() == rules.representative_port {
        state.office_after = later;
        if state.office.is_none() {
            // It may have been free and be this server's now: what is found next time is no proof of an old office.
            state.memory = Memory::None;
        }
        if let Some(office) = &mut state.office {
            office.renew_at = now + rules.retry();
        }
        if matches!(state.pursuit, Pursuit::Taking { .. }) {
            if matches!(request, Request::Evict { .. }) {
                set_grave(state, Grave::Unseen); // what became of it is seen by asking again
            }
            if state.failures >= 3 {
                yield_turn(state, turn);
            }
        }
    } else {
        state.own_after = later;
        if let Some(own) = &mut state.own {
            own.renew_at = later;
        }
    }
}

/// The heir does not get through to the router: it is silent for long enough that another takes its turn.
fn yield_turn(state: &mut State, turn: &Turn) {
    if let Pursuit::Taking { round, .. } = state.pursuit {
        state.pursuit = Pursuit::Standing {
            speak_at: turn.now + turn.rules.silence() * 2,
            round: round + 1,
        };
    }
}

fn released(state: &mut State, port: ExternalPort, turn: &mut Turn) {
    if port == turn.rules.representative_port {
        leave_office(state, turn);
        state.office_after = turn.now + turn.rules.representative_lease; // others first
    } else if state.own.is_some_and(|own| own.port == port) {
        state.own = None;
        if state.squeeze == Squeeze::Yielding {
            state.squeeze = Squeeze::Yielded;
            state.office_after = turn.now;
            state.own_after = turn.now + turn.rules.retry();
        }
    }
}

fn set_grave(state: &mut State, found: Grave) {
    if let Pursuit::Taking { grave, .. } = &mut state.pursuit {
        *grave = found;
    }
}

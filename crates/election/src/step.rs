//! `step`: an event changes what is known.

use super::candidacy::Candidacy;
use super::context::StepContext;
use super::leadership::lose_leadership;
use super::plan::plan;
use super::remote_access::remote_access_switched;
use super::stale_mapping::yield_to_successor;
use super::state::{
    InnerPorts, Lifecycle, ListTrust, MakeRoom, Memory, Refusals, Renewals, RouterStatus,
};
use super::survey::surveyed;
use super::{
    Effect, Entropy, Event, FormerRole, Ledger, Request, Rules, State, Timestamp, on_message,
    on_router_reply, setback, succession,
};

/// The one function of the election: from the state, what happened, the time and a draw of chance,
/// the new state and what to do. It neither fails nor blocks, and the same arguments always give
/// the same answer.
#[must_use]
pub fn step(
    rules: &Rules,
    old: &State,
    event: &Event,
    now: Timestamp,
    entropy: Entropy,
) -> (State, Vec<Effect>) {
    let mut new = old.clone();
    let mut context = StepContext {
        rules,
        now,
        entropy,
        effects: Vec::new(),
    };
    expire(&mut new, &mut context);
    learn(&mut new, event, &mut context);
    succession::tick(&mut new, &mut context);
    plan(&mut new, &mut context);
    if persistent(&new) != persistent(old) {
        // Before what is asked because of it.
        let asks = |effect: &Effect| matches!(effect, Effect::Ask(_));
        let at = context.effects.iter().position(asks);
        let at = at.unwrap_or(context.effects.len());
        context.effects.insert(at, Effect::Remember);
    }
    (new, context.effects)
}

/// What must survive a power cut.
fn persistent(state: &State) -> impl PartialEq + use<> {
    (
        state.term,
        state.leadership.is_some(),
        state.own.map(|own| own.port),
        state.ledger.ports().collect::<Vec<_>>(),
    )
}

/// Time alone ends what was not renewed (S1: a holder stops believing by its own clock).
fn expire(state: &mut State, context: &mut StepContext) {
    let now = context.now;
    if state
        .leadership
        .is_some_and(|leadership| now >= leadership.deadline)
    {
        lose_leadership(state, context);
        // The router may have it for this server all the same: only it can say, as after a power
        // cut.
        state.memory = Memory::WasRepresentative;
    }
    state.ledger.expire(now);
    if state
        .own
        .and_then(|own| own.lapses_at)
        .is_some_and(|end| now >= end)
    {
        state.own = None;
        state.own_after = now;
    }
}

fn learn(state: &mut State, event: &Event, context: &mut StepContext) {
    let now = context.now;
    match event {
        Event::Tick => {}
        Event::Awoke => forget_request(state, context),
        Event::RouterFound => router_found(state, context),
        Event::RouterLost => {
            state.router = RouterStatus::Silent;
            forget_request(state, context);
            if matches!(state.candidacy, Candidacy::Acquiring { .. }) {
                yield_to_successor(state, context);
            }
        }
        Event::AddressChanged => {
            lose_leadership(state, context);
            state.preferred = state.own.take().map(|own| own.port).or(state.preferred);
            state.ledger = Ledger::default(); // another address cannot give anything back
            state.pending = None;
            state.detector = None;
            state.vacancy = None;
            state.candidacy = Candidacy::None;
            state.foreign_holder = None;
            state.peers.clear();
        }
        Event::Surveyed { holders, seen } => surveyed(state, holders, *seen, context),
        Event::Secured { .. }
        | Event::Taken { .. }
        | Event::Refused { .. }
        | Event::NoRoom(_)
        | Event::Evicted(_)
        | Event::Irremovable(_)
        | Event::Failed(_)
        | Event::NotAsked(_)
        | Event::Released(_) => on_router_reply::answered(state, event, context),
        Event::Heard { from, message } => on_message::heard(state, *from, *message, context),
        Event::Reported {
            from,
            external,
            term,
        } => on_message::reported(state, *from, *external, *term, context),
        Event::StepDown => {
            if state.is_candidate() && state.leadership.is_some() {
                state.lifecycle = Lifecycle::SteppingDown;
                state.representative_after = now;
            }
        }
        Event::Renamed => renew_now(state, now),
        Event::Expose(remote_access) => remote_access_switched(state, *remote_access, context),
        Event::Leave => leave(state, context),
    }
}

/// The answer to what was asked will never come. Whoever was giving up leadership has given it up:
/// the mapping may be gone. Whoever was asking for it may have got it just now, where the port was
/// free: what is found next time does not prove that it led before (S4), as after a failure.
fn forget_request(state: &mut State, context: &mut StepContext) {
    let Some(asked) = state.pending.take() else {
        return;
    };
    if asked == Request::Release(context.rules.representative_port)
        && state.lifecycle != Lifecycle::Leaving
    {
        lose_leadership(state, context);
    }
    if matches!(asked, Request::Secure { .. } | Request::Remake { .. }) {
        let until = context.now + setback::longest_lease_of(asked);
        state.ledger.unanswered(asked.port(), until);
        state.unanswered_at = Some(context.now);
        if let Some(held) = &mut state.leadership {
            held.answered_at = None;
        }
    }
    if matches!(asked, Request::Secure { port, .. } if port == context.rules.representative_port)
        && state.leadership.is_none()
    {
        state.memory = Memory::None;
    }
}

fn router_found(state: &mut State, context: &mut StepContext) {
    let now = context.now;
    state.router = RouterStatus::Answers;
    forget_request(state, context);
    state.taken.clear();
    state.refusals = Refusals::default();
    state.inner = InnerPorts::Many;
    state.renewals = Renewals::Unproven;
    state.list = ListTrust::Trusted;
    state.failures = 0;
    state.make_room = MakeRoom::NotNeeded;
    state.own_after = now;
    // While a representative lives, it goes first with a router that may have forgotten it.
    if !state
        .detector
        .is_some_and(|detector| detector.is_live(context.rules, now))
    {
        state.representative_after = now;
    }
    renew_now(state, now); // it may be another router, or one that forgot
}

/// What is held is written again, and so confirmed, at once.
fn renew_now(state: &mut State, now: Timestamp) {
    if let Some(leadership) = &mut state.leadership {
        leadership.renew_at = now;
    }
    if let Some(own) = &mut state.own {
        own.renew_at = now;
    }
}

fn leave(state: &mut State, context: &mut StepContext) {
    if !matches!(
        state.lifecycle,
        Lifecycle::Running | Lifecycle::SteppingDown
    ) {
        return;
    }
    state.lifecycle = Lifecycle::Leaving;
    state.candidacy = Candidacy::None;
    state.representative_after = context.now;
    state.own_after = context.now;
    if state.leadership.is_none() {
        context.announce_withdrawal(state.term, FormerRole::Member);
    }
}

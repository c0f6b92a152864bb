//! The router's table was read: what it says of ports that are held, wanted or left over.

use std::collections::BTreeMap;

use super::candidacy::Candidacy;
use super::context::StepContext;
use super::state::ListTrust;
use super::{Ownership, State, SurveyExtent};
use porthole_types::{ExternalPort, Term};

/// Takes over what the table shows.
pub(super) fn surveyed(
    state: &mut State,
    holders: &BTreeMap<ExternalPort, Ownership>,
    seen: SurveyExtent,
    context: &StepContext,
) {
    let (rules, now) = (context.rules, context.now);
    let representative_port = rules.representative_port;
    // A list that has a mapping of this server has what there is, also where it does not say whose.
    let shows = state
        .own
        .is_some_and(|own| holders.get(&own.port) == Some(&Ownership::Unclear));
    let trusted = shows || state.list != ListTrust::Incomplete;
    let complete = trusted && seen == SurveyExtent::Whole;
    let missing = |port: ExternalPort| complete && !holders.contains_key(&port);
    settle_ledger(state, holders, missing, context);
    state.taken = holders
        .iter()
        .filter(|(port, whose)| rules.range.contains(**port) && is_taken(state, **port, **whose))
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
        state.list = doubt(state.list, missing(own.port));
    }
    let whose = holders.get(&representative_port);
    match &mut state.leadership {
        Some(held) if held.gap_since.is_none() => {
            let held_here = matches!(whose, Some(Ownership::Mine | Ownership::LeadsHere));
            let unclear = whose == Some(&Ownership::Unclear);
            if complete && !held_here && !unclear {
                held.renew_at = now;
                state.list = doubt(state.list, whose.is_none());
            }
        }
        // A mapping of its own that it knows nothing of, perhaps from a life whose file is lost:
        // nobody else can renew it, so there is nobody to defer to.
        None if matches!(whose, Some(Ownership::Mine | Ownership::LeadsHere)) => {
            state.representative_after = now;
            if matches!(state.candidacy, Candidacy::Yielding { .. }) {
                state.candidacy = Candidacy::None;
                state.vacancy = None;
            }
        }
        // Whether it may reach for it is for the plan to say. A claimant that was let go first
        // still goes first.
        None if missing(representative_port)
            && !matches!(state.candidacy, Candidacy::Yielding { .. })
            && state.refusals.representative == 0 =>
        {
            state.representative_after = now;
        }
        Some(_) | None => {}
    }
    if whose == Some(&Ownership::Theirs) {
        // Whoever holds it has begun a term, even where no message on the LAN says which.
        state.term = state.term.max(Term(1));
    }
}

/// Whether the port is not to be asked for. One whose mapping cannot be read is this server's if it
/// asked for it.
fn is_taken(state: &State, port: ExternalPort, whose: Ownership) -> bool {
    match whose {
        Ownership::Mine => false,
        Ownership::LeadsHere => state.own.is_none_or(|own| own.port != port),
        Ownership::Theirs => true,
        Ownership::Unclear => !state.ledger.has(port),
    }
}

fn doubt(list: ListTrust, missing: bool) -> ListTrust {
    match list {
        ListTrust::Trusted if missing => ListTrust::Doubted,
        list => list,
    }
}

/// What the table shows of this server's mappings that it neither has nor is asking for: those that
/// are gone are struck, and those that it knows nothing of are entered, to be used or given back.
fn settle_ledger(
    state: &mut State,
    holders: &BTreeMap<ExternalPort, Ownership>,
    missing: impl Fn(ExternalPort) -> bool,
    context: &StepContext,
) {
    let rules = context.rules;
    let busy = |state: &State, port: ExternalPort| {
        state.pending.is_some_and(|asked| asked.port() == port)
            || state.own.is_some_and(|own| own.port == port)
            || port == rules.representative_port && state.leadership.is_some()
    };
    let gone: Vec<ExternalPort> = state
        .ledger
        .ports()
        .filter(|port| !busy(state, *port))
        // An empty list may be that of a router that never shows anything.
        .filter(|port| {
            let gone = missing(*port) && !holders.is_empty();
            gone || holders.get(port) == Some(&Ownership::Theirs)
        })
        .collect();
    for port in gone {
        state.ledger.strike(port);
    }
    for (port, whose) in holders {
        let wanted = rules.range.contains(*port) || *port == rules.representative_port;
        if *whose == Ownership::Mine && wanted && !busy(state, *port) {
            if !state.ledger.has(*port) {
                state.refusals.alone = false; // it has another one after all
            }
            state.ledger.may_be_there(*port);
        }
    }
}

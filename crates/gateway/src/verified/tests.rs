//! Writing to routers that lie.

mod made_otherwise;
mod unreadable;

use std::num::NonZeroU32;

use porthole_sim_router::{
    AddConduct, DeleteConduct, Descriptions, Enablement, Fault, Leases, Quirks, Visibility,
};

use super::clock::now;
use super::fake::{FakeGateway, entry_of, port, quirks, refused, stored, them, us};
use super::secure::granted;
use super::*;
use crate::lease_fallback::LeaseFallback;
use crate::{Action, Description, Error, Lease, MappingRequest};

fn request(lease: u32) -> MappingRequest {
    MappingRequest {
        external: port(),
        internal: us(),
        lease: Lease::from_seconds(lease),
        description: Description::for_name("server 1"),
    }
}

async fn ask(router: &FakeGateway, lease: u32) -> Result<SecureOutcome, Error> {
    let mut learned = Learned::default();
    secure(router, &request(lease), Asked::First, &mut learned).await
}

fn won(outcome: Result<SecureOutcome, Error>) -> Grant {
    match outcome {
        Ok(SecureOutcome::Ours(grant)) => grant,
        other => panic!("not ours: {other:?}"),
    }
}

#[tokio::test]
async fn a_free_port_is_asked_for_and_read_back() {
    let router = FakeGateway::default();
    let earliest = now();
    let grant = won(ask(&router, 30).await);
    assert_eq!(
        (grant.granted, grant.before),
        (Lease::from_seconds(30), PriorMapping::Free)
    );
    assert!(grant.sent_at >= earliest);
    assert_eq!(router.log(), ["entry", "add 30", "entry"]);
}

#[tokio::test]
async fn a_full_table_is_told_apart_from_other_refusals_while_the_port_is_free() {
    let full = FakeGateway::adding(AddConduct::Refuse(Fault::TableFull));
    let refusal = refused(Action::AddPortMapping, 728);
    assert_eq!(
        ask(&full, 30).await,
        Ok(SecureOutcome::NoRoom(refusal.clone()))
    );
    // Ours from before is still there: this is a renewal that failed.
    let full = full.holding(us(), 11);
    let renewal = SecureOutcome::Refused {
        why: refusal,
        shown: Shown::Ours,
    };
    assert_eq!(ask(&full, 30).await, Ok(renewal));
}

#[tokio::test]
async fn anothers_port_is_not_even_asked_for() {
    let router = FakeGateway::default().holding(them(), 30);
    let theirs = SecureOutcome::Theirs(Some(entry_of(them(), 30)));
    assert_eq!(ask(&router, 30).await, Ok(theirs));
    assert_eq!(router.log(), ["entry"]);
}

/// The descriptions that the router shows after each of three renewals under a new name.
async fn renamed(router: &FakeGateway) -> Vec<String> {
    let mut learned = Learned::default();
    won(secure_renamed(router, &request(30), Asked::First, &mut learned).await);
    let renamed = MappingRequest {
        description: Description::for_name("garden gate"),
        ..request(30)
    };
    let mut shown = Vec::new();
    for _ in 0..3 {
        let renewed = secure_renamed(router, &renamed, Asked::Again, &mut learned);
        shown.push(won(renewed.await).entry.unwrap().description);
    }
    shown
}

fn deletes(router: &FakeGateway) -> usize {
    let log = router.log();
    log.iter().filter(|line| *line == "delete").count()
}

#[tokio::test]
async fn a_router_that_keeps_the_old_name_is_made_to_take_the_new_one() {
    let router = FakeGateway::new(Quirks {
        descriptions: Descriptions::FirstStays,
        ..quirks()
    });
    assert_eq!(renamed(&router).await, ["Porthole garden gate"; 3]);
    assert_eq!(deletes(&router), 1);
}

#[tokio::test]
async fn a_router_that_cuts_names_short_is_made_to_forget_a_mapping_once_and_not_at_each_renewal() {
    let router = FakeGateway::new(Quirks {
        descriptions: Descriptions::Cut(12),
        ..quirks()
    });
    assert_eq!(renamed(&router).await, ["Porthole gar"; 3]);
    assert_eq!(deletes(&router), 1);
}

#[tokio::test]
async fn a_description_that_is_no_name_of_ours_is_left_alone() {
    let router = FakeGateway::default();
    assert_eq!(renamed(&router).await, ["anything"; 3]);
    assert_eq!(deletes(&router), 0);
}

#[tokio::test]
async fn our_own_port_is_renewed() {
    let router = FakeGateway::default().holding(us(), 11);
    let grant = won(ask(&router, 30).await);
    assert_eq!(
        (grant.granted, grant.before),
        (Lease::from_seconds(30), PriorMapping::Ours)
    );
}

#[tokio::test]
async fn a_renewal_that_is_refused_is_told_as_that_although_the_entry_is_still_there() {
    let router = FakeGateway::adding(AddConduct::Refuse(Fault::ActionFailed)).holding(us(), 11);
    assert_eq!(
        ask(&router, 30).await,
        Ok(SecureOutcome::Refused {
            why: refused(Action::AddPortMapping, 501),
            shown: Shown::Ours,
        })
    );
}

#[tokio::test]
async fn a_yes_without_an_entry_is_no() {
    let router = FakeGateway::adding(AddConduct::Forget);
    assert_eq!(
        ask(&router, 30).await,
        Err(Error::NotStored { port: port() })
    );
}

#[tokio::test]
async fn a_no_with_an_entry_is_yes() {
    for fault in [Fault::ActionFailed, Fault::NotAuthorized, Fault::Conflict] {
        let router = FakeGateway::adding(AddConduct::StoreButRefuse(fault));
        assert_eq!(
            won(ask(&router, 30).await).before,
            PriorMapping::Free,
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_yes_to_a_port_that_another_got_meanwhile_is_theirs() {
    let router = FakeGateway::adding(AddConduct::Overtaken(stored(them(), 30)));
    let theirs = SecureOutcome::Theirs(Some(entry_of(them(), 30)));
    assert_eq!(ask(&router, 30).await, Ok(theirs));
}

#[tokio::test]
async fn a_refusal_of_a_port_that_shows_nobody_is_told_with_its_code() {
    for fault in [Fault::ActionFailed, Fault::NotAuthorized, Fault::Conflict] {
        let router = FakeGateway::adding(AddConduct::Refuse(fault));
        let why = refused(Action::AddPortMapping, fault.code());
        // Whether it is free can be told where the router was seen to show something.
        let shown = Shown::Nothing;
        let unseen = SecureOutcome::Refused {
            why: why.clone(),
            shown,
        };
        assert_eq!(ask(&router, 30).await, Ok(unseen));
        let mut learned = Learned::default();
        learned.reading.saw_a_mapping();
        let shown = Shown::Nobody;
        let free = SecureOutcome::Refused { why, shown };
        let outcome = secure(&router, &request(30), Asked::First, &mut learned).await;
        assert_eq!(outcome, Ok(free));
    }
}

#[tokio::test]
async fn a_hidden_entry_is_theirs_when_the_router_refuses_us() {
    let router = FakeGateway::new(Quirks {
        visibility: Visibility::OwnOnly,
        ..quirks()
    })
    .holding(them(), 30);
    assert_eq!(ask(&router, 30).await, Ok(SecureOutcome::Theirs(None)));
    assert_eq!(
        holder(&router, port(), us()).await,
        Ok(Holder::Theirs(None))
    );
}

#[tokio::test]
async fn leases_are_fallen_back_on_in_turn_and_the_one_taken_is_remembered() {
    let hour = NonZeroU32::new(3_600).unwrap();
    for (leases, asked, lands) in [
        (Leases::PermanentOnly, 30, 0),
        // No finite lease is long enough.
        (Leases::NotBelow(NonZeroU32::MAX), 7_200, 0),
        (Leases::NotBelow(hour), 30, 3_600),
    ] {
        let router = FakeGateway::new(Quirks { leases, ..quirks() });
        let mut learned = Learned::default();
        let grant = won(secure(&router, &request(asked), Asked::First, &mut learned).await);
        assert_eq!(grant.granted.as_seconds(), lands);
        assert_eq!(
            learned
                .lease_fallback
                .first(Lease::from_seconds(asked))
                .as_seconds(),
            lands
        );
    }
}

#[tokio::test]
async fn a_402_to_every_lease_is_not_remembered() {
    let router = FakeGateway::adding(AddConduct::Refuse(Fault::InvalidArgs));
    let mut learned = Learned::default();
    let outcome = secure(&router, &request(30), Asked::First, &mut learned).await;
    let why = refused(Action::AddPortMapping, 402);
    let shown = Shown::Nothing;
    assert_eq!(outcome, Ok(SecureOutcome::Refused { why, shown }));
    assert_eq!(learned.lease_fallback, LeaseFallback::default());
    assert_eq!(
        router.log(),
        ["entry", "add 30", "add 3600", "add 0", "entry"]
    );
}

#[tokio::test]
async fn a_permanent_mapping_is_not_written_again() {
    let router = FakeGateway::default().holding(us(), 0);
    let grant = won(ask(&router, 0).await);
    assert_eq!(
        (grant.granted, grant.before),
        (Lease::Permanent, PriorMapping::Ours)
    );
    assert_eq!(router.log(), ["entry"]);
    // Unless a lease is wanted: it became permanent by a restart of the router.
    assert_eq!(won(ask(&router, 30).await).granted.as_seconds(), 30);
}

#[tokio::test]
async fn the_lease_that_counts_is_the_one_read_back() {
    let router = FakeGateway::new(Quirks {
        leases: Leases::AtLeast(NonZeroU32::new(604_800).unwrap()),
        ..quirks()
    });
    assert_eq!(won(ask(&router, 30).await).granted.as_seconds(), 604_800);
}

#[tokio::test]
async fn a_mapping_that_is_switched_off_is_told() {
    let router = FakeGateway::new(Quirks {
        enablement: Enablement::Off,
        ..quirks()
    });
    assert_eq!(
        ask(&router, 30).await,
        Err(Error::SwitchedOff { port: port() })
    );
}

async fn given_back(router: &FakeGateway) -> Result<Release, Error> {
    let description = Description::for_name("server 1");
    let mapping = Released {
        port: port(),
        internal: us(),
        description: &description,
    };
    release(router, mapping, &mut Learned::default()).await
}

#[tokio::test]
async fn only_our_own_mapping_is_released() {
    let router = FakeGateway::default().holding(us(), 30);
    assert_eq!(given_back(&router).await, Ok(Release::Released));
    assert_eq!(router.log(), ["entry", "delete", "entry"]);

    let router = FakeGateway::default().holding(them(), 30);
    assert_eq!(given_back(&router).await, Ok(Release::NotOurs));
    assert_eq!(router.log(), ["entry"]);
}

#[tokio::test]
async fn a_release_is_believed_only_when_the_entry_is_gone() {
    let router = FakeGateway::deleting(DeleteConduct::Forget).holding(us(), 30);
    assert_eq!(given_back(&router).await, Ok(Release::StillThere(None)));
    let router =
        FakeGateway::deleting(DeleteConduct::Refuse(Fault::NotAuthorized)).holding(us(), 30);
    let refusal = refused(Action::DeletePortMapping, 606);
    assert_eq!(
        given_back(&router).await,
        Ok(Release::StillThere(Some(refusal)))
    );
}

#[test]
fn a_router_that_counts_down_granted_what_was_asked() {
    let seconds = Lease::from_seconds;
    assert_eq!(granted(seconds(30), Some(seconds(30)), 0), seconds(30));
    assert_eq!(granted(seconds(30), Some(seconds(28)), 1), seconds(30));
    assert_eq!(granted(seconds(30), Some(seconds(20)), 1), seconds(20));
    assert_eq!(
        granted(seconds(30), Some(Lease::Permanent), 1),
        Lease::Permanent
    );
    assert_eq!(granted(seconds(30), None, 1), seconds(30));
    assert_eq!(
        granted(Lease::Permanent, Some(seconds(604_800)), 1),
        seconds(604_800)
    );
}

use super::super::snapshot::tests::{router_with, seen, snapshot};
use super::*;
use porthole_election::ClaimStage;
use porthole_types::InstanceId;

fn named(id: u64, name: &str) -> CameraRef {
    CameraRef::new(Some(InstanceId(id)), name.to_owned())
}

fn held(by: CameraRef, cause: Cause) -> LeadershipView {
    LeadershipView::Held {
        by,
        term: Term(4),
        since: None,
        reason: cause.into(),
        words: String::new(),
    }
}

fn vacant(successor: Option<Successor>) -> LeadershipView {
    LeadershipView::Vacant {
        term: Term(4),
        reason: Cause::MissedHeartbeats.into(),
        previous: Some(named(2, "Door")),
        successor,
        words: String::new(),
    }
}

fn with_leadership(leadership: LeadershipView) -> Snapshot {
    Snapshot {
        leadership: Some(leadership),
        ..snapshot()
    }
}

fn changes(before: &Snapshot, after: &Snapshot) -> Vec<SiteChange> {
    super::changes(before, after, None)
}

fn words(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    changes(before, after)
        .iter()
        .map(SiteChange::words)
        .collect()
}

#[test]
fn a_takeover_is_told_from_the_silence_to_the_successor() {
    let yard = |stage| {
        Some(Successor {
            camera: named(3, "Yard"),
            stage,
        })
    };
    let story = [
        held(named(2, "Door"), Cause::Free),
        vacant(None),
        vacant(yard(ClaimStage::Claiming)),
        vacant(yard(ClaimStage::Acquiring)),
        held(named(3, "Yard"), Cause::MissedHeartbeats),
    ]
    .map(with_leadership);
    let told: Vec<_> = story
        .windows(2)
        .flat_map(|looks| words(&looks[0], &looks[1]))
        .collect();
    assert_eq!(
        told,
        [
            "No camera answers for all now: the one before missed its heartbeats.",
            "No camera answers for all now: the one before missed its heartbeats; Yard is taking \
             over.",
            "Yard is the representative now: the one before missed its heartbeats.",
        ]
    );
    let [SiteChange::Representative { from, to, term, .. }] = &changes(&story[3], &story[4])[..]
    else {
        panic!("one change of leadership");
    };
    assert_eq!(from, &Some(named(2, "Door")));
    assert_eq!(to, &named(3, "Yard"));
    assert_eq!(*term, Term(4));
}

#[test]
fn a_successor_that_becomes_a_deputy_is_news() {
    let successor = |stage| {
        with_leadership(vacant(Some(Successor {
            camera: named(3, "Yard"),
            stage,
        })))
    };
    let deputy = successor(ClaimStage::Deputy { port: None });
    assert_eq!(changes(&successor(ClaimStage::Acquiring), &deputy).len(), 1);
    assert!(
        changes(
            &deputy,
            &successor(ClaimStage::Deputy {
                port: ExternalPort::new(8083)
            })
        )
        .is_empty()
    );
}

#[test]
fn a_representative_that_comes_back_before_anybody_took_over_is_one_again() {
    let before = with_leadership(vacant(None));
    let after = with_leadership(held(named(2, "Door"), Cause::Free));
    assert_eq!(
        words(&before, &after),
        ["Door is the representative again."]
    );
}

#[test]
fn after_a_while_of_not_knowing_the_one_before_is_still_named() {
    let after = with_leadership(held(named(3, "Yard"), Cause::Withdrawal));
    let all = super::changes(&snapshot(), &after, Some(&named(2, "Door")));
    let [SiteChange::Representative { from, .. }] = &all[..] else {
        panic!("one change of leadership: {all:?}");
    };
    assert_eq!(from, &Some(named(2, "Door")));
}

#[test]
fn a_representative_that_is_renamed_is_the_same_one() {
    let before = with_leadership(held(named(2, "Door"), Cause::Free));
    let after = with_leadership(held(named(2, "Gate"), Cause::Free));
    assert_eq!(changes(&before, &after), []);
}

#[test]
fn giving_leadership_up_is_a_withdrawal_and_losing_it_is_not() {
    for (was, is, cause) in [
        (Lifecycle::Running, Lifecycle::Running, Cause::LeaseLost),
        (Lifecycle::Running, Lifecycle::Leaving, Cause::Withdrawal),
        (
            Lifecycle::SteppingDown,
            Lifecycle::Running,
            Cause::Withdrawal,
        ),
    ] {
        let before = Snapshot {
            lifecycle: was,
            ..with_leadership(held(named(1, "Hall"), Cause::Free))
        };
        let after = Snapshot {
            lifecycle: is,
            ..snapshot()
        };
        let previous = Some(named(1, "Hall"));
        let successor = None;
        assert_eq!(
            changes(&before, &after),
            [SiteChange::Vacancy {
                previous,
                successor,
                reason: cause.into(),
            }]
        );
    }
}

#[test]
fn cameras_join_leave_move_and_are_renamed_and_this_one_neither_joins_nor_leaves() {
    let mut before = snapshot();
    before.cameras = vec![seen(2, "Door"), seen(3, "Yard"), seen(4, "Shed")];
    let mut after = snapshot();
    let mut yard = seen(3, "Garden");
    yard.external = ExternalPort::new(8080);
    after.cameras = vec![yard, seen(5, "Roof"), seen(4, "Shed"), seen(1, "Hall")];
    assert_eq!(
        words(&before, &after),
        [
            "Yard is called Garden now.",
            "Garden is at port 8080 of the router now.",
            "Roof has joined.",
            "Door has left.",
        ]
    );
}

#[test]
fn an_entry_of_the_table_that_begins_to_speak_is_the_same_camera() {
    let mut entry = seen(2, "Porthole Door");
    entry.named.id = None;
    let before = Snapshot {
        cameras: vec![entry],
        ..snapshot()
    };
    let after = Snapshot {
        cameras: vec![seen(2, "Door")],
        ..snapshot()
    };
    assert_eq!(changes(&before, &after), []);
}

#[test]
fn the_router_comes_goes_and_gets_another_address() {
    let with = |router| Snapshot {
        router,
        ..snapshot()
    };
    let lost = || RouterSnapshot::Lost {
        why: "it timed out".to_owned(),
    };
    let told = |before, after| words(&with(before), &with(after));
    let none = || RouterSnapshot::None;
    assert_eq!(told(none(), router_with(1)), ["The router answers: box."]);
    assert_eq!(
        told(router_with(1), lost()),
        ["The router does not answer any more: it timed out"]
    );
    assert_eq!(told(lost(), router_with(1)), ["The router answers: box."]);
    assert_eq!(
        told(router_with(1), router_with(2)),
        ["The router's address on the Internet side is 60.120.76.2 now."]
    );
    assert_eq!(told(lost(), none()), [""; 0]);
}

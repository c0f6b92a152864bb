use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use porthole_election::{InnerPorts, ListTrust, Renewals, State};
use porthole_gateway::{
    ClientForm, Connection, DeleteRight, Extent, ExternalAddress, Lease, Showing, Table,
};

use super::super::tests::{grant, port, rules, state};
use super::super::{RouterState, RouterTrait, RouterView, TableView};

fn traits(view: &RouterView, state: &State) -> Vec<RouterTrait> {
    view.traits(state, &rules(), false)
}

fn names(view: &RouterView, state: &State) -> Vec<&'static str> {
    traits(view, state).iter().map(|told| told.name).collect()
}

fn found() -> RouterView {
    RouterView::new(RouterState::Found)
}

/// One that was seen to show nothing but this.
fn showing(showing: Showing) -> RouterView {
    let mut view = found();
    view.lessons.granted(grant(30, showing));
    view
}

fn with_empty_table() -> RouterView {
    RouterView {
        table: Some(TableView {
            table: Arc::new(Table {
                entries: Vec::new(),
                extent: Extent::Whole,
            }),
            read_at: Instant::now(),
            read_wall: SystemTime::now(),
        }),
        ..showing(Showing::Owner)
    }
}

#[test]
fn an_ordinary_router_has_none() {
    let mut view = with_empty_table();
    view.external = Some(ExternalAddress::from("60.120.76.64".parse().ok()));
    view.answer_time = Some(Duration::from_millis(20));
    view.lessons.delete_tried(DeleteRight::Refused);
    assert_eq!(traits(&view, &state()), []);
}

#[test]
fn what_it_does_not_show_is_told() {
    for (form, words) in [
        (ClientForm::Name, "a name"),
        (ClientForm::Mac, "MAC"),
        (ClientForm::Empty, "nothing"),
    ] {
        let told = traits(&showing(Showing::Entry(form)), &state());
        assert_eq!(told[0].name, "hides-owners");
        assert!(told[0].words.contains(words), "{told:?}");
    }
    // Such a router's list is never believed, and that is not told as well.
    let mut doubted = state();
    doubted.list = ListTrust::Incomplete;
    let nothing = names(&showing(Showing::Nothing), &doubted);
    assert_eq!(nothing, ["shows-nothing"]);
    let incomplete = names(&showing(Showing::Owner), &doubted);
    assert_eq!(incomplete, ["incomplete-list"]);
}

#[test]
fn one_mapping_to_a_port_of_a_device_is_told_with_the_mode_that_helps() {
    let mut one = state();
    one.inner = InnerPorts::One;
    let told = traits(&found(), &one);
    assert_eq!(told[0].name, "one-per-inner-port");
    let remedy = told[0].remedy.as_deref().unwrap();
    assert!(
        remedy.contains("router.port_mode = \"common\", on all cameras"),
        "{remedy}"
    );
}

#[test]
fn ports_that_it_keeps_are_named() {
    let mut kept = state();
    kept.refusals.reserved.extend([port(8081), port(8083)]);
    let told = traits(&found(), &kept);
    assert_eq!(told[0].name, "reserved-ports");
    assert!(told[0].words.contains("ports 8081, 8083"), "{told:?}");
}

#[test]
fn the_representative_port_is_the_routers_own_after_several_refusals_with_nobody_there() {
    let mut refused = state();
    refused.refusals.alone = true;
    refused.refusals.representative = 2;
    let view = with_empty_table();
    assert_eq!(names(&view, &refused), [""; 0]);
    refused.refusals.representative = 3;
    let told = traits(&view, &refused);
    assert_eq!(told[0].name, "reserved-representative-port");
    let remedy = told[0].remedy.as_deref().unwrap();
    assert!(remedy.contains("another port than 8080"), "{remedy}");
    // It may be somebody's that is not shown.
    for hiding in [found(), showing(Showing::Nothing)] {
        let told = names(&hiding, &refused);
        assert!(!told.contains(&"reserved-representative-port"), "{told:?}");
    }
}

#[test]
fn the_time_between_two_interruptions_and_the_last_one_are_told() {
    let mut run_out = state();
    run_out.renewals = Renewals::RunOut;
    let words = |state: &State| traits(&found(), state).remove(0).words;
    assert!(words(&run_out).contains("for a moment every 24 s"));
    run_out.last_gap = Some(Duration::from_micros(12_300));
    assert!(words(&run_out).contains("for 12 ms every 24 s"));
    run_out.renewals = Renewals::Doubted;
    assert_eq!(traits(&found(), &run_out), []);
}

#[test]
fn long_leases_say_for_how_long_a_dead_camera_blocks_the_port_unless_another_may_delete() {
    for (lease, name, how_long) in [
        (3_600, "long-leases", "up to 1 hour"),
        (604_800, "long-leases", "up to 7 days"),
        (0, "permanent-leases", "for ever"),
    ] {
        let mut view = found();
        view.lessons.granted(grant(lease, Showing::Owner));
        let told = traits(&view, &state()).remove(0);
        assert_eq!(told.name, name);
        assert!(told.words.contains(how_long), "{told:?}");
        assert!(told.remedy.is_some());
        view.lessons.delete_tried(DeleteRight::Granted);
        let told = traits(&view, &state()).remove(0);
        assert_eq!((told.name, told.remedy), (name, None));
    }
    // What was wanted without an end has none.
    let mut view = found();
    let mut wanted = grant(0, Showing::Owner);
    wanted.asked = Lease::Permanent;
    view.lessons.granted(wanted);
    assert_eq!(traits(&view, &state()), []);
}

#[test]
fn slow_answers_and_a_bad_address_are_told_unless_the_settings_name_the_host() {
    let mut view = found();
    view.answer_time = Some(Duration::from_secs(6));
    view.connection = Connection::Up;
    view.external = Some(ExternalAddress::from("10.0.0.2".parse().ok()));
    assert_eq!(names(&view, &state()), ["slow-answers", "address-private"]);
    let slow = view.traits(&state(), &rules(), true);
    assert_eq!(slow.len(), 1);
    let remedy = slow[0].remedy.as_deref().unwrap();
    assert!(
        remedy.contains("router.representative_lease of 90 s"),
        "{remedy}"
    );
}

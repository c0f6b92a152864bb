//! Tables that cannot be read in one request, are full, lie, or are written over.

use porthole_sim_router::{Conflict, Event, Quirks, WhenFull};
use serde_json::Value;

use crate::support::lab::{Camera, PATIENCE, Role};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{
    CONSOLE, REPRESENTATIVE_PORT, Testbed, await_requests, happened, serves_the_lan,
};

/// The names and the LAN URLs on the fleet page of this camera, the first of them its own.
fn fleet(camera: &Camera) -> Result<Vec<(String, String)>, String> {
    let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
    let cameras = fleet["cameras"].as_array().ok_or("no cameras")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(cameras
        .iter()
        .map(|one| (text(&one["name"]), text(&one["lan_url"])))
        .collect())
}

#[test]
fn a_router_without_the_list_action_is_read_by_index_and_the_page_fills() {
    let testbed = Testbed::with(Quirks::igd1());
    testbed.put_console(8090);
    let first = testbed.camera(2, "Front door").start();
    first.await_leadership();
    let second = testbed.camera(3, "Garden").start();
    second.await_port(8081);

    let both = [&first, &second].map(|camera| {
        (
            camera.name.clone(),
            format!("http://{}:8080/", camera.address()),
        )
    });
    for camera in [&first, &second] {
        eventually("both are on the page, and nobody else", PATIENCE, || {
            let mut seen = fleet(camera)?;
            seen.sort();
            ensure(seen == both, format!("{seen:?}"))
        });
    }
    let page = first.get("/").unwrap().text();
    assert!(
        page.contains("Garden") && page.contains(&both[1].1),
        "{page}"
    );
    await_requests(&first, "GetGenericPortMappingEntry", 3);
    let lists = "porthole_router_requests_total{action=\"GetListOfPortMappings\"}";
    // What such a router does not know is asked once for each time it is found.
    assert_eq!(first.metric(lists), Ok(1.0));
}

#[test]
fn when_8080_is_silently_written_over_the_holder_steps_down_and_does_not_fight() {
    let testbed = Testbed::with(Quirks {
        conflict: Conflict::Overwrite,
        ..Quirks::igd2()
    });
    // The shortest lease there is: how soon a port that is another's is looked at again goes by it.
    let setup = testbed.camera(2, "Front door");
    let camera = setup.set("router", "representative_lease", "4s").start();
    let before = camera.await_leadership();

    let mut events = testbed.router().events();
    testbed.console_asks_for(REPRESENTATIVE_PORT).unwrap();
    camera.await_status("steps down", PATIENCE, |status| {
        status.role != Role::Representative
    });
    let member = camera.await_port(8081);
    assert_eq!(member.role, Role::Member);
    assert!(member.term >= before.term);
    eventually("reached through its new port", PATIENCE, || {
        testbed.get_outside(8081, "/healthz")
    });

    // It looks at 8080 again and again, and leaves it alone.
    await_requests(&camera, "GetSpecificPortMappingEntry", 2);
    let taken_back: Vec<_> = happened(&mut events)
        .into_iter()
        .filter(|event| {
            matches!(event, Event::Replaced { new, .. } if new.mapping.client == camera.address())
        })
        .collect();
    assert!(taken_back.is_empty(), "{taken_back:?}");
    let holder = testbed.entry(REPRESENTATIVE_PORT).unwrap().mapping.client;
    assert_eq!(holder, testbed.console());

    testbed.console_deletes(REPRESENTATIVE_PORT).unwrap();
    let again = camera.await_leadership();
    assert!(again.term > before.term, "a new leadership is a new term");
}

#[test]
fn a_stranger_on_8080_is_named_to_people() {
    let testbed = Testbed::with(Quirks::igd2());
    testbed.put_console(REPRESENTATIVE_PORT);
    let camera = testbed.camera(2, "Front door").start();
    camera.await_port(8081);
    let console = testbed.console().to_string();
    camera.await_words(&["8080", CONSOLE, &console]);
}

/// The ports with which another device fills a table of two. With room for one alone, a camera that
/// gets 8081 first has filled it up itself and cannot have 8080 as well.
const FILLING: [u16; 2] = [9000, 9001];

fn fill(testbed: &Testbed) {
    for port in FILLING {
        testbed.put_console(port);
    }
}

fn empty(testbed: &Testbed) {
    for port in FILLING {
        testbed.console_deletes(port).unwrap();
    }
}

#[test]
fn a_full_table_is_told_of_and_asked_again() {
    let testbed = Testbed::with(Quirks {
        table_limit: 2,
        ..Quirks::igd2()
    });
    fill(&testbed);
    let camera = testbed.camera(2, "Front door").start();
    let words = camera.await_words(&["cannot be mapped", "its table is full"]);
    println!("words: {words}");
    let status = camera.status().unwrap();
    assert_eq!((status.role, status.external_url), (Role::Alone, None));
    serves_the_lan(&camera);

    empty(&testbed);
    camera.await_leadership();
    assert_eq!(camera.words().unwrap(), "");
}

#[test]
fn a_router_that_agrees_and_keeps_nothing_is_not_believed() {
    let testbed = Testbed::with(Quirks {
        table_limit: 2,
        when_full: WhenFull::SayOk,
        ..Quirks::igd2()
    });
    fill(&testbed);
    let camera = testbed.camera(2, "Front door").start();
    let words = camera.await_words(&["did not keep it", "table may be full"]);
    println!("words: {words}");
    let status = camera.status().unwrap();
    assert_eq!((status.role, status.external_url), (Role::Alone, None));
    assert_eq!(camera.metric("porthole_representative"), Ok(0.0));
    serves_the_lan(&camera);

    empty(&testbed);
    camera.await_leadership();
    assert_eq!(camera.words().unwrap(), "");
}

//! The switch of ¶84 with the real program: off gives the port back and stays on the LAN, over
//! restarts too.

use porthole_sim_router::Quirks;
use serde_json::{Value, json};

use crate::support::lab::{Camera, PATIENCE, Role};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed, serves_the_lan};

#[track_caller]
fn switch(camera: &Camera, enabled: bool) -> Value {
    let body = json!({ "enabled": enabled });
    let answer = camera.send("PUT", "/api/v1/exposure", &body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().unwrap()
}

fn mappings_of(testbed: &Testbed, camera: &Camera) -> usize {
    let table = testbed.router().table();
    let of_camera = |entry: &&_| {
        let entry: &porthole_sim_router::TableEntry = entry;
        entry.mapping.client == camera.address()
    };
    table.iter().filter(of_camera).count()
}

#[test]
fn switched_off_the_representative_gives_8080_back_another_takes_it_and_the_lan_is_served() {
    let testbed = Testbed::with(Quirks::igd2());
    let mut first = testbed.camera(2, "Front door").install();
    first.start();
    first.await_leadership();
    let second = testbed.camera(3, "Garden").start();
    second.await_port(8081);

    let answer = switch(&first, false);
    assert_eq!(
        (&answer["enabled"], &answer["port"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        mappings_of(&testbed, &first),
        0,
        "given back before the answer"
    );
    second.await_leadership();
    serves_the_lan(&first);
    let status = first.status().unwrap();
    assert_eq!((status.role, status.external_url), (Role::Alone, None));

    // A power cut does not switch it on again.
    first.kill();
    first.start();
    let state: Value = eventually("it is back", PATIENCE, || {
        let state: Value = first.get("/api/v1/exposure")?.json()?;
        // It has found the router, and so could have asked it for a port.
        let status: Value = first.get("/api/v1/status")?.json()?;
        ensure(status["router"]["last_poll"].is_number(), "no poll yet").map(|()| state)
    });
    assert_eq!(state["enabled"], json!(false), "{state}");
    assert_eq!(mappings_of(&testbed, &first), 0);

    let answer = switch(&first, true);
    assert_eq!(
        answer["port"],
        json!(8081),
        "free since the other one moved up: {answer}"
    );
    assert_eq!(
        testbed.entry(REPRESENTATIVE_PORT).unwrap().mapping.client,
        second.address()
    );
}

#[test]
fn a_mapping_that_a_power_cut_left_on_the_router_is_given_back_when_it_is_switched_off() {
    let mut testbed = Testbed::with(Quirks::igd2());
    let mut camera = testbed.camera(2, "Front door").install();
    camera.start();
    camera.await_leadership();
    // The router is out of reach when it is switched off, and the camera dies before it is back.
    let kept = testbed.entry(REPRESENTATIVE_PORT).unwrap();
    testbed.remove_router();
    let answer = camera
        .send("PUT", "/api/v1/exposure", &json!({ "enabled": false }))
        .unwrap();
    assert!([200, 504].contains(&answer.status), "{}", answer.text());
    camera.kill();
    testbed.start_router(Quirks::igd2());
    testbed.router().add_foreign(kept).unwrap();
    camera.start();
    eventually("the old mapping is gone", PATIENCE, || {
        ensure(mappings_of(&testbed, &camera) == 0, "still there")
    });
    serves_the_lan(&camera);
}

#[test]
fn where_the_settings_say_not_to_use_the_router_the_switch_cannot_be_turned_on() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = testbed
        .camera(2, "Front door")
        .set("router", "enabled", false);
    let camera = camera.start();
    serves_the_lan(&camera);
    let answer = camera
        .send("PUT", "/api/v1/exposure", &json!({ "enabled": true }))
        .unwrap();
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(
        answer.text().contains("router.enabled"),
        "{}",
        answer.text()
    );
    let state: Value = camera.get("/api/v1/exposure").unwrap().json().unwrap();
    assert_eq!(state["enabled"], json!(false));
    assert!(testbed.router().table().is_empty());
}

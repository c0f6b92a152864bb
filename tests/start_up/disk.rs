//! The state file and its folder, when they are of no use.

use std::fs;

use porthole_sim_router::Quirks;

use crate::testbed::{REPRESENTATIVE_PORT, Testbed, await_log, porthole, serves_the_lan};

#[test]
fn a_data_directory_that_cannot_be_written_is_a_warning_and_no_more() {
    let testbed = Testbed::with(Quirks::igd2());
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("a file");
    fs::write(&in_the_way, "").unwrap();
    // Nobody can make a folder below a file, not even root.
    let data = in_the_way.join("data");
    let setup = testbed.camera(2, "Front door");
    let mut camera = setup
        .set("node", "data_dir", data.to_str().unwrap())
        .start();
    camera.await_leadership();
    serves_the_lan(&camera);
    await_log(&camera, "cannot write");
    await_log(&camera, data.join("state.json").to_str().unwrap());
    camera.expect_running();
    assert_eq!(camera.terminate().code(), Some(0));
    assert!(testbed.entry(REPRESENTATIVE_PORT).is_none());
}

#[test]
fn a_corrupt_state_file_is_set_aside_and_the_camera_starts_as_a_new_one() {
    let testbed = Testbed::with(Quirks::igd2());
    let mut camera = testbed.camera(2, "Front door").install();
    camera.start();
    let before = camera.await_leadership();
    camera.kill();
    let state = camera.data().join("state.json");
    let half = &fs::read(&state).unwrap()[..20];
    fs::write(&state, half).unwrap();

    camera.start();
    await_log(&camera, "the state file is of no use");
    await_log(&camera, "nobody can log in here");
    testbed.await_entry(REPRESENTATIVE_PORT, &camera);
    assert_eq!(
        fs::read(camera.data().join("state.json.bad")).unwrap(),
        half
    );

    // The new identity lasts, and people can log in again once somebody has said that they may.
    camera.kill();
    let stored: serde_json::Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    let told = porthole("reset-passwords", &camera.settings());
    assert!(told.status.success(), "{told:?}");
    camera.start();
    let after = camera.await_leadership();
    assert_ne!(after.id, before.id, "a new identity");
    assert_eq!(stored["instance"], *after.id);
}

#[test]
fn with_a_corrupt_state_file_it_follows_whoever_has_8080() {
    let testbed = Testbed::with(Quirks::igd2());
    let first = testbed.camera(2, "Front door").start();
    let leadership = first.await_leadership();
    let mut second = testbed.camera(3, "Garden").install();
    let state = second.data().join("state.json");
    fs::write(&state, "{\"version\": 1, \"mapped_port\": 8080").unwrap();
    second.start();
    testbed.await_entry(8081, &second);
    assert_eq!(first.await_leadership().term, leadership.term);
    assert_eq!(
        testbed.entry(REPRESENTATIVE_PORT).unwrap().mapping.client,
        first.address()
    );
}

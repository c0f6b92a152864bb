//! What is said of a camera that has died: its entry, and how the port becomes free.

use porthole_sim_router::{Leases, Quirks};

use crate::testbed::{Testbed, porthole};

/// What doctor says on a LAN where the camera on 8080 has failed.
fn doctor_beside_a_failed_camera(testbed: &Testbed) -> String {
    let setup = testbed.camera(2, "Front door");
    let mut dead = setup.set("router", "representative_lease", "10m").start();
    dead.await_leadership();
    dead.kill();
    let asking = testbed.camera(3, "Garden").install();
    let told = porthole("doctor", &asking.settings());
    let words = String::from_utf8_lossy(&told.stdout).into_owned();
    println!("{words}");
    let silent = format!(
        "{}:8080 (Front door), which does not answer",
        dead.address()
    );
    assert!(words.contains(&silent), "{words}");
    words
}

#[test]
fn doctor_says_how_long_a_dead_cameras_lease_still_runs() {
    let testbed = Testbed::with(Quirks::igd2());
    let words = doctor_beside_a_failed_camera(&testbed);
    assert!(words.contains("The router forgets it in"), "{words}");
}

#[test]
fn doctor_says_which_entry_to_delete_and_where_when_it_has_no_end() {
    let testbed = Testbed::with(Quirks {
        leases: Leases::PermanentOnly,
        ..Quirks::igd2()
    });
    let words = doctor_beside_a_failed_camera(&testbed);
    let remedy = format!(
        "Delete the entry for port 8080 in the router's own pages, most likely at http://{}/.",
        testbed.address(0)
    );
    assert!(words.contains(&remedy), "{words}");
}

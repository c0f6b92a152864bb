//! What the cameras of a site tell each other about logins: new passwords, and sessions that were
//! ended.

use std::time::Duration;

use porthole_sim_router::Quirks;
use serde_json::json;

use crate::names::stored;
use crate::people::{
    JSON, VIEWER_PASSWORD, anybody, ask, await_answer, cookie, fill_in, log_in, setup, start, url,
    with_cookie,
};
use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::Testbed;

/// Two cameras that speak with each other, as the site's key lets them.
fn two_cameras(testbed: &Testbed) -> [Camera; 2] {
    let group = format!("239.255.80.85:{}", testbed.free_port());
    [2, 3].map(|number| {
        let setup = setup(testbed, number).set("lan", "enabled", true);
        start(
            setup
                .set("lan", "group", &*group)
                .set("lan", "heartbeat", "1s"),
        )
    })
}

#[track_caller]
fn await_heard(what: &str, heard: impl Fn() -> Result<(), String>) -> Duration {
    let began = std::time::Instant::now();
    eventually(what, PATIENCE, heard);
    began.elapsed()
}

#[test]
fn who_logs_out_at_one_camera_is_out_at_all_of_them() {
    let testbed = Testbed::with(Quirks::igd2());
    let [first, mut second] = two_cameras(&testbed);
    let session = log_in(&url(&first, ""), "admin", ADMIN_PASSWORD);
    let at_second = |second: &Camera| with_cookie(&url(second, ""), "/api/v1/status", &session);
    assert_eq!(at_second(&second), 200);
    let out = ask("POST", &url(&first, "/logout"), &[("cookie", &session)], "");
    assert_eq!(out.status, 303, "{}", out.text());
    let after = await_heard("the second hears of it", || {
        let status = at_second(&second);
        ensure(status == 401, status)
    });
    println!("the second camera heard of a logout after {after:?}");
    // It refuses the session as soon as it has heard; the disk takes a moment longer.
    eventually("the second has stored it", PATIENCE, || {
        let ended = &stored(&second)["auth_state"]["ended"]["list"];
        let is_stored = ended.as_object().is_some_and(|ended| !ended.is_empty());
        ensure(is_stored, ended)
    });
    second.kill();
    second.start();
    await_answer(&second);
    assert_eq!(at_second(&second), 401, "it came back with a restart");
}

#[test]
fn new_passwords_reach_the_other_cameras_and_end_the_sessions_there() {
    let testbed = Testbed::with(Quirks::igd2());
    let [first, mut second] = two_cameras(&testbed);
    let viewer = log_in(&url(&second, ""), "viewer", VIEWER_PASSWORD);
    let admin = log_in(&url(&first, ""), "admin", ADMIN_PASSWORD);
    let new = "chosen by its owner";
    let order = json!({"admin": new, "viewer": null, "current": ADMIN_PASSWORD}).to_string();
    let put = url(&first, "/api/v1/passwords");
    let answer = ask("PUT", &put, &[JSON, ("cookie", &admin)], &order);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let fresh = cookie(&answer);
    let after = await_heard("the second hears of it", || {
        let status = with_cookie(&url(&second, ""), "/api/v1/status", &viewer);
        ensure(status == 401, status)
    });
    println!("the second camera heard of new passwords after {after:?}");
    let there = url(&second, "");
    assert_eq!(with_cookie(&there, "/api/v1/status", &admin), 401);
    assert_eq!(with_cookie(&there, "/api/v1/status", &fresh), 200);
    assert_eq!(fill_in(&there, "admin", ADMIN_PASSWORD).status, 401);
    log_in(&there, "admin", new);

    // A camera that was away hears of it when it is back.
    second.kill();
    let out = ask("POST", &url(&first, "/logout"), &[("cookie", &fresh)], "");
    assert_eq!(out.status, 303, "{}", out.text());
    second.start();
    eventually("the second hears of it when it is back", PATIENCE, || {
        let answer = anybody().ask(
            "GET",
            &url(&second, "/api/v1/status"),
            &[("cookie", &fresh)],
            "",
        )?;
        ensure(answer.status == 401, answer.status)
    });
}

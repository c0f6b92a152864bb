//! Ends that stay ended: what new passwords and log-outs have ended never counts again, whatever
//! the clock says, whoever logs out how often, and whatever becomes of the state file.

use serde_json::{Value, json};

use crate::people::{JSON, ask, await_answer, cookie, log_in, setup, start, url, with_cookie};
use crate::support::lab::{ADMIN_PASSWORD, Camera};
use crate::testbed::Testbed;

/// A year in milliseconds.
const YEAR: u64 = 366 * 24 * 3600 * 1000;

/// Stops the camera, changes what its state file says, and starts it again.
fn with_state(camera: &mut Camera, change: impl FnOnce(&mut Value)) {
    camera.kill();
    let path = camera.data().join("state.json");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut state);
    std::fs::write(&path, serde_json::to_vec(&state).unwrap()).unwrap();
    camera.start();
    await_answer(camera);
}

/// A new admin password; the fresh cookie.
#[track_caller]
fn change_password(base: &str, session: &str, current: &str, new: &str) -> String {
    let body = json!({"admin": new, "current": current}).to_string();
    let headers = [JSON, ("cookie", session)];
    let answer = ask("PUT", &format!("{base}/api/v1/passwords"), &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    cookie(&answer)
}

#[track_caller]
fn make_token(base: &str, session: &str) -> String {
    let headers = [JSON, ("cookie", session)];
    let body = r#"{"access":"admin","days":366}"#;
    let answer = ask("POST", &format!("{base}/api/v1/tokens"), &headers, body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made: Value = answer.json().unwrap();
    made["token"].as_str().unwrap().to_owned()
}

fn with_token(base: &str, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let url = format!("{base}/api/v1/status");
    ask("GET", &url, &[("authorization", &bearer)], "").status
}

#[test]
fn new_passwords_end_tokens_also_where_the_clock_was_a_year_ahead_at_the_change_before() {
    let testbed = Testbed::without_router();
    let mut camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let first = log_in(&base, "admin", ADMIN_PASSWORD);
    change_password(&base, &first, ADMIN_PASSWORD, "with a wrong clock");
    // As if a camera without a clock of its own had set them.
    with_state(&mut camera, |state| {
        let changed_at = &mut state["auth_state"]["passwords"]["changed_at"];
        *changed_at = (changed_at.as_u64().unwrap() + YEAR).into();
    });
    let mut stolen = log_in(&base, "admin", "with a wrong clock");
    let token = make_token(&base, &stolen);
    assert_eq!(with_token(&base, &token), 200);
    let mut old = vec![first];
    let mut current = "with a wrong clock".to_owned();
    for n in 0..3 {
        let new = format!("with the right clock {n}");
        let fresh = change_password(&base, &stolen, &current, &new);
        old.push(std::mem::replace(&mut stolen, fresh));
        current = new;
        assert_eq!(with_token(&base, &token), 401);
        for cookie in &old {
            assert_eq!(with_cookie(&base, "/api/v1/status", cookie), 401);
        }
        assert_eq!(with_cookie(&base, "/api/v1/status", &stolen), 200);
    }
    with_state(&mut camera, |_| {});
    assert_eq!(with_token(&base, &token), 401);
    assert_eq!(with_cookie(&base, "/api/v1/status", &stolen), 200);
    log_in(&base, "admin", &current);
}

//! People at their browsers, and cameras that ask them to log in.

use serde_json::Value;

use crate::support::lab::{Answer, Camera, CameraSetup, Client, PATIENCE, Place};
use crate::support::wait::{ensure, eventually};
use crate::testbed::Testbed;

pub(crate) const KEY: &str = "the key of this site";
pub(crate) const VIEWER_PASSWORD: &str = "for those who watch";

pub(crate) const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");
pub(crate) const TURN: &str = r#"{"by":{"pan":3600}}"#;

/// A camera of the site that asks everybody.
pub(crate) fn setup(testbed: &Testbed, number: u8) -> CameraSetup {
    testbed
        .camera(number, &format!("camera {number}"))
        .set("auth", "public_view", false)
        .set("auth", "viewer_password", VIEWER_PASSWORD)
        .set("site", "key", KEY)
}

pub(crate) fn start(setup: CameraSetup) -> Camera {
    let camera = setup.start();
    await_answer(&camera);
    camera
}

#[track_caller]
pub(crate) fn await_answer(camera: &Camera) {
    eventually("it answers", PATIENCE, || {
        let answer = anybody().get(&url(camera, "/healthz"))?;
        ensure(answer.status == 200, answer.status)
    });
}

pub(crate) fn url(camera: &Camera, path: &str) -> String {
    format!("http://{}:8080{path}", camera.address())
}

pub(crate) fn anybody() -> Client {
    Client::new(Place::Here)
}

#[track_caller]
pub(crate) fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    anybody().ask(method, url, headers, body).unwrap()
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap());
    value.unwrap_or_default()
}

/// Fills the login form in.
#[track_caller]
pub(crate) fn fill_in(base: &str, user: &str, password: &str) -> Answer {
    let password = password.replace(' ', "+");
    let body = format!("user={user}&password={password}&next=/camera");
    ask("POST", &format!("{base}/login"), &[FORM, PAGE], &body)
}

/// The cookie that an answer sets, as a browser sends it back.
#[track_caller]
pub(crate) fn cookie(answer: &Answer) -> String {
    let set = header(answer, "set-cookie");
    let (cookie, attributes) = set
        .split_once("; ")
        .unwrap_or_else(|| panic!("no cookie: {} {}", answer.status, answer.text()));
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(attributes.contains(attribute), "{set}");
    }
    let value = cookie
        .split_once('=')
        .filter(|(name, _)| name.starts_with("porthole_session_"));
    assert!(
        value.is_some_and(|(_, value)| value.starts_with("v1.")),
        "{set}"
    );
    cookie.to_owned()
}

#[track_caller]
pub(crate) fn log_in(base: &str, user: &str, password: &str) -> String {
    let answer = fill_in(base, user, password);
    assert_eq!(
        (answer.status, header(&answer, "location")),
        (303, "/camera")
    );
    cookie(&answer)
}

#[track_caller]
pub(crate) fn with_cookie(base: &str, path: &str, cookie: &str) -> u16 {
    ask("GET", &format!("{base}{path}"), &[("cookie", cookie)], "").status
}

/// Turns the camera; the status of the answer.
#[track_caller]
pub(crate) fn turn(base: &str, headers: &[(&str, &str)]) -> u16 {
    let headers = [headers, &[JSON]].concat();
    ask("POST", &format!("{base}/api/v1/drive"), &headers, TURN).status
}

/// Where the camera points.
#[track_caller]
pub(crate) fn pan(camera: &Camera) -> i64 {
    let pointing: Value = camera.get("/api/v1/drive").unwrap().json().unwrap();
    pointing["pan"].as_i64().unwrap()
}

//! Ends that stay ended: what new passwords and log-outs have ended never counts again, whatever
//! the clock says, whoever logs out how often, and whatever becomes of the state file.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use porthole::auth::{Access, Claims, Signer};
use porthole::settings::{Secret, Site};
use porthole::site::{AuthState, SessionId};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::people::{
    JSON, KEY, VIEWER_PASSWORD, anybody, ask, await_answer, cookie, fill_in, log_in, setup, start,
    url, with_cookie,
};
use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE};
use crate::testbed::{Testbed, await_log, porthole};

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
fn make_token(base: &str, session: &str, password: &str) -> String {
    let headers = [JSON, ("cookie", session)];
    let body = json!({"access": "admin", "days": 366, "current": password}).to_string();
    let answer = ask("POST", &format!("{base}/api/v1/tokens"), &headers, &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made: Value = answer.json().unwrap();
    made["token"].as_str().unwrap().to_owned()
}

fn with_token(base: &str, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let url = format!("{base}/api/v1/status");
    ask("GET", &url, &[("authorization", &bearer)], "").status
}

/// A stream of pictures that has begun.
fn begin_stream(camera: &Camera, cookie: &str) -> TcpStream {
    let address = url(camera, "").replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET /stream.mjpg HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut begun = [0; 1024];
    stream.read_exact(&mut begun).unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 200"), "{begun:?}");
    stream
}

/// Reads to the end, which comes by the server.
#[track_caller]
fn await_end(mut stream: TcpStream) {
    let began = std::time::Instant::now();
    let mut rest = [0; 8192];
    while !matches!(stream.read(&mut rest), Ok(0) | Err(_)) {
        assert!(began.elapsed() < PATIENCE, "it goes on");
    }
}

#[test]
fn a_stream_that_is_under_way_ends_with_its_login() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let viewer = log_in(&base, "viewer", VIEWER_PASSWORD);
    let other = log_in(&base, "viewer", VIEWER_PASSWORD);
    let (stream, others) = (
        begin_stream(&camera, &viewer),
        begin_stream(&camera, &other),
    );
    let answer = ask(
        "POST",
        &format!("{base}/logout"),
        &[("cookie", &viewer)],
        "",
    );
    assert!(answer.status < 400, "{}", answer.text());
    await_end(stream);
    // The other one is another session's, until the passwords are new.
    let mut others = others;
    others.read_exact(&mut [0; 4096]).unwrap();
    let admin = log_in(&base, "admin", ADMIN_PASSWORD);
    change_password(&base, &admin, ADMIN_PASSWORD, "another password");
    await_end(others);
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
    let token = make_token(&base, &stolen, "with a wrong clock");
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

/// The status of a log-out with this session, by a client at another address.
fn log_out_from(client: Ipv4Addr, camera: &Camera, session: &str) -> u16 {
    let host = SocketAddr::from((camera.address(), 8080));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((client, 0)).into()).unwrap();
    socket.connect(&host.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    write!(
        stream,
        "POST /logout HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {session}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn six_hundred_viewers_that_log_out_bring_no_ended_admin_back() {
    let testbed = Testbed::without_router();
    let mut camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let ended = log_in(&base, "admin", ADMIN_PASSWORD);
    let admin = log_in(&base, "admin", ADMIN_PASSWORD);
    let viewer = log_in(&base, "viewer", VIEWER_PASSWORD);
    let token = make_token(&base, &admin, ADMIN_PASSWORD);
    for session in [&ended, &viewer] {
        let out = ask(
            "POST",
            &format!("{base}/logout"),
            &[("cookie", session)],
            "",
        );
        assert_eq!(out.status, 303, "{}", out.text());
    }
    // Signed as the site does: they need not all log in first.
    let site = Site {
        key: Some(Secret::new(KEY.to_owned())),
        previous_key: None,
    };
    let signer = Signer::of_site(&site).unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut hindered = 0;
    for n in 0..660_u32 {
        let id = SessionId(u128::from(n) + 1000);
        let one = Claims::session(id, Access::Viewer, now, &AuthState::default());
        // Of 22 by one client 20 are listened to.
        let client = Ipv4Addr::new(127, 211, 7, 1 + u8::try_from(n / 22).unwrap());
        match log_out_from(client, &camera, &signer.sign(&one)) {
            // Ended together with all viewers of before: the list was full.
            303 | 401 => {}
            429 => hindered += 1,
            other => panic!("{n}: {other}"),
        }
    }
    assert!(hindered > 0, "log-outs of viewers are limited");
    let check = || {
        for gone in [&ended, &viewer] {
            assert_eq!(with_cookie(&base, "/api/v1/status", gone), 401);
        }
        assert_eq!(with_cookie(&base, "/api/v1/status", &admin), 200);
        assert_eq!(with_token(&base, &token), 200);
    };
    check();
    let state = camera.data().join("state.json");
    assert!(std::fs::metadata(state).unwrap().len() < 64 * 1024);
    with_state(&mut camera, |_| {});
    check();
    log_in(&base, "viewer", VIEWER_PASSWORD);
}

#[test]
fn where_the_state_file_is_of_no_use_the_older_password_of_the_settings_does_not_come_back() {
    let testbed = Testbed::without_router();
    let mut camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let first = log_in(&base, "admin", ADMIN_PASSWORD);
    let session = change_password(&base, &first, ADMIN_PASSWORD, "chosen by its owner");
    let token = make_token(&base, &session, "chosen by its owner");
    let running = porthole("reset-passwords", &camera.settings());
    assert!(!running.status.success(), "it runs: {running:?}");
    camera.kill();
    let state = camera.data().join("state.json");
    let good = std::fs::read(&state).unwrap();
    for bad in [&good[..good.len() / 2], br#"{"version": 3}"#] {
        std::fs::write(&state, bad).unwrap();
        // Also after one more start, with the file that it made itself.
        for _ in 0..2 {
            camera.start();
            await_answer(&camera);
            await_log(&camera, "state.json.bad");
            await_log(&camera, "porthole reset-passwords");
            for password in [ADMIN_PASSWORD, "chosen by its owner"] {
                let refused = fill_in(&base, "admin", password);
                assert_eq!(refused.status, 503, "{}", refused.text());
                assert!(refused.text().contains("state.json"), "{}", refused.text());
            }
            let page = anybody().get(&url(&camera, "/login")).unwrap().text();
            assert!(
                page.contains("state.json of this camera could not be used"),
                "{page}"
            );
            for cookie in [&first, &session] {
                assert_eq!(with_cookie(&base, "/api/v1/status", cookie), 401);
            }
            assert_eq!(with_token(&base, &token), 401);
            let told = porthole("doctor", &camera.settings());
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            assert!(told.contains("state.json.bad"), "{told}");
            camera.kill();
        }
    }
    let told = porthole("reset-passwords", &camera.settings());
    assert!(told.status.success(), "{told:?}");
    camera.start();
    await_answer(&camera);
    log_in(&base, "admin", ADMIN_PASSWORD);
    assert_eq!(fill_in(&base, "admin", "chosen by its owner").status, 401);
    for cookie in [&first, &session] {
        assert_eq!(with_cookie(&base, "/api/v1/status", cookie), 401);
    }
    assert_eq!(with_token(&base, &token), 401);
}

#[test]
fn a_cookie_alone_makes_no_token_that_outlasts_it() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let session = log_in(&base, "admin", ADMIN_PASSWORD);
    let bearer = format!("Bearer {}", session.split_once('=').unwrap().1);
    for (shown, body) in [
        (
            ("cookie", &*session),
            json!({"access": "viewer", "days": 1}),
        ),
        (
            ("authorization", &*bearer),
            json!({"access": "viewer", "days": 1}),
        ),
        (
            ("cookie", &*session),
            json!({"access": "viewer", "days": 1, "current": "a guess"}),
        ),
    ] {
        let there = format!("{base}/api/v1/tokens");
        let refused = ask("POST", &there, &[JSON, shown], &body.to_string());
        assert_eq!(refused.status, 403, "{}", refused.text());
        let problem: Value = refused.json().unwrap();
        assert_eq!(problem["field"], "current", "{problem}");
    }
    let token = make_token(&base, &session, ADMIN_PASSWORD);
    assert_eq!(with_token(&base, &token), 200);
}

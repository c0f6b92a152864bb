//! What every answer tells browsers, and requests for hosts that are not this camera: byte by byte,
//! as an attacker's browser could be made to send them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE};
use crate::testbed::{Testbed, serves_the_lan};

fn camera(testbed: &Testbed) -> Camera {
    let camera = testbed
        .camera(2, "Front door")
        .set("http", "hosts", vec!["cam.example.org"])
        .start();
    serves_the_lan(&camera);
    camera
}

/// The head and the beginning of the body of what comes back for this request head.
fn ask(camera: &Camera, lines: &[&str], body: &str) -> String {
    let mut connection = TcpStream::connect((camera.address(), 8080)).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = format!("Content-Length: {}", body.len());
    let head = [lines, &[&*length, "Connection: close", "\r\n"]].concat();
    let request = head.join("\r\n") + body;
    connection
        .write_all(request.trim_start().as_bytes())
        .unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // A stream has no end: the head is enough.
    while answer.len() < 64 * 1024 {
        match connection.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            Err(why) => panic!("{lines:?}: {why}"),
        }
        if answer.starts_with(b"HTTP/1.1 200")
            && answer.windows(16).any(|w| w == b"--porthole-frame")
        {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

#[test]
fn every_answer_has_the_headers_whatever_it_is() {
    let testbed = Testbed::without_router();
    let camera = camera(&testbed);
    let own = format!("Host: {}:8080", camera.address());
    for (line, host, expected) in [
        ("GET / HTTP/1.1", &*own, "200"),
        ("GET /camera HTTP/1.1", &own, "200"),
        ("GET /login HTTP/1.1", &own, "200"),
        ("GET /visit/none HTTP/1.1", &own, "404"),
        ("GET /api/v1/status HTTP/1.1", &own, "200"),
        ("GET /api/v1/cameras/none HTTP/1.1", &own, "400"),
        ("GET /static/porthole.css HTTP/1.1", &own, "200"),
        ("GET /static/none HTTP/1.1", &own, "404"),
        ("GET /snapshot.jpg HTTP/1.1", &own, "200"),
        ("GET /stream.mjpg HTTP/1.1", &own, "200"),
        ("GET /stream.mjpg?fps=x HTTP/1.1", &own, "400"),
        ("DELETE /snapshot.jpg HTTP/1.1", &own, "405"),
        ("GET /healthz HTTP/1.1", &own, "200"),
        ("GET /metrics HTTP/1.1", &own, "200"),
        ("GET / HTTP/1.1", "Host: evil.example", "421"),
        ("GET / HTTP/1.1", "Host: a b", "400"),
    ] {
        let answer = ask(&camera, &[line, host], "");
        assert_eq!(code(&answer), expected, "{line}: {answer}");
        let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        for header in [
            "content-security-policy: default-src 'none';",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "x-frame-options: deny",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: ",
            "permissions-policy: ",
        ] {
            let times = head.matches(&format!("\r\n{header}")).count();
            assert_eq!(times, 1, "{header} in the answer to {line}: {head}");
        }
        assert!(!head.contains("strict-transport-security"), "{head}");
        let pictures = head.contains("cross-origin-resource-policy: cross-origin");
        let picture =
            line.contains(".jpg HTTP") && expected == "200" || line.contains(".mjpg HTTP");
        assert_eq!(pictures, picture, "{line}: {head}");
    }
}

#[test]
fn requests_for_other_hosts_are_not_answered_and_say_how_to_allow_them() {
    let testbed = Testbed::without_router();
    let camera = camera(&testbed);
    let address = camera.address();
    let status: Value = camera.get("/api/v1/status").unwrap().json().unwrap();
    let local = format!(
        "Host: porthole-{}.local:8080",
        status["id"].as_str().unwrap()
    );
    let own = format!("Host: {address}:8080");
    let absolute = format!("GET http://{address}:8080/healthz HTTP/1.1");
    for lines in [
        &["GET /healthz HTTP/1.1", &*own][..],
        &["GET /healthz HTTP/1.1", &local],
        &["GET /healthz HTTP/1.1", "Host: localhost:8080"],
        &["GET /healthz HTTP/1.1", "Host: 60.120.76.64:8081"],
        &["GET /healthz HTTP/1.1", "Host: Cam.Example.org"],
        &[&absolute, &own],
    ] {
        assert_eq!(code(&ask(&camera, lines, "")), "200", "{lines:?}");
    }
    for lines in [
        &["GET /healthz HTTP/1.1", "Host: evil.example"][..],
        &[
            "GET /healthz HTTP/1.1",
            "Host: evil.example",
            &format!("X-Forwarded-Host: {address}"),
        ],
        &["GET http://evil.example/healthz HTTP/1.1", &own],
        &["GET /static/porthole.css HTTP/1.1", "Host: evil.example"],
    ] {
        let answer = ask(&camera, lines, "");
        assert_eq!(code(&answer), "421", "{lines:?}: {answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(
            answer.contains(r#"http.hosts = [\"evil.example\"]"#),
            "{answer}"
        );
    }
    for lines in [
        &["GET /healthz HTTP/1.1"][..],
        &["GET /healthz HTTP/1.0"],
        &["GET /healthz HTTP/1.1", &own, &own],
        &["GET /healthz HTTP/1.1", &own, "Host: evil.example"],
        &["GET /healthz HTTP/1.1", "Host: "],
        &["GET /healthz HTTP/1.1", "Host: a@b"],
        &["GET http://localhost:8080/healthz HTTP/1.1", &own],
    ] {
        let answer = ask(&camera, lines, "");
        assert_eq!(code(&answer), "400", "{lines:?}: {answer}");
    }
}

#[test]
fn a_page_of_a_rebound_name_changes_nothing_even_with_a_password_or_a_session() {
    let testbed = Testbed::without_router();
    let camera = camera(&testbed);
    let own = format!("Host: {}:8080", camera.address());
    let from_here = format!("Origin: http://{}:8080", camera.address());
    let basic = STANDARD.encode(format!("admin:{ADMIN_PASSWORD}"));
    let basic = format!("Authorization: Basic {basic}");
    let form = format!("user=admin&password={}", ADMIN_PASSWORD.replace(' ', "+"));
    let lines = [
        "POST /login HTTP/1.1",
        &*own,
        "Content-Type: application/x-www-form-urlencoded",
    ];
    let logged_in = ask(&camera, &lines, &form);
    let set = logged_in
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let session = set.expect(&logged_in).split(';').next().unwrap();
    let cookie = format!("Cookie: {session}");

    let pointing = || camera.get("/api/v1/drive").unwrap().text();
    let turn = |host: &str, origin: &str, leave: &str| {
        let lines = [
            "POST /api/v1/drive HTTP/1.1",
            host,
            origin,
            leave,
            "Content-Type: application/json",
        ];
        let answer = ask(&camera, &lines, r#"{"by": {"pan": 3600}}"#);
        code(&answer).to_owned()
    };
    for leave in [&basic, &cookie] {
        let before = pointing();
        // Its own page, as its browser sees it: host and origin agree, and are the attacker's.
        let rebound = turn("Host: evil.example", "Origin: http://evil.example", leave);
        assert_eq!(rebound, "421");
        let forged = turn("Host: evil.example", &from_here, leave);
        assert_eq!(forged, "421");
        assert_eq!(turn(&own, "Origin: http://evil.example", leave), "403");
        assert_eq!(pointing(), before);
        assert_eq!(
            turn(&own, &from_here, leave),
            "200",
            "else this shows nothing"
        );
        assert_ne!(pointing(), before);
    }
}

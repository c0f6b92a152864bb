//! Reverse proxies: whose word about the client counts, and what becomes of it.

use std::net::Ipv4Addr;

use crate::curl::curl;
use crate::people::{FORM, anybody, ask, header, setup, start, url};
use crate::support::lab::{ADMIN_PASSWORD, Camera};
use crate::testbed::{Testbed, await_log, porthole};

const FRIEND: &str = "203.0.113.9";
const STRANGER: &str = "203.0.113.10";

/// What curl says of an answer to a request from `proxy`'s address, on behalf of `client`.
fn through(proxy: Ipv4Addr, client: &str, options: &[&str], url: &str) -> String {
    let (proxy, client) = (proxy.to_string(), format!("X-Forwarded-For: {client}"));
    let through = ["--interface", &proxy, "--header", &client];
    let code = ["--output", "/dev/null", "--write-out", "%{http_code}", url];
    curl(&[&through, options, &code].concat()).unwrap()
}

/// The status for a user name and a password on behalf of `client`.
fn basic(camera: &Camera, proxy: Ipv4Addr, client: &str, password: &str) -> String {
    let credentials = format!("admin:{password}");
    let status = url(camera, "/api/v1/status");
    through(proxy, client, &["--user", &credentials], &status)
}

#[test]
fn behind_a_named_proxy_each_client_has_its_own_address() {
    let testbed = Testbed::without_router();
    let proxy = testbed.address(5);
    let camera = start(setup(&testbed, 2).set("http", "trusted_proxies", vec![proxy.to_string()]));
    for n in 0..5 {
        let guess = format!("guess {n}");
        assert_eq!(basic(&camera, proxy, STRANGER, &guess), "401");
    }
    // What a client sends itself stands left of what the proxy appends.
    let forged = format!("{FRIEND}, {STRANGER}");
    let waits = (0..20).any(|_| basic(&camera, proxy, &forged, "guess") == "429");
    assert!(waits, "the guesser was never kept waiting");
    assert_eq!(basic(&camera, proxy, FRIEND, ADMIN_PASSWORD), "200");
    await_log(&camera, &format!("\"from\":\"{STRANGER}\""));
    // None of them is on the LAN, nor who asks without saying for whom; the machine itself is.
    let metrics = url(&camera, "/metrics");
    let loopback = Ipv4Addr::LOCALHOST.to_string();
    for client in [FRIEND, &loopback, "nonsense", ""] {
        assert_eq!(through(proxy, client, &[], &metrics), "403", "{client:?}");
    }
    assert_eq!(anybody().get(&metrics).unwrap().status, 200);
}

#[test]
fn nobody_else_is_believed_and_the_operator_is_told() {
    let testbed = Testbed::without_router();
    let proxy = testbed.address(5);
    let camera = start(setup(&testbed, 2).set("http", "trusted_proxies", vec![proxy.to_string()]));
    let other = testbed.address(6);
    let metrics = url(&camera, "/metrics");
    // It says that it asks for somebody else: so it is not the neighbour that it looks like.
    assert_eq!(through(other, FRIEND, &[], &metrics), "403");
    await_log(&camera, "http.trusted_proxies");
    await_log(&camera, &other.to_string());
    let count = camera.metric("porthole_http_unknown_clients_total");
    assert_eq!(count, Ok(1.0));
    let told = porthole("doctor", &camera.settings());
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for words in [
        &format!("Proxies: {proxy}/32 are believed for whom they ask."),
        "Proxies: 1 requests came to the server that runs here",
        "http.trusted_proxies",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
    // One who waits cannot go on under another address.
    let waits = (0..40).any(|n| {
        let client = format!("203.0.113.{n}");
        basic(&camera, other, &client, "guess") == "429"
    });
    assert!(waits, "each forged address was another one");
}

#[test]
fn a_cookie_is_secure_where_the_proxy_was_asked_by_tls() {
    let testbed = Testbed::without_router();
    // Connections to loopback come from there.
    let camera = start(setup(&testbed, 2).set("http", "trusted_proxies", vec!["127.0.0.1"]));
    let stranger = start(setup(&testbed, 3));
    let log_in = |camera: &Camera, proto: &str| {
        let password = ADMIN_PASSWORD.replace(' ', "+");
        let body = format!("user=admin&password={password}");
        let told = [
            FORM,
            ("x-forwarded-for", FRIEND),
            ("x-forwarded-proto", proto),
        ];
        let answer = ask("POST", &url(camera, "/login"), &told, &body);
        assert_eq!(answer.status, 303, "{}", answer.text());
        header(&answer, "set-cookie").to_owned()
    };
    let by_tls = log_in(&camera, "https");
    assert!(by_tls.ends_with("; Secure"), "{by_tls}");
    for (camera, proto) in [(&camera, "http"), (&camera, ""), (&stranger, "https")] {
        let cookie = log_in(camera, proto);
        assert!(cookie.contains("Path=/"), "{cookie}");
        assert!(!cookie.contains("Secure"), "{proto}: {cookie}");
    }
}

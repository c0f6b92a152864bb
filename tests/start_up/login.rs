//! Login: which credentials are let in, and which are not. Cameras of one site key know nothing of
//! each other here but that key.

use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use porthole::auth::{Access, Claims, Signer};
use porthole::settings::{Secret, Site};
use porthole::site::{AuthState, SessionId};
use porthole_sim_router::Quirks;
use porthole_types::InstanceId;
use serde_json::{Value, json};

use crate::curl::curl;
use crate::people::{
    FORM, JSON, KEY, PAGE, TURN, VIEWER_PASSWORD, anybody, ask, await_answer, cookie, fill_in,
    header, log_in, pan, setup, start, turn, url, with_cookie,
};
use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed, await_log};

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Signs as cameras with this site key do.
fn signer(key: &str) -> Signer {
    let key = Some(Secret::new(key.to_owned()));
    let site = Site {
        key,
        previous_key: None,
    };
    Signer::of_site(&site).unwrap()
}

/// The cookie that cameras of the usual site look at.
fn as_cookie(text: &str) -> String {
    format!("porthole_session_{}={text}", signer(KEY).key_ids()[0])
}

fn session(began: u64) -> Claims {
    Claims::session(SessionId(7), Access::Admin, began, &AuthState::default())
}

#[test]
fn one_login_at_the_representative_opens_the_other_camera_inside_and_outside() {
    let testbed = Testbed::with(Quirks::igd2());
    let first = start(setup(&testbed, 2));
    testbed.await_entry(REPRESENTATIVE_PORT, &first);
    let second = start(setup(&testbed, 3));
    testbed.await_entry(8081, &second);

    let outside = |port: u16| format!("http://{}:{port}", testbed.address(1));
    let admin = log_in(&outside(REPRESENTATIVE_PORT), "admin", ADMIN_PASSWORD);
    let viewer = log_in(&outside(REPRESENTATIVE_PORT), "viewer", VIEWER_PASSWORD);
    // By way of the router a client is at another address.
    let inside = [("viewer", VIEWER_PASSWORD), ("admin", ADMIN_PASSWORD)]
        .map(|(user, password)| log_in(&url(&first, ""), user, password));
    for (base, viewer, admin) in [
        (outside(REPRESENTATIVE_PORT), &viewer, &admin),
        (outside(8081), &viewer, &admin),
        (url(&second, ""), &inside[0], &inside[1]),
    ] {
        for path in ["/", "/camera", "/snapshot.jpg", "/api/v1/cameras"] {
            assert_eq!(with_cookie(&base, path, viewer), 200, "{base}{path}");
        }
        assert_eq!(
            turn(&base, &[("cookie", viewer)]),
            403,
            "a viewer turned {base}"
        );
        assert_eq!(turn(&base, &[("cookie", admin)]), 200, "{base}");
    }
    // What the router's other ports are sent is of no use to whoever answers there: neither as a
    // cookie nor as a token, and the person at the other address is told why.
    for stolen in [&viewer, &admin] {
        let base = url(&second, "");
        assert_eq!(with_cookie(&base, "/api/v1/status", stolen), 401);
        assert_eq!(turn(&base, &[("cookie", stolen)]), 401);
        let (_, session) = stolen.split_once('=').unwrap();
        let bearer = ("authorization", &*format!("Bearer {session}"));
        assert_eq!(turn(&base, &[bearer]), 401);
        let page = ask(
            "GET",
            &format!("{base}/login"),
            &[PAGE, ("cookie", stolen)],
            "",
        );
        assert!(
            page.text().contains("another network address"),
            "{}",
            page.text()
        );
    }
    for path in ["/api/v1/tokens", "/api/v1/representative/withdraw"] {
        let there = format!("{}{path}", outside(REPRESENTATIVE_PORT));
        let answer = ask("POST", &there, &[("cookie", &viewer), JSON], "{}");
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(
            answer.text().contains("log in as admin"),
            "{}",
            answer.text()
        );
    }
    // By the admin alone: the first once, the second from outside and from inside.
    assert_eq!((pan(&first), pan(&second)), (3600, 7200));
}

#[test]
fn what_is_no_login_here_gets_the_login_page_or_401_and_never_an_error() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2).set("router", "enabled", false));
    let base = url(&camera, "");
    let wrong = [
        ("nothing", String::new()),
        ("garbage", "v1.AAAA.AAAA".to_owned()),
        ("noise", "\"%00%ff;=".to_owned()),
        ("empty", "v1..".to_owned()),
        ("expired", signer(KEY).sign(&session(now() - 13 * 3600))),
        ("from the future", signer(KEY).sign(&session(now() + 3600))),
        (
            "another site's",
            signer("of another site").sign(&session(now())),
        ),
        (
            "a token",
            signer(KEY).sign(&Claims::token(
                SessionId(8),
                Access::Admin,
                1,
                now(),
                &AuthState::default(),
            )),
        ),
    ];
    for (what, text) in &wrong {
        let cookie = as_cookie(text);
        let with = |path: &str, headers: &[(&str, &str)]| {
            let headers = [headers, &[("cookie", &*cookie)]].concat();
            ask("GET", &format!("{base}{path}"), &headers, "")
        };
        for path in ["/api/v1/status", "/snapshot.jpg", "/nothing", "/"] {
            let answer = with(path, &[]);
            assert_eq!(answer.status, 401, "{what} at {path}");
            assert_eq!(header(&answer, "content-type"), "application/problem+json");
        }
        let answer = with("/camera?x=1", &[PAGE]);
        let location = header(&answer, "location");
        assert_eq!(
            (answer.status, location),
            (303, "/login?next=%2Fcamera%3Fx%3D1"),
            "{what}"
        );
        let page = with("/login?next=%2Fcamera", &[PAGE]);
        assert_eq!(page.status, 200, "{what}");
        assert!(
            page.text().contains("name=\"next\" value=\"/camera\""),
            "{what}"
        );
        assert_eq!(turn(&base, &[("cookie", &cookie)]), 401, "{what}");
        for open in ["/healthz", "/readyz", "/static/porthole.css", "/metrics"] {
            assert_eq!(with(open, &[]).status, 200, "{what} at {open}");
        }
    }
    let early = ask(
        "GET",
        &format!("{base}/api/v1/status"),
        &[("cookie", &as_cookie(&wrong[5].1))],
        "",
    );
    assert!(early.text().contains("set the clocks"), "{}", early.text());
    assert_eq!(pan(&camera), 0);
    // The same key and the right time: what was wrong was not the way it was sent.
    let good = as_cookie(&signer(KEY).sign(&session(now())));
    assert_eq!(with_cookie(&base, "/api/v1/status", &good), 200);
}

#[test]
fn where_anybody_may_watch_nobody_may_change_anything_without_a_login() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2).set("auth", "public_view", true));
    let base = url(&camera, "");
    for path in ["/", "/snapshot.jpg", "/api/v1/cameras"] {
        assert_eq!(
            with_cookie(&base, path, &as_cookie("v1.old.one")),
            200,
            "{path}"
        );
    }
    assert_eq!(turn(&base, &[]), 401);
    let passwords = format!("{base}/api/v1/passwords");
    let change = json!({"admin": "mine from now on", "current": ADMIN_PASSWORD}).to_string();
    assert_eq!(ask("PUT", &passwords, &[JSON], &change).status, 401);
    assert_eq!(
        turn(
            &base,
            &[("cookie", &log_in(&base, "admin", ADMIN_PASSWORD))]
        ),
        200
    );
}

#[test]
fn players_are_asked_for_a_password_and_let_in_with_it() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    for path in ["/stream.mjpg", "/snapshot.jpg", "/?action=snapshot"] {
        let answer = anybody().get(&url(&camera, path)).unwrap();
        assert_eq!(answer.status, 401, "{path}");
        let question = header(&answer, "www-authenticate");
        assert!(
            question.starts_with("Basic realm=\"Porthole\""),
            "{question:?}"
        );
    }
    // What a page's script or picture asks for opens no dialog over the page.
    let browser = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)");
    let answer = ask("GET", &url(&camera, "/api/v1/status"), &[browser], "");
    assert_eq!(
        (answer.status, header(&answer, "www-authenticate")),
        (401, "Bearer realm=\"Porthole\"")
    );
    let page = ("referer", &*url(&camera, "/camera"));
    let answer = ask("GET", &url(&camera, "/stream.mjpg"), &[browser, page], "");
    assert!(header(&answer, "www-authenticate").starts_with("Bearer "));
    // Some players call themselves that, too, and send a password only when they are asked.
    for path in ["/stream.mjpg", "/snapshot.jpg", "/?action=stream"] {
        let answer = ask("GET", &url(&camera, path), &[browser], "");
        assert!(header(&answer, "www-authenticate").starts_with("Basic "));
    }
    let credentials = format!("viewer:{VIEWER_PASSWORD}");
    for agent in ["Mozilla/5.0 (compatible; player)", "curl"] {
        let options = ["--anyauth", "--user", &credentials, "--user-agent", agent];
        let out = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        let picture = url(&camera, "/snapshot.jpg");
        let code = curl(&[&options[..], &out, &[&*picture]].concat());
        assert_eq!(code.as_deref(), Ok("200"), "{agent}");
    }

    let player = anybody().with_password("viewer", VIEWER_PASSWORD);
    player
        .get(&url(&camera, "/snapshot.jpg"))
        .unwrap()
        .picture_size()
        .unwrap();
    let stream = player.watch(&url(&camera, "/stream.mjpg")).unwrap();
    eventually("pictures", PATIENCE, || {
        let seen = stream.seen();
        ensure(seen.parts > 2, format!("{:?}", seen.end))
    });
    let stranger = anybody().with_password("viewer", ADMIN_PASSWORD);
    assert_eq!(
        stranger.get(&url(&camera, "/snapshot.jpg")).unwrap().status,
        401
    );
}

#[test]
fn a_token_opens_what_it_was_made_for_until_it_is_taken_back() {
    let testbed = Testbed::without_router();
    let mut camera = start(setup(&testbed, 2));
    let other = start(setup(&testbed, 3));
    let tokens = url(&camera, "/api/v1/tokens");
    let admin = anybody().as_admin();
    let order = json!({"access": "viewer", "days": 30}).to_string();
    let made = admin.ask("POST", &tokens, &[JSON], &order).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let made: Value = made.json().unwrap();
    let (id, token) = (
        made["id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );
    let left = made["expires_at"].as_u64().unwrap() - now();
    assert!((30 * 86400 - 60..=30 * 86400).contains(&left), "{made}");

    let bearer = format!("Bearer {token}");
    let with_token = |camera: &Camera, path: &str| {
        ask("GET", &url(camera, path), &[("authorization", &bearer)], "").status
    };
    for camera in [&camera, &other] {
        assert_eq!(with_token(camera, "/api/v1/status"), 200);
        assert_eq!(turn(&url(camera, ""), &[("authorization", &bearer)]), 403);
    }
    let taken_back = admin
        .ask("DELETE", &format!("{tokens}/{id}"), &[], "")
        .unwrap();
    assert_eq!(taken_back.status, 204, "{}", taken_back.text());
    assert_eq!(with_token(&camera, "/api/v1/status"), 401);
    camera.kill();
    camera.start();
    await_answer(&camera);
    assert_eq!(
        with_token(&camera, "/api/v1/status"),
        401,
        "it came back with a restart"
    );

    for (order, status) in [
        (json!({"access": "viewer", "days": 0}), 422),
        (json!({"access": "viewer", "days": 367}), 422),
        (json!({"access": "root", "days": 1}), 422),
        (json!({"access": "viewer"}), 422),
    ] {
        let answer = admin
            .ask("POST", &tokens, &[JSON], &order.to_string())
            .unwrap();
        assert_eq!(answer.status, status, "{order}: {}", answer.text());
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
    }
}

#[test]
fn a_page_of_another_site_changes_nothing_whatever_the_browser_sends_with_it() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let session = log_in(&base, "admin", ADMIN_PASSWORD);
    let own = format!("http://{}:8080", camera.address());
    let neighbour = format!("http://{}:8081", camera.address());
    let basic = anybody().as_admin();
    for foreign in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", &neighbour),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(
            turn(&base, &[("cookie", &session), foreign]),
            403,
            "{foreign:?}"
        );
        let drive = format!("{base}/api/v1/drive");
        let answer = basic.ask("POST", &drive, &[JSON, foreign], TURN).unwrap();
        assert_eq!(answer.status, 403, "{foreign:?} with Basic");
        let out = ask(
            "POST",
            &format!("{base}/logout"),
            &[("cookie", &session), foreign],
            "",
        );
        assert_eq!(
            (out.status, header(&out, "set-cookie")),
            (403, ""),
            "{foreign:?}"
        );
        let body = format!("user=admin&password={}", ADMIN_PASSWORD.replace(' ', "+"));
        let login = ask("POST", &format!("{base}/login"), &[FORM, foreign], &body);
        assert_eq!(
            (login.status, header(&login, "set-cookie")),
            (403, ""),
            "{foreign:?}"
        );
        let crash = format!("{base}/api/v1/debug/crash/drive");
        assert_eq!(
            ask("POST", &crash, &[foreign], "").status,
            403,
            "{foreign:?}"
        );
    }
    assert_eq!(pan(&camera), 0);
    assert_eq!(
        with_cookie(&base, "/api/v1/status", &session),
        200,
        "still logged in"
    );
    assert_eq!(
        turn(&base, &[("cookie", &session), ("origin", &own)]),
        200,
        "its own page"
    );
}

#[test]
fn a_login_leads_nowhere_but_to_this_camera() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    for next in [
        "//evil.example/",
        "http://evil.example/",
        "/%5Cevil.example",
        "%2F%2Fevil.example",
    ] {
        let body = format!(
            "user=viewer&password={}&next={next}",
            VIEWER_PASSWORD.replace(' ', "+")
        );
        let answer = ask("POST", &url(&camera, "/login"), &[FORM], &body);
        assert_eq!(
            (answer.status, header(&answer, "location")),
            (303, "/"),
            "{next}"
        );
    }
}

#[test]
fn whoever_guesses_waits_and_who_is_logged_in_does_not() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let session = log_in(&base, "admin", ADMIN_PASSWORD);
    for n in 0..5 {
        let answer = fill_in(&base, "admin", &format!("guess {n}"));
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(
            answer.text().contains("User name or password is wrong."),
            "{}",
            answer.text()
        );
        assert_eq!(header(&answer, "set-cookie"), "");
    }
    // The sixth comes within the second that it has to wait, or is wrong again and makes the wait
    // longer.
    let refused = eventually("a try is not listened to", PATIENCE, || {
        let answer = fill_in(&base, "admin", "guess");
        ensure(answer.status == 429, answer.status).map(|()| answer)
    });
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    for _ in 0..20 {
        // Guesses in a player's header count as well.
        let _ = anybody()
            .with_password("admin", "guess")
            .get(&url(&camera, "/snapshot.jpg"));
    }
    // From the same address, but from a device that was never right there.
    let right = || {
        let agent = ("user-agent", "another device");
        let status = url(&camera, "/api/v1/status");
        anybody().as_admin().ask("GET", &status, &[agent], "")
    };
    eventually("the right password waits, too", PATIENCE, || {
        let _ = fill_in(&base, "admin", "guess");
        let status = right()?.status;
        ensure(status == 429, status)
    });
    assert_eq!(with_cookie(&base, "/api/v1/status", &session), 200);
    let metrics = anybody().get(&url(&camera, "/metrics")).unwrap().text();
    let count = |outcome: &str| -> f64 {
        let series = format!("porthole_logins_total{{outcome=\"{outcome}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    };
    assert!(
        count("wrong") >= 5.0 && count("throttled") >= 1.0 && count("right") >= 1.0,
        "{metrics}"
    );
}

#[test]
fn a_cookie_of_the_same_name_that_another_port_has_set_keeps_nobody_out() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    let session = log_in(&url(&camera, ""), "viewer", VIEWER_PASSWORD);
    let (name, _) = session.split_once('=').unwrap();
    let both = format!("{name}=anything; {session}");
    assert_eq!(with_cookie(&url(&camera, ""), "/api/v1/status", &both), 200);
}

#[test]
fn a_guesser_behind_the_same_address_does_not_shut_players_out() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    let picture = url(&camera, "/snapshot.jpg");
    let player = anybody().with_password("viewer", VIEWER_PASSWORD);
    assert_eq!(player.get(&picture).unwrap().status, 200);
    let admin = log_in(&url(&camera, ""), "admin", ADMIN_PASSWORD);
    let tokens = url(&camera, "/api/v1/tokens");
    let wanted = json!({ "access": "viewer", "days": 1, "current": ADMIN_PASSWORD }).to_string();
    let made = ask("POST", &tokens, &[JSON, ("cookie", &admin)], &wanted);
    let made: Value = made.json().unwrap();
    let with_token = anybody().with_password("token", made["token"].as_str().unwrap());

    for n in 0..5 {
        let guesser = anybody().with_password("viewer", &format!("guess {n}"));
        assert_eq!(guesser.get(&picture).unwrap().status, 401);
    }
    for n in 0..20 {
        assert_eq!(player.get(&picture).unwrap().status, 200, "{n}");
    }
    // Faster than anybody's budget, and under the player's own name: a token is no guess.
    eventually("the address has to wait", PATIENCE, || {
        for n in 0..40 {
            let guesser = anybody().with_password("viewer", &format!("guess {n}"));
            guesser.get(&picture)?;
        }
        let status = player.get(&picture)?.status;
        ensure(status == 429, status)
    });
    for n in 0..20 {
        assert_eq!(with_token.get(&picture).unwrap().status, 200, "{n}");
    }
    let forged = anybody().with_password("token", "v1.AAAA.AAAA");
    assert_eq!(forged.get(&picture).unwrap().status, 429);
}

#[test]
fn new_passwords_end_what_was_before_and_outlive_a_restart() {
    let testbed = Testbed::without_router();
    let mut camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let passwords = format!("{base}/api/v1/passwords");
    let session = log_in(&base, "admin", ADMIN_PASSWORD);
    let viewer = log_in(&base, "viewer", VIEWER_PASSWORD);
    let put = |body: &Value| {
        ask(
            "PUT",
            &passwords,
            &[JSON, ("cookie", &session)],
            &body.to_string(),
        )
    };
    for (body, field) in [
        (
            json!({"admin": "seven 7", "current": ADMIN_PASSWORD}),
            "admin",
        ),
        (
            json!({"viewer": "x".repeat(129), "current": ADMIN_PASSWORD}),
            "viewer",
        ),
        (
            json!({"admin": "long enough", "current": "a guess"}),
            "current",
        ),
        (json!({"current": ADMIN_PASSWORD}), "admin"),
    ] {
        let status = if field == "current" { 403 } else { 422 };
        let answer = put(&body);
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        let problem: Value = answer.json().unwrap();
        assert_eq!(problem["field"], field, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().starts_with(field),
            "{problem}"
        );
    }
    assert_eq!(
        with_cookie(&base, "/camera", &viewer),
        200,
        "nothing has changed yet"
    );

    let new = "chosen by its owner";
    let answer = put(&json!({"admin": new, "viewer": null, "current": ADMIN_PASSWORD}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let fresh = cookie(&answer);
    let after = |camera: &Camera| {
        let base = url(camera, "");
        for old in [&session, &viewer] {
            assert_eq!(with_cookie(&base, "/api/v1/status", old), 401);
        }
        assert_eq!(with_cookie(&base, "/api/v1/status", &fresh), 200);
        assert_eq!(fill_in(&base, "viewer", VIEWER_PASSWORD).status, 401);
        assert_eq!(fill_in(&base, "admin", ADMIN_PASSWORD).status, 401);
        log_in(&base, "admin", new);
    };
    after(&camera);
    camera.kill();
    camera.start();
    await_answer(&camera);
    after(&camera);
}

#[test]
fn whoever_logs_out_is_out_for_good() {
    let testbed = Testbed::without_router();
    let mut camera = start(setup(&testbed, 2));
    let base = url(&camera, "");
    let session = log_in(&base, "admin", ADMIN_PASSWORD);
    let other = log_in(&base, "admin", ADMIN_PASSWORD);
    let out = ask(
        "POST",
        &format!("{base}/logout"),
        &[("cookie", &session)],
        "",
    );
    assert_eq!((out.status, header(&out, "location")), (303, "/login"));
    assert!(
        header(&out, "set-cookie").contains("Max-Age=0"),
        "{:?}",
        out.headers
    );
    assert_eq!(with_cookie(&base, "/api/v1/status", &session), 401);
    assert_eq!(
        with_cookie(&base, "/api/v1/status", &other),
        200,
        "another session"
    );
    camera.kill();
    camera.start();
    await_answer(&camera);
    assert_eq!(with_cookie(&base, "/api/v1/status", &session), 401);
    assert_eq!(with_cookie(&base, "/api/v1/status", &other), 200);
}

/// The admin password that the camera's log tells.
#[track_caller]
fn told(camera: &Camera) -> String {
    await_log(camera, "log in as admin with the password ");
    let log = camera.log_text();
    let told: Vec<_> = log
        .split("log in as admin with the password ")
        .skip(1)
        .collect();
    assert_eq!(told.len(), 1, "told once: {log}");
    told[0].split(' ').next().unwrap().to_owned()
}

#[test]
fn without_a_password_in_the_settings_one_is_made_and_told_once() {
    let testbed = Testbed::without_router();
    let of_site = |number| setup(&testbed, number).set("auth", "admin_password", "");
    let mut first = start(of_site(2));
    let second = start(of_site(3));
    let alone = start(of_site(4).set("site", "key", ""));
    let password = told(&first);
    assert_eq!(told(&second), password, "one for the site");
    assert_ne!(told(&alone), password);
    log_in(&url(&first, ""), "admin", &password);
    let session = log_in(&url(&alone, ""), "admin", &told(&alone));
    assert_eq!(
        with_cookie(&url(&first, ""), "/api/v1/status", &session),
        401,
        "no key in common"
    );
    assert_eq!(fill_in(&url(&alone, ""), "admin", &password).status, 401);

    first.kill();
    first.start();
    await_answer(&first);
    log_in(&url(&first, ""), "admin", &password);
    assert_eq!(told(&first), password);
    // Sessions of a camera without a site key outlive it, too.
    let mut alone = alone;
    alone.kill();
    alone.start();
    await_answer(&alone);
    assert_eq!(
        with_cookie(&url(&alone, ""), "/api/v1/status", &session),
        200
    );
}

#[test]
fn a_ticket_opens_the_next_camera_once_and_its_pictures_for_minutes() {
    let testbed = Testbed::without_router();
    let group = format!("239.255.80.84:{}", testbed.free_port());
    let speaking = |number| {
        let setup = setup(&testbed, number).set("lan", "enabled", true);
        start(
            setup
                .set("lan", "group", &*group)
                .set("lan", "heartbeat", "1s"),
        )
    };
    let (first, second) = (speaking(2), speaking(3));
    let id = |camera: &Camera| camera.status().unwrap().id;
    let session = log_in(&url(&first, ""), "viewer", VIEWER_PASSWORD);
    let path = format!("/visit/{}", id(&second));
    let away = eventually("the first knows the second", PATIENCE, || {
        let answer = ask("GET", &url(&first, &path), &[("cookie", &session)], "");
        ensure(
            answer.status == 303,
            format!("{} {}", answer.status, answer.text()),
        )?;
        Ok::<_, String>(header(&answer, "location").to_owned())
    });
    assert!(
        away.starts_with(&url(&second, "/enter?ticket=v1.")),
        "{away}"
    );
    let entered = ask("GET", &away, &[PAGE], "");
    assert_eq!((entered.status, header(&entered, "location")), (303, "/"));
    let there = cookie(&entered);
    assert_eq!(
        with_cookie(&url(&second, ""), "/api/v1/status", &there),
        200
    );
    assert_eq!(
        turn(&url(&second, ""), &[("cookie", &there)]),
        403,
        "still a viewer"
    );
    let again = ask("GET", &away, &[PAGE], "");
    assert_eq!((again.status, header(&again, "location")), (303, "/login"));
    assert_eq!(header(&again, "set-cookie"), "");

    let camera: InstanceId = id(&second).parse().unwrap();
    let picture = |client: Ipv4Addr| {
        let ticket = session_of_viewer().picture_ticket(camera, client.into(), now());
        format!("ticket={}", signer(KEY).sign(&ticket))
    };
    let ticket = picture(Ipv4Addr::LOCALHOST);
    let still = anybody()
        .get(&url(&second, &format!("/snapshot.jpg?{ticket}")))
        .unwrap();
    still.picture_size().unwrap();
    assert_eq!(header(&still, "set-cookie"), "");
    for (camera, path, ticket) in [
        (&second, "/api/v1/status", &ticket),
        (&second, "/", &ticket),
        (&second, "/enter", &ticket),
        (&first, "/snapshot.jpg", &ticket),
        (&second, "/snapshot.jpg", &picture(testbed.console())),
    ] {
        let answer = anybody()
            .get(&url(camera, &format!("{path}?{ticket}")))
            .unwrap();
        let refused = answer.status == 401 || header(&answer, "location") == "/login";
        assert!(refused, "{path}: {} {}", answer.status, answer.text());
    }
    // Whoever ends the session ends what was made of it.
    let out = ask("POST", &url(&second, "/logout"), &[("cookie", &there)], "");
    assert_eq!(out.status, 303);
    assert_eq!(
        with_cookie(&url(&second, ""), "/api/v1/status", &session),
        401
    );
}

fn session_of_viewer() -> Claims {
    Claims::session(SessionId(9), Access::Viewer, now(), &AuthState::default())
}

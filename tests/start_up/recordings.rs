//! The attacker who records what the cameras of a site say on the LAN, reads it, and says it again
//! once they have all been restarted.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use porthole::lan::{Body, RequestId};
use porthole_sim_router::Quirks;
use porthole_types::Name;
use serde_json::{Value, json};

use crate::names::stored;
use crate::peer::Peer;
use crate::people::{JSON, KEY, anybody, await_answer, fill_in, setup, start, url};
use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{Testbed, await_log};

const STOLEN: &str = "that the attacker knows";

/// The host of the test's own camera, which has the key.
const PEER: u8 = 6;

/// Two cameras of a site, and the group that they speak in.
fn site(testbed: &Testbed) -> ([Camera; 2], SocketAddrV4) {
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 87), testbed.free_port());
    let cameras = [2, 3].map(|number| {
        let setup = setup(testbed, number).set("lan", "enabled", true);
        start(
            setup
                .set("lan", "group", group.to_string())
                .set("lan", "heartbeat", "500ms"),
        )
    });
    (cameras, group)
}

/// Hears what is said to the group.
fn ear(testbed: &Testbed, group: SocketAddrV4) -> UdpSocket {
    let any = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    any.set_reuse_address(true).unwrap();
    any.bind(&group.into()).unwrap();
    any.join_multicast_v4(group.ip(), &testbed.console())
        .unwrap();
    any.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    any.into()
}

fn rejected(camera: &Camera, reason: &str) -> Result<f64, String> {
    camera.metric(&format!(
        "porthole_lan_messages_rejected_total{{reason=\"{reason}\"}}"
    ))
}

fn name_of(camera: &Camera) -> Result<String, String> {
    let status: Value = camera.get("/api/v1/status")?.json()?;
    Ok(status["name"].as_str().unwrap_or_default().to_owned())
}

/// As the guide has said: stopped, emptied of what was set over HTTP, and started.
fn recover(camera: &mut Camera) {
    camera.kill();
    let mut state = stored(camera);
    state["auth_state"] = json!({});
    state["chosen_name"] = Value::Null;
    std::fs::write(camera.data().join("state.json"), state.to_string()).unwrap();
}

#[test]
fn what_was_recorded_cannot_be_read_and_does_nothing_after_all_cameras_were_restarted() {
    let testbed = Testbed::with(Quirks::igd2());
    let ([mut first, mut second], group) = site(&testbed);
    let ear = ear(&testbed, group);
    let mut peer = Peer::new(testbed.address(PEER), group, Some(KEY));

    let status: Value = second.get("/api/v1/status").unwrap().json().unwrap();
    let of = status["id"].as_str().unwrap().parse().unwrap();

    // What is recorded: new passwords, set over HTTP, and a new name for the second.
    let order = json!({"admin": STOLEN, "viewer": STOLEN, "current": ADMIN_PASSWORD});
    let put = url(&first, "/api/v1/passwords");
    let answer = anybody()
        .as_admin()
        .ask("PUT", &put, &[JSON], &order.to_string())
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    peer.meet(&second);
    let rename = Body::Rename {
        request_id: RequestId(7),
        of,
        name: Name::new("Stolen").ok(),
    };
    let renaming = peer.datagram(&second, rename);
    peer.send(&second, &renaming);
    let mut recorded = vec![renaming];
    let mut buffer = [0; 2048];
    eventually("both count, and are recorded", PATIENCE, || {
        while let Ok((length, from)) = ear.recv_from(&mut buffer) {
            // What the second itself said is no news to it.
            if from.ip() != second.address() {
                recorded.push(buffer[..length].to_vec());
            }
        }
        let state = stored(&second);
        let hash = state["auth_state"]["passwords"]["admin"].as_str();
        let known = hash.is_some_and(|hash| hash.starts_with("$argon2"));
        ensure(known && state["chosen_name"] == "Stolen", &state)
    });
    assert_eq!(fill_in(&url(&second, ""), "admin", STOLEN).status, 303);
    for datagram in &recorded {
        for word in [&b"argon2"[..], b"passwords", b"camera 2", b"Stolen"] {
            let readable = datagram.windows(word.len()).any(|part| part == word);
            assert!(!readable, "{}", String::from_utf8_lossy(datagram));
        }
    }

    drop(peer);
    for camera in [&mut first, &mut second] {
        recover(camera);
    }
    for camera in [&mut first, &mut second] {
        camera.start();
        await_answer(camera);
    }
    let attacker = UdpSocket::bind((testbed.console(), 0)).unwrap();
    let raw = socket2::SockRef::from(&attacker);
    raw.set_multicast_if_v4(&testbed.console()).unwrap();
    raw.set_multicast_loop_v4(true).unwrap();
    // Most are asked to show who they are; so many at once are too many to ask.
    let refused =
        || Ok::<_, String>(rejected(&second, "unproven")? + rejected(&second, "too_many")?);
    let goal = refused().unwrap() + 2.0 * recorded.len() as f64;
    let direct = SocketAddrV4::new(second.address(), group.port());
    for datagram in recorded.iter().chain(&recorded) {
        attacker.send_to(datagram, group).unwrap();
        attacker.send_to(datagram, direct).unwrap();
    }
    eventually("they are refused", PATIENCE, || {
        let now = refused()?;
        ensure(now >= goal, format!("{now} of {goal}"))
    });
    // The cameras themselves are believed: each has heard of the other's change since.
    for (of, at) in [(&first, &second), (&second, &first)] {
        eventually("they believe each other", PATIENCE, || {
            let fleet = at.get("/api/v1/cameras")?.text();
            ensure(fleet.contains(&of.name), fleet)
        });
    }
    for camera in [&first, &second] {
        assert_eq!(fill_in(&url(camera, ""), "admin", STOLEN).status, 401);
        assert_eq!(stored(camera)["auth_state"], json!({}));
        assert_eq!(name_of(camera).unwrap(), camera.name);
    }
}

#[test]
fn what_the_version_before_said_is_refused_in_words() {
    let testbed = Testbed::with(Quirks::igd2());
    let ([first, _second], group) = site(&testbed);
    let old = [&b"PHLN\x01\x01"[..], &[0x5a; 40], b"{}"].concat();
    let socket = UdpSocket::bind((testbed.console(), 0)).unwrap();
    let to = SocketAddrV4::new(first.address(), group.port());
    socket.send_to(&old, to).unwrap();
    await_log(&first, "Install the same version of Porthole");
    assert_eq!(rejected(&first, "version"), Ok(1.0));
}

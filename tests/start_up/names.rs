//! Names that people give (¶53), requested over the LAN, and what a site agrees on about logins.
//! The requester is a peer of the test's own.

use std::net::{Ipv4Addr, SocketAddrV4};

use porthole::lan::{Body, RequestId};
use porthole::site::{AuthState, Ended, Passwords, SessionId};
use porthole_sim_router::Quirks;
use porthole_types::InstanceId;
use porthole_types::Name;
use serde_json::{Value, json};

use crate::peer::Peer;
use crate::support::lab::{Camera, CameraSetup, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::Testbed;

const KEY: &str = "the key of this site";

/// The number of a test's peer in the addresses of the site.
const PEER: u8 = 6;

fn testbed() -> (Testbed, SocketAddrV4) {
    let testbed = Testbed::with(Quirks::igd2());
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 84), testbed.free_port());
    (testbed, group)
}

fn setup((testbed, group): &(Testbed, SocketAddrV4), number: u8, name: &str) -> CameraSetup {
    testbed
        .camera(number, name)
        .set("lan", "enabled", true)
        .set("lan", "group", group.to_string())
        .set("lan", "heartbeat", "500ms")
}

fn id_of(camera: &Camera) -> InstanceId {
    eventually("it answers", PATIENCE, || camera.status())
        .id
        .parse()
        .unwrap()
}

fn name_of(camera: &Camera) -> Result<String, String> {
    let status: Value = camera.get("/api/v1/status")?.json()?;
    Ok(status["name"].as_str().unwrap_or_default().to_owned())
}

#[track_caller]
fn await_name_in_list_of(camera: &Camera, name: &str) {
    eventually(&format!("{name} is listed"), PATIENCE, || {
        let text = camera.get("/api/v1/cameras")?.text();
        ensure(text.contains(&format!("\"name\":\"{name}\"")), text)
    });
}

/// The state file of a camera.
pub(crate) fn stored(camera: &Camera) -> Value {
    let text = std::fs::read(camera.data().join("state.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// The camera's answer to a request.
#[track_caller]
fn outcome(peer: &mut Peer, request_id: RequestId) -> Result<(), String> {
    let me = peer.id;
    peer.await_word("an answer", |message| match message.body {
        Body::Done {
            request_id: answered,
            of,
        } => (answered == request_id && of == me).then_some(Ok(())),
        Body::Refused {
            request_id: answered,
            of,
            why,
        } => (answered == request_id && of == me).then_some(Err(why)),
        _ => None,
    })
}

#[test]
fn a_camera_renamed_over_the_lan_is_called_so_by_all_and_after_a_restart() {
    let place = testbed();
    let first = setup(&place, 2, "Front door")
        .set("site", "key", KEY)
        .start();
    let mut second = setup(&place, 3, "Garden").set("site", "key", KEY).start();
    let of = id_of(&second);
    let mut peer = Peer::new(place.0.address(PEER), place.1, Some(KEY));
    let (request_id, name) = (RequestId(7), Name::new("門口 \"B\"").ok());
    let rename = Body::Rename {
        request_id,
        of,
        name,
    };
    peer.tell(&second, rename.clone());
    assert_eq!(outcome(&mut peer, request_id), Ok(()));
    assert_eq!(
        stored(&second)["chosen_name"],
        "門口 \"B\"",
        "before it answers"
    );
    assert_eq!(name_of(&second).unwrap(), "門口 \"B\"");
    await_name_in_list_of(&first, "門口 \\\"B\\\"");

    // Another request meanwhile; the first one, come late, is not executed again, only answered.
    let (later, name) = (RequestId(8), Name::new("Till").ok());
    peer.tell(
        &second,
        Body::Rename {
            request_id: later,
            of,
            name,
        },
    );
    assert_eq!(outcome(&mut peer, later), Ok(()));
    peer.tell(&second, rename);
    assert_eq!(outcome(&mut peer, request_id), Ok(()));
    assert_eq!(name_of(&second).unwrap(), "Till");

    assert!(second.terminate().success());
    second.start();
    eventually("it answers again", PATIENCE, || {
        let name = name_of(&second)?;
        ensure(name == "Till", name)
    });
    await_name_in_list_of(&first, "Till");
    // Nobody's choice any more: as in the settings.
    let request_id = RequestId(9);
    peer.tell(
        &second,
        Body::Rename {
            request_id,
            of,
            name: None,
        },
    );
    assert_eq!(outcome(&mut peer, request_id), Ok(()));
    await_name_in_list_of(&first, "Garden");
}

#[test]
fn a_request_for_another_is_left_alone_and_one_that_the_disk_refuses_is_refused_in_words() {
    let place = testbed();
    let camera = setup(&place, 2, "Front door").start();
    let of = id_of(&camera);
    let mut peer = Peer::new(place.0.address(PEER), place.1, None);
    let name = Name::new("Barn").ok();
    let other = InstanceId(of.0.wrapping_add(1));
    let request_id = RequestId(1);
    peer.tell(
        &camera,
        Body::Rename {
            request_id,
            of: other,
            name: name.clone(),
        },
    );
    // Where the new state is written first there is a folder now, so that nothing more can be
    // stored. It may just be writing.
    let in_the_way = camera.data().join("state.json.tmp");
    eventually("its state is stored", PATIENCE, || {
        std::fs::create_dir_all(in_the_way.join("full")).map_err(|error| error.to_string())
    });
    let request_id = RequestId(2);
    peer.tell(
        &camera,
        Body::Rename {
            request_id,
            of,
            name: name.clone(),
        },
    );
    let why = outcome(&mut peer, request_id).unwrap_err();
    assert!(why.contains("could not be stored"), "{why}");
    assert_eq!(name_of(&camera).unwrap(), "Front door", "nothing half done");

    std::fs::remove_dir_all(in_the_way).unwrap();
    let request_id = RequestId(3);
    peer.tell(
        &camera,
        Body::Rename {
            request_id,
            of,
            name,
        },
    );
    assert_eq!(
        outcome(&mut peer, request_id),
        Ok(()),
        "without a key as well"
    );
    assert_eq!(name_of(&camera).unwrap(), "Barn");
}

/// Renames a camera over the API of another one: the status, and the body of the answer.
fn rename(at: &Camera, of: InstanceId, name: &str) -> (u16, Value) {
    let path = format!("/api/v1/cameras/{of}");
    let answer = at.send("PATCH", &path, &json!({ "name": name })).unwrap();
    (answer.status, answer.json().unwrap())
}

#[test]
fn a_camera_is_renamed_from_another_ones_api_and_one_that_is_down_is_not_and_is_named() {
    let place = testbed();
    let of_site = |number, name| setup(&place, number, name).set("site", "key", KEY).start();
    let first = of_site(2, "Front door");
    let mut second = of_site(3, "Garden");
    let third = of_site(4, "Till");
    let of = id_of(&second);
    id_of(&third);
    await_name_in_list_of(&first, "Garden");
    let (status, camera) = rename(&first, of, "Küche");
    assert_eq!(
        (status, &camera["name"]),
        (200, &json!("Küche")),
        "{camera}"
    );
    assert_eq!(stored(&second)["chosen_name"], "Küche", "before it answers");
    for camera in [&first, &second, &third] {
        await_name_in_list_of(camera, "Küche");
    }
    second.kill();
    let (status, problem) = rename(&first, of, "Attic");
    assert_eq!(status, 504, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("Küche"), "{detail}");
    second.start();
    id_of(&second);
    assert_eq!(name_of(&second).unwrap(), "Küche");
    await_name_in_list_of(&first, "Küche");
}

/// What one of the cameras is sent about logins.
fn auth_state() -> AuthState {
    AuthState {
        passwords: Some(Passwords {
            epoch: 0,
            generation: 1,
            changed_at: 1_800_000_000_000,
            viewer: None,
            admin: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        }),
        ended: Ended {
            list: (1..20).map(|id| (SessionId(id), 4_000_000_000)).collect(),
            ..Ended::default()
        },
        ended_viewers: Ended::default(),
    }
}

#[test]
fn what_one_camera_learns_about_logins_all_of_the_site_know_and_keep_and_nobody_else() {
    let place = testbed();
    let of_site = |number, name| setup(&place, number, name).set("site", "key", KEY).start();
    let cameras = [of_site(2, "Front door"), of_site(3, "Garden")];
    let stranger = setup(&place, 5, "Shed").start();
    for camera in &cameras {
        id_of(camera);
    }
    id_of(&stranger);
    let mut peer = Peer::new(place.0.address(PEER), place.1, Some(KEY));
    let mut keyless = Peer::new(place.0.address(PEER + 1), place.1, None);
    for piece in auth_state().fragments() {
        peer.tell(&cameras[0], Body::AuthState(piece.clone()));
        // To a camera without a key, from a peer without one.
        keyless.tell(&stranger, Body::AuthState(piece.clone()));
    }
    let knows = |camera: &Camera| {
        let stored = stored(camera)["auth_state"].clone();
        let expected = serde_json::to_value(auth_state()).unwrap();
        ensure(stored == expected, stored)
    };
    for camera in &cameras {
        let what = format!("{} has stored it", camera.name);
        eventually(&what, PATIENCE, || knows(camera));
    }
    // A camera that was off when it was sent.
    let later = of_site(4, "Till");
    eventually("the one that started later has stored it", PATIENCE, || {
        knows(&later)
    });
    assert_eq!(stored(&stranger)["auth_state"], json!({}));
}

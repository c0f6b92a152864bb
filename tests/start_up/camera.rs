//! What people change of a camera while it runs, with the real program and its test pattern.

use std::thread;

use porthole_sim_router::Quirks;
use serde_json::{Value, json};

use crate::support::lab::{Answer, Camera, Client, PATIENCE, Place, Stream, picture_size};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{Testbed, serves_the_lan};

const SETTINGS: &str = "/api/v1/camera/settings";
const CONTROLS: &str = "/api/v1/camera/controls";
const DRIVE: &str = "/api/v1/drive";
/// `V4L2_CID_BRIGHTNESS`.
const BRIGHTNESS: u32 = 0x0098_0900;

/// One camera, once it serves its LAN.
fn camera_in(testbed: &Testbed) -> Camera {
    let camera = testbed.camera(2, "Front door").start();
    serves_the_lan(&camera);
    camera
}

fn patch(camera: &Camera, path: &str, body: &Value) -> Answer {
    camera.send("PATCH", path, body).unwrap()
}

/// Sends a change and expects it to be done.
#[track_caller]
fn change(camera: &Camera, path: &str, body: &Value) -> Value {
    let answer = patch(camera, path, body);
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    answer.json().unwrap()
}

/// The words of a refusal with this status.
#[track_caller]
fn refusal(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    let problem: Value = answer.json().unwrap();
    problem["detail"].as_str().unwrap().to_owned()
}

fn watch(camera: &Camera) -> Stream {
    let url = format!("http://{}:8080/stream.mjpg", camera.address());
    let stream = Client::new(Place::Here).watch(&url).unwrap();
    await_picture(&stream, (320, 240));
    stream
}

/// The next picture of the stream, once there is one of this size.
#[track_caller]
fn await_picture(stream: &Stream, size: (usize, usize)) -> Vec<u8> {
    let before = stream.seen().parts;
    eventually("the stream goes on", PATIENCE, || {
        let seen = stream.seen();
        ensure(seen.end.is_none(), format!("it has ended: {:?}", seen.end))?;
        ensure(seen.parts > before, "no new part")?;
        let shown = picture_size(&seen.last_picture)?;
        ensure(shown == size, format!("{shown:?}")).map(|()| seen.last_picture)
    })
}

#[test]
fn a_stream_goes_on_while_rate_and_quality_change_and_a_new_size_ends_it() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = camera_in(&testbed);
    let stream = watch(&camera);
    let fine = await_picture(&stream, (320, 240)).len();

    change(&camera, SETTINGS, &json!({ "quality": 5 }));
    eventually("coarser pictures on the same stream", PATIENCE, || {
        let coarse = await_picture(&stream, (320, 240)).len();
        ensure(coarse * 2 < fine, format!("{coarse} of {fine} bytes"))
    });
    let said = change(&camera, SETTINGS, &json!({ "fps": 25 }));
    assert_eq!((&said["fps"], &said["quality"]), (&json!(25), &json!(5)));
    eventually("more pictures a second", PATIENCE, || {
        let said: Value = camera.get(SETTINGS)?.json()?;
        let fps = said["actual"]["fps"].as_f64().unwrap_or(0.0);
        // Ten were asked for before, and never more than that came.
        ensure(fps > 11.0, format!("{said}"))
    });
    await_picture(&stream, (320, 240));

    change(&camera, SETTINGS, &json!({ "width": 640, "height": 480 }));
    eventually("the stream of the old size ends", PATIENCE, || {
        ensure(stream.seen().end.is_some(), "it goes on")
    });
    let shown = picture_size(&stream.seen().last_picture).unwrap();
    assert_eq!(shown, (320, 240), "it never showed another size");
    eventually("pictures of the new size", PATIENCE, || {
        let size = camera.get("/snapshot.jpg")?.picture_size()?;
        ensure(size == (640, 480), format!("{size:?}"))
    });
    let said: Value = camera.get(SETTINGS).unwrap().json().unwrap();
    assert_eq!(said["actual"]["width"], json!(640), "{said}");
    assert_eq!(said["configured"]["width"], json!(320), "{said}");
    let modes = said["modes"].as_array().unwrap();
    let is_offered = |mode: &Value| mode["width"] == 1280 && mode["height"] == 720;
    assert!(modes.iter().any(is_offered), "{said}");
}

#[test]
fn what_was_answered_with_200_outlives_a_power_cut_and_null_gives_it_back() {
    let testbed = Testbed::with(Quirks::igd2());
    let mut camera = camera_in(&testbed);
    change(
        &camera,
        SETTINGS,
        &json!({ "width": 640, "height": 480, "quality": 33 }),
    );
    let brighter = json!({ "controls": [{ "id": BRIGHTNESS, "value": 40 }] });
    change(&camera, CONTROLS, &brighter);
    camera.kill();
    camera.start();
    serves_the_lan(&camera);
    let said: Value = camera.get(SETTINGS).unwrap().json().unwrap();
    assert_eq!(
        (&said["width"], &said["quality"], &said["fps"]),
        (&json!(640), &json!(33), &json!(10)),
        "{said}"
    );
    assert_eq!(value_of(&controls(&camera), BRIGHTNESS), json!(40));

    let said = change(&camera, SETTINGS, &json!({ "width": null, "height": null }));
    assert_eq!(
        (&said["width"], &said["height"], &said["quality"]),
        (&json!(320), &json!(240), &json!(33)),
        "{said}"
    );
    camera.kill();
    camera.start();
    serves_the_lan(&camera);
    let said: Value = camera.get(SETTINGS).unwrap().json().unwrap();
    assert_eq!(said["width"], json!(320), "{said}");
}

#[test]
fn a_bad_value_is_named_with_what_is_allowed_and_nothing_is_changed() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = camera_in(&testbed);
    let before: Value = camera.get(SETTINGS).unwrap().json().unwrap();
    for (body, parts) in [
        (json!({ "quality": 5, "fps": 0 }), ["fps", "0", "1 to 240"]),
        (json!({ "width": 9000 }), ["width", "9000", "16 to 8192"]),
        (
            json!({ "quality": "best" }),
            ["quality", "best", "1 to 100"],
        ),
        (
            json!({ "heigth": 480 }),
            ["heigth", "height", "there is no"],
        ),
    ] {
        let words = refusal(&patch(&camera, SETTINGS, &body), 422);
        for part in parts {
            assert!(words.contains(part), "{part} in {words}");
        }
    }
    let after: Value = camera.get(SETTINGS).unwrap().json().unwrap();
    for number in ["width", "height", "fps", "quality"] {
        assert_eq!(after[number], before[number]);
    }
    refusal(&patch(&camera, SETTINGS, &json!([1])), 422);

    let brightness = |value| json!({ "controls": [{ "id": BRIGHTNESS, "value": value }] });
    let words = refusal(&patch(&camera, CONTROLS, &brightness(101)), 409);
    assert!(
        words.contains("Brightness") && words.contains("-100 to 100"),
        "{words}"
    );
    for array in [json!([[]]), json!({ "controls": [[BRIGHTNESS, 5]] })] {
        refusal(&patch(&camera, CONTROLS, &array), 422);
    }
    let unknown = json!({ "controls": [{ "id": 77, "value": 1 }] });
    let words = refusal(&patch(&camera, CONTROLS, &unknown), 409);
    assert!(words.contains("77"), "{words}");
}

#[test]
fn changes_at_the_same_time_do_not_undo_each_other() {
    let testbed = Testbed::with(Quirks::igd2());
    let mut camera = camera_in(&testbed);
    for round in 0..5 {
        let bodies = [
            json!({ "width": 320 + 16 * round }),
            json!({ "height": 240 + 16 * round }),
            json!({ "fps": 5 + round }),
            json!({ "quality": 50 + round }),
        ];
        let url = format!("http://{}:8080{SETTINGS}", camera.address());
        thread::scope(|scope| {
            for body in &bodies {
                let url = &url;
                scope.spawn(move || {
                    let admin = Client::new(Place::Here).as_admin();
                    let answer = admin.send("PATCH", url, body);
                    assert_eq!(answer.unwrap().status, 200, "{body}");
                });
            }
        });
    }
    camera.kill();
    camera.start();
    serves_the_lan(&camera);
    let said: Value = camera.get(SETTINGS).unwrap().json().unwrap();
    let expected = [("width", 384), ("height", 304), ("fps", 9), ("quality", 54)];
    for (number, value) in expected {
        assert_eq!(said[number], json!(value), "{said}");
    }
}

fn controls(camera: &Camera) -> Vec<Value> {
    camera.get(CONTROLS).unwrap().json().unwrap()
}

fn value_of(controls: &[Value], id: u32) -> Value {
    let control = controls.iter().find(|control| control["id"] == id);
    control.expect("it is listed")["value"].clone()
}

#[test]
fn a_control_changes_the_picture_while_it_is_watched_and_while_it_is_not() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = camera_in(&testbed);
    let set = |value| {
        let body = json!({ "controls": [{ "id": BRIGHTNESS, "value": value }] });
        let answer = change(&camera, CONTROLS, &body);
        assert_eq!(
            value_of(answer.as_array().unwrap(), BRIGHTNESS),
            json!(value)
        );
    };
    let snapshot = || camera.get("/snapshot.jpg").map(|answer| luma(&answer.body));
    let plain = snapshot().unwrap();
    let stream = watch(&camera);
    set(80);
    eventually("brighter pictures on the stream", PATIENCE, || {
        let now = luma(&stream.seen().last_picture);
        ensure(now > plain + 30.0, format!("{now} after {plain}"))
    });
    drop(stream);
    eventually("nobody watches", PATIENCE, || {
        let viewers = camera.metric("porthole_stream_clients")?;
        ensure(viewers < 0.5, viewers)
    });
    set(0);
    eventually("pictures as before", PATIENCE, || {
        let now = snapshot()?;
        ensure(now < plain + 10.0, format!("{now} after {plain}"))
    });
}

/// The mean luma of a picture.
fn luma(jpeg: &[u8]) -> f64 {
    let grey = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::GRAY).unwrap();
    let sum: f64 = grey.pixels.iter().map(|pixel| f64::from(*pixel)).sum();
    sum / grey.pixels.len() as f64
}

#[test]
fn it_is_turned_within_its_limits_and_sent_to_presets_that_outlive_a_power_cut() {
    let testbed = Testbed::with(Quirks::igd2());
    let mut camera = camera_in(&testbed);
    let send = |camera: &Camera, method, path: &str, body: &Value| {
        camera.send(method, path, body).unwrap()
    };
    let at = |answer: &Answer| -> (Value, Value) {
        let drive: Value = answer.json().unwrap();
        (drive["pan"].clone(), drive["tilt"].clone())
    };
    let there = camera.get(DRIVE).unwrap();
    assert_eq!(at(&there), (json!(0), json!(0)));
    let drive: Value = there.json().unwrap();
    assert_eq!(drive["source"], "simulated", "{drive}");
    assert_eq!(
        drive["limits"]["pan"],
        json!({"min": -108_000, "max": 108_000})
    );
    assert_eq!(drive["zoom"], Value::Null);

    for (body, pan, tilt) in [
        (json!({"to": {"pan": 3600, "tilt": -3600}}), 3600, -3600),
        (json!({"by": {"pan": 3600}}), 7200, -3600),
        (json!({"by": {"tilt": -2_147_483_648_i64}}), 7200, -54_000),
        (json!({"to": {"pan": 2_147_483_647}}), 108_000, -54_000),
    ] {
        let turned = send(&camera, "POST", DRIVE, &body);
        assert_eq!(at(&turned), (json!(pan), json!(tilt)), "{body}");
    }
    let path = format!("{DRIVE}/presets/K%C3%BCche");
    let stored = send(&camera, "PUT", &path, &json!({}));
    assert_eq!(stored.status, 200, "{}", stored.text());
    let home = send(&camera, "POST", DRIVE, &json!("home"));
    assert_eq!(at(&home), (json!(0), json!(0)));

    camera.kill();
    camera.start();
    serves_the_lan(&camera);
    let kitchen = json!({ "preset": "Küche" });
    let back = send(&camera, "POST", DRIVE, &kitchen);
    assert_eq!(
        at(&back),
        (json!(108_000), json!(-54_000)),
        "{}",
        back.text()
    );
    assert_eq!(send(&camera, "DELETE", &path, &json!({})).status, 204);
    assert_eq!(send(&camera, "DELETE", &path, &json!({})).status, 404);
    let words = refusal(&send(&camera, "POST", DRIVE, &kitchen), 404);
    assert!(words.contains("Küche"), "{words}");
    let zoom = send(&camera, "POST", DRIVE, &json!({"to": {"zoom": 1}}));
    assert!(refusal(&zoom, 409).contains("zoom"));
}

#[test]
fn at_most_32_presets_are_kept() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = camera_in(&testbed);
    for number in 0..32 {
        let path = format!("{DRIVE}/presets/{number}");
        assert_eq!(camera.send("PUT", &path, &json!({})).unwrap().status, 200);
    }
    let one_more = camera.send("PUT", &format!("{DRIVE}/presets/more"), &json!({}));
    assert!(refusal(&one_more.unwrap(), 409).contains("32"));
    let again = camera.send("PUT", &format!("{DRIVE}/presets/7"), &json!({}));
    assert_eq!(again.unwrap().status, 200);
}

#[test]
fn where_the_settings_say_that_nothing_moves_it_does_not() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = testbed
        .camera(2, "Front door")
        .set("drive", "source", "none");
    let camera = camera.start();
    serves_the_lan(&camera);
    let drive: Value = camera.get(DRIVE).unwrap().json().unwrap();
    assert_eq!(
        (&drive["source"], &drive["pan"]),
        (&json!("none"), &Value::Null)
    );
    let answer = camera.send("POST", DRIVE, &json!("home")).unwrap();
    assert!(refusal(&answer, 409).contains("drive.source"));
}

#[test]
fn a_camera_that_is_not_there_is_reported_without_keeping_anybody_waiting() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = testbed
        .camera(2, "Front door")
        .set("camera", "source", "v4l:/dev/no-such-video")
        .start();
    serves_the_lan(&camera);
    for path in [CONTROLS, DRIVE] {
        let words = refusal(&camera.get(path).unwrap(), 503);
        assert_eq!(words, "the camera is not connected", "{path}");
    }
    let said: Value = camera.get(SETTINGS).unwrap().json().unwrap();
    assert_eq!((&said["modes"], &said["width"]), (&json!([]), &json!(320)));
    // What is asked of it can be changed all the same.
    change(&camera, SETTINGS, &json!({ "fps": 7 }));
}

#[test]
fn the_thread_that_sets_the_camera_outlives_a_crash_of_its_actor() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = camera_in(&testbed);
    change(
        &camera,
        CONTROLS,
        &json!({ "controls": [{ "id": BRIGHTNESS, "value": 10 }] }),
    );
    camera.crash("drive");
    eventually("the actor begins again", PATIENCE, || {
        let restarts = camera.metric("porthole_actor_restarts_total{actor=\"drive\"}")?;
        ensure(restarts > 0.5, restarts)
    });
    assert_eq!(value_of(&controls(&camera), BRIGHTNESS), json!(10));
}

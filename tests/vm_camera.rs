//! Real input: the real binary in a virtual machine, with the kernel's own V4L2 test driver as its
//! camera, seen from outside. `docs/guide/vm.md` tells how to boot the same machine by hand.
//!
//! Skipped, in words, where QEMU or Debian's kernel package cannot be had.

#[path = "vm/inside.rs"]
mod inside;
#[path = "vm/machine.rs"]
mod machine;
#[path = "vm/picture.rs"]
mod picture;
#[path = "vm/web.rs"]
mod web;

use std::io::Write;
use std::path::Path;

use machine::Machine;
use picture::Picture;
use serde_json::{Value, json};
use web::{Answer, Part, Stream, get, get_json, send, until};

const PORTHOLE: &str = env!("CARGO_BIN_EXE_porthole");

#[test]
fn a_v4l2_camera_is_served_and_comes_back_after_it_was_unplugged() {
    let arguments = ["run", "--config", "/etc/porthole.toml"];
    let Some(mut machine) = boot(Path::new(PORTHOLE), &arguments) else {
        return;
    };

    let snapshot = until("the program answers with a picture", || {
        let answer = get(&machine.url("/snapshot.jpg"))?;
        if answer.status == 200 {
            Ok(answer)
        } else {
            Err(answer.status.to_string())
        }
    });
    assert_eq!(snapshot.media_type, "image/jpeg");
    assert_eq!(Picture::decode(&snapshot.body).width, 640);

    let mut stream = Stream::open(&machine.url("/stream.mjpg"));
    let first = stream.part_until("the camera's picture is on the stream", is_live);
    let second = stream.part();
    let (one, two) = (Picture::decode(&first.jpeg), Picture::decode(&second.jpeg));
    assert_eq!((one.width, one.height), (640, 480));
    assert!(two.shows_colour_bars());
    // vivid writes its clock, to the millisecond, and the number of the frame onto the picture.
    assert_ne!(one.pixels_unlike(&two), 0, "successive frames differ");
    assert!(
        second.captured > first.captured,
        "frames are stamped as they are captured"
    );

    let snapshot = get(&machine.url("/snapshot.jpg")).expect("a snapshot beside the stream");
    assert!(Picture::decode(&snapshot.body).shows_colour_bars());
    let camera = camera(&machine).expect("the status");
    assert_eq!(camera["state"], "live", "{camera}");
    assert_eq!(
        (&camera["width"], &camera["height"]),
        (&json!(640), &json!(480)),
        "{camera}"
    );
    let source = camera["source"].as_str().unwrap_or_default();
    for part in ["/dev/video0", "vivid", "YUYV"] {
        assert!(source.contains(part), "{part} is named in {source}");
    }

    assert_eq!(machine.tell("unplug"), "ok");
    let placeholder =
        stream.part_until("the stream shows why there is no picture", |p| !is_live(p));
    let drawn = Picture::decode(&placeholder.jpeg);
    assert_eq!(
        (drawn.width, drawn.height),
        (640, 480),
        "at the size the viewer knows"
    );
    let nodes = machine.tell("nodes");
    assert!(!nodes.contains("video0"), "the device is gone: {nodes}");
    let snapshot = get(&machine.url("/snapshot.jpg")).expect("a snapshot without a camera");
    assert!(!Picture::decode(&snapshot.body).shows_colour_bars());
    let camera = self::camera(&machine).expect("the status");
    assert_eq!(camera["state"], "failed", "{camera}");
    assert_eq!(camera["problem"], "the camera is not connected", "{camera}");

    assert_eq!(machine.tell("plug"), "ok");
    let again = stream.part_until("the camera is back on the same stream", is_live);
    assert!(again.captured > placeholder.captured);
    let next = stream.part();
    let (again, next) = (Picture::decode(&again.jpeg), Picture::decode(&next.jpeg));
    assert_ne!(again.pixels_unlike(&next), 0, "and it moves");

    let (status, console) = machine.stop();
    assert_eq!(status, 0, "SIGTERM ends the program cleanly\n{console}");
}

#[test]
fn size_rate_and_controls_of_a_driver_change_while_it_streams_and_outlive_its_unplugging() {
    let arguments = ["run", "--config", "/etc/porthole.toml"];
    let Some(mut machine) = boot(Path::new(PORTHOLE), &arguments) else {
        return;
    };
    let settings = machine.url("/api/v1/camera/settings");
    let said = until("the program answers", || get_json(&settings));
    let modes = said["modes"].as_array().expect("what it offers");
    let vga = modes
        .iter()
        .find(|m| m["width"] == 640 && m["height"] == 480);
    let rates = vga.expect("640x480 is offered")["fps"].to_string();
    assert!(rates.contains("25"), "{said}");

    // Without a viewer: it is opened for the question alone.
    let listed = controls(&machine);
    assert_eq!(camera(&machine).expect("the status")["state"], "idle");
    let brightness = named(&listed, "Brightness");
    assert_eq!(
        (&brightness["kind"], &brightness["min"], &brightness["max"]),
        (&json!("integer"), &json!(0), &json!(255)),
        "{brightness}"
    );
    let menu = named(&listed, "Menu");
    let values: Vec<_> = menu["options"].as_array().into_iter().flatten().collect();
    let values: Vec<_> = values.iter().map(|option| &option["value"]).collect();
    // vivid leaves 0, 2 and 5 out (`vivid_ctrl_menu`).
    assert_eq!(values, [1, 3, 4], "{menu}");
    assert_eq!(named(&listed, "Integer Menu")["kind"], "menu");
    assert_eq!(named(&listed, "Button")["kind"], "button");
    for odd in ["Integer 64 Bits", "String", "Bitmask", "U8 4 Element Array"] {
        assert!(find(&listed, odd).is_none(), "{odd} is passed over");
    }

    let mut stream = Stream::open(&machine.url("/stream.mjpg"));
    let plain = stream.part_until("the camera's picture is on the stream", is_live);
    let plain = Picture::decode(&plain.jpeg).brightness();
    let both = json!({"controls": [
        {"id": brightness["id"], "value": 220}, {"id": menu["id"], "value": 4},
    ]});
    let answer = patch(&machine, "/api/v1/camera/controls", &both);
    assert_eq!(answer.status, 200, "{}", text(&answer));
    let are_set = |listed: &[Value]| {
        let value = |name| named(listed, name)["value"].clone();
        (value("Brightness"), value("Menu")) == (json!(220), json!(4))
    };
    assert!(are_set(&controls(&machine)), "a fresh read says so");
    // The driver itself draws brighter pictures.
    let is_brighter = |part: &Part| Picture::decode(&part.jpeg).brightness() > plain + 20.0;
    stream.part_until("the stream is brighter", is_brighter);
    for (id, value, range) in [
        (&brightness["id"], 256, "0 to 255"),
        (&menu["id"], 2, "3 ("),
    ] {
        let bad = json!({"controls": [{"id": id, "value": value}]});
        let answer = patch(&machine, "/api/v1/camera/controls", &bad);
        assert_eq!(answer.status, 409);
        assert!(text(&answer).contains(range), "{}", text(&answer));
    }
    let drive = get_json(&machine.url("/api/v1/drive")).expect("the drive");
    assert_eq!(drive["source"], "none", "vivid has no motors: {drive}");
    let answer = send("POST", &machine.url("/api/v1/drive"), &json!("home"));
    assert_eq!(answer.expect("an answer").status, 409);

    assert_eq!(machine.tell("unplug"), "ok");
    let answer = until("the loss is noticed", || {
        let answer = get(&machine.url("/api/v1/camera/controls"))?;
        let is_refused = answer.status == 503;
        is_refused.then_some(answer).ok_or("200".to_owned())
    });
    assert!(text(&answer).contains("not connected"), "{}", text(&answer));
    stream.part_until("a placeholder comes", |p| !is_brighter(p));
    assert_eq!(machine.tell("plug"), "ok");
    stream.part_until("it is as bright as it was set", is_brighter);
    let listed = until("it answers again", || {
        let listed = get_json(&machine.url("/api/v1/camera/controls"))?;
        listed.as_array().cloned().ok_or(listed.to_string())
    });
    assert!(are_set(&listed), "{listed:?}");

    let answer = patch(&machine, "/api/v1/camera/settings", &json!({"fps": 10}));
    assert_eq!(answer.status, 200, "{}", text(&answer));
    stream.part_until("the stream goes on at another rate", is_brighter);
    let larger = json!({"width": 1280, "height": 720});
    let answer = patch(&machine, "/api/v1/camera/settings", &larger);
    assert_eq!(answer.status, 200, "{}", text(&answer));
    let sizes = stream.sizes_until_the_end();
    assert!(sizes.iter().all(|size| *size == (640, 480)), "{sizes:?}");
    until("pictures of the new size come", || {
        let snapshot = get(&machine.url("/snapshot.jpg"))?;
        if snapshot.status != 200 {
            return Err(snapshot.status.to_string());
        }
        let size = Picture::decode(&snapshot.body).width;
        (size == 1280).then_some(()).ok_or(size.to_string())
    });
    let (status, console) = machine.stop();
    assert_eq!(status, 0, "{console}");
}

fn controls(machine: &Machine) -> Vec<Value> {
    let listed = get_json(&machine.url("/api/v1/camera/controls")).expect("the controls");
    let listed = listed.as_array().cloned();
    listed.expect("a list")
}

fn find<'a>(listed: &'a [Value], name: &str) -> Option<&'a Value> {
    listed.iter().find(|control| control["name"] == name)
}

fn named<'a>(listed: &'a [Value], name: &str) -> &'a Value {
    find(listed, name).unwrap_or_else(|| panic!("no {name} in {listed:?}"))
}

fn patch(machine: &Machine, path: &str, body: &Value) -> Answer {
    send("PATCH", &machine.url(path), body).expect("an answer")
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[test]
fn every_fault_that_the_driver_can_inject_is_an_error_and_the_next_open_works() {
    let this = std::env::current_exe().expect("this test's own path");
    let arguments = ["--ignored", "--exact", inside::TEST, "--nocapture"];
    let Some(mut machine) = boot(&this, &arguments) else {
        return;
    };
    let (status, console) = machine.status();
    assert_eq!(status, 0, "{console}");
    assert!(console.contains("1 passed"), "it ran\n{console}");
}

/// A machine that runs `program`; nothing, said aloud, where it cannot be had.
fn boot(program: &Path, arguments: &[&str]) -> Option<Machine> {
    match Machine::boot(program, arguments) {
        Ok(machine) => Some(machine),
        Err(why) => {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("vm_camera");
            // Not with eprintln, which the test harness swallows when a test passes.
            let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
            None
        }
    }
}

fn is_live(part: &Part) -> bool {
    Picture::decode(&part.jpeg).shows_colour_bars()
}

/// What `/api/v1/status` says of the camera.
fn camera(machine: &Machine) -> Result<Value, String> {
    let mut status = get_json(&machine.url("/api/v1/status"))?;
    Ok(status["camera"].take())
}

//! Real input: the real binary in a small machine, with the kernel's own V4L2 test driver as its camera, seen from
//! outside. `docs/guide/vm.md` tells how to boot the same machine by hand.
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
use web::{Part, Stream, get, get_json, until};

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

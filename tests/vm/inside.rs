//! What runs inside the virtual machine: the V4L2 source against every fault that `vivid` can
//! inject (`drivers/media/test-drivers/vivid/vivid-ctrls.c`).

use std::time::Duration;

use porthole_camera::format::PixelFormat;
use porthole_camera::frame::RawFrame;
use porthole_camera::source::{RequestedMode, Source, SourceError, SourceOpener};
use porthole_camera::v4l2::{Usability, V4l2Opener, devices, first_camera};
use v4l::Device;
use v4l::control::{Control, Value};

/// The test's name, for the harness inside.
pub(crate) const TEST: &str = "inside::the_v4l2_source_withstands_its_driver";

const VGA: RequestedMode = RequestedMode {
    width: 640,
    height: 480,
    fps: 30,
};
const CAMERA: &str = "/dev/video0";
/// Bytes of a 640x480 frame in YUYV.
const WHOLE: usize = 640 * 480 * 2;
/// Far longer than a frame takes, even emulated.
const LONG: Duration = Duration::from_secs(20);
/// Long enough for a frame to come, if one came.
const SHORT: Duration = Duration::from_millis(400);

// `VIVID_CID_VIVID_BASE` and what follows it.
const BASE: u32 = 0x00f0_f000;
const PERCENT_DROPPED: u32 = BASE + 64;
const DISCONNECT: u32 = BASE + 65;
const DAMAGED_BUFFER: u32 = BASE + 66;
const REQBUFS_ERROR: u32 = BASE + 67;
const QBUF_ERROR: u32 = BASE + 68;
const STREAMON_ERROR: u32 = BASE + 69;
const FATAL_ERROR: u32 = BASE + 70;

#[test]
#[ignore = "runs inside the virtual machine, as the only program there"]
fn the_v4l2_source_withstands_its_driver() {
    devices_are_told_apart();
    the_nearest_size_and_rate_are_taken();
    frames_are_whole_and_in_order();
    a_second_user_is_told_that_the_camera_is_busy();
    a_silent_camera_blocks_nobody_and_goes_on_where_it_stopped();
    a_damaged_frame_has_no_bytes();
    for fault in [REQBUFS_ERROR, QBUF_ERROR, STREAMON_ERROR] {
        a_refused_start_is_an_error(fault);
    }
    for fault in [FATAL_ERROR, DISCONNECT] {
        a_camera_that_leaves_while_it_streams_is_gone(fault);
    }
}

fn devices_are_told_apart() {
    let listed = devices();
    assert_eq!(
        first_camera(&listed).map(|d| d.path.as_path()),
        Some(CAMERA.as_ref())
    );
    let [camera, planes, output] = listed.as_slice() else {
        panic!("three devices, not {listed:?}");
    };
    assert_eq!(camera.name, "vivid-000-vid-cap");
    let Usability::Camera { formats } = &camera.usability else {
        panic!("{camera:?}");
    };
    assert!(formats.contains(&PixelFormat::Yuyv) && formats.contains(&PixelFormat::Nv12));
    let why = |device: &porthole_camera::v4l2::VideoDevice| match &device.usability {
        Usability::Unusable { why } => why.clone(),
        Usability::Camera { .. } => panic!("{device:?}"),
    };
    assert!(why(planes).contains("multi-planar"), "{planes:?}");
    assert!(why(output).contains("not a camera"), "{output:?}");
    let refused = V4l2Opener::at(&planes.path).open(&VGA).err();
    assert!(
        matches!(refused, Some(SourceError::Unsupported { .. })),
        "{refused:?}"
    );
}

fn the_nearest_size_and_rate_are_taken() {
    let opened = |width, height, fps| {
        let source = V4l2Opener::first().open(&RequestedMode { width, height, fps });
        source.expect("it opens").describe()
    };
    assert_eq!(
        opened(640, 480, 25),
        "V4L2 /dev/video0: vivid, 640x480 YUYV at 25/s"
    );
    // 2/25 s: an interval whose numerator is not 1.
    assert!(opened(1280, 720, 30).ends_with("1280x720 YUYV at 12.5/s"));
    assert!(opened(700, 500, 1).ends_with("640x480 YUYV at 1/s"));
}

fn frames_are_whole_and_in_order() {
    let mut source = open();
    let frames: Vec<RawFrame> = (0..10).map(|_| frame(&mut *source)).collect();
    for pair in frames.windows(2) {
        assert!(pair[1].sequence > pair[0].sequence);
        assert!(pair[1].captured > pair[0].captured && pair[1].captured_at > pair[0].captured_at);
        assert_ne!(pair[1].data, pair[0].data, "vivid's clock runs");
    }
    for frame in &frames {
        assert_eq!(frame.data.len(), WHOLE);
        assert_eq!(frame.format, source.format());
    }
}

fn a_second_user_is_told_that_the_camera_is_busy() {
    let mut first = open();
    frame(&mut *first);
    let second = V4l2Opener::at(CAMERA).open(&VGA).err();
    assert!(matches!(second, Some(SourceError::Busy)), "{second:?}");
    frame(&mut *first);
}

fn a_silent_camera_blocks_nobody_and_goes_on_where_it_stopped() {
    let mut source = open();
    // Before its first frame, and in the middle of the stream.
    for _ in 0..2 {
        set(PERCENT_DROPPED, 100);
        // One that was captured before the control was set may still come.
        let rest = (0..4).map(|_| source.next_frame(SHORT).expect("silence is no error"));
        assert!(rest.last().flatten().is_none(), "nothing comes");
        set(PERCENT_DROPPED, 0);
        frame(&mut *source);
    }
}

fn a_damaged_frame_has_no_bytes() {
    let mut source = open();
    frame(&mut *source);
    set(DAMAGED_BUFFER, 1);
    let sizes: Vec<usize> = (0..8).map(|_| frame(&mut *source).data.len()).collect();
    let damaged = sizes.iter().filter(|&&size| size == 0).count();
    let whole = sizes.iter().filter(|&&size| size == WHOLE).count();
    assert_eq!((damaged, whole), (1, 7), "{sizes:?}");
}

fn a_refused_start_is_an_error(fault: u32) {
    set(fault, 1);
    let refused = V4l2Opener::at(CAMERA)
        .open(&VGA)
        .and_then(|mut source| source.next_frame(LONG))
        .err();
    assert!(
        matches!(refused, Some(SourceError::Io { .. })),
        "{fault:#x}: {refused:?}"
    );
    frame(&mut *open());
}

fn a_camera_that_leaves_while_it_streams_is_gone(fault: u32) {
    let mut source = open();
    frame(&mut *source);
    set(fault, 1);
    // What was captured before is still delivered.
    let end = (0..8).find_map(|_| source.next_frame(LONG).err());
    assert!(
        matches!(end, Some(SourceError::Gone)),
        "{fault:#x}: {end:?}"
    );
    drop(source);
    frame(&mut *open());
}

fn open() -> Box<dyn Source> {
    V4l2Opener::at(CAMERA).open(&VGA).expect("it opens")
}

fn frame(source: &mut dyn Source) -> RawFrame {
    let frame = source.next_frame(LONG).expect("no error");
    frame.expect("a frame comes")
}

/// Sets one of vivid's controls through a handle of our own, as another program would.
fn set(id: u32, value: i64) {
    let device = Device::with_path(CAMERA).expect("a second handle");
    let control = Control {
        id,
        value: Value::Integer(value),
    };
    device
        .set_control(control)
        .expect("vivid takes the control");
}

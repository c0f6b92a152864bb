//! The capture and encoder loops on their own threads, with a camera that does what the test says.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use bytes::Bytes;

use super::*;
use crate::encode::EncodeLoop;
use crate::format::FrameFormat;
use crate::frame::Picture;
use crate::viewers::{PictureFeed, Viewer};

const LIMIT: Duration = Duration::from_secs(30);

/// What the camera does at one opening.
enum Opening {
    Refuse(SourceError),
    /// Sends frames of this kind until told to stop; then it is gone.
    Send(FrameKind),
}

#[derive(Clone)]
enum FrameKind {
    Grey {
        width: u32,
        height: u32,
    },
    Mjpeg(Bytes),
    /// One frame, then unplugged.
    OneThenGone,
}

/// A camera that follows a script; when that is over it sends grey frames.
#[derive(Clone, Default)]
struct Camera {
    script: Arc<Mutex<VecDeque<Opening>>>,
    opened: Arc<AtomicUsize>,
    open_now: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<RequestedMode>>>,
}

impl SourceOpener for Camera {
    fn open(&self, wanted: &RequestedMode) -> Result<Box<dyn Source>, SourceError> {
        self.asked.lock().unwrap().push(*wanted);
        let opening = self.script.lock().unwrap().pop_front();
        let kind = match opening {
            Some(Opening::Refuse(error)) => return Err(error),
            Some(Opening::Send(kind)) => kind,
            None => FrameKind::Grey {
                width: wanted.width,
                height: wanted.height,
            },
        };
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.open_now.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Scripted {
            kind,
            sent: 0,
            open_now: self.open_now.clone(),
        }))
    }
}

struct Scripted {
    kind: FrameKind,
    sent: u64,
    open_now: Arc<AtomicUsize>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.open_now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Source for Scripted {
    fn format(&self) -> FrameFormat {
        match self.kind {
            FrameKind::Grey { width, height } => {
                FrameFormat::tight(PixelFormat::Grey, width, height)
            }
            FrameKind::Mjpeg(_) => FrameFormat::tight(PixelFormat::Mjpeg, 32, 24),
            FrameKind::OneThenGone => FrameFormat::tight(PixelFormat::Grey, 32, 24),
        }
    }

    fn describe(&self) -> String {
        "a scripted camera".into()
    }

    fn next_frame(&mut self, _: Duration) -> Result<Option<RawFrame>, SourceError> {
        let format = self.format();
        let data = match &self.kind {
            FrameKind::OneThenGone if self.sent > 0 => return Err(SourceError::Gone),
            FrameKind::Mjpeg(frame) => frame.clone(),
            _ => vec![90; format.frame_bytes().unwrap()].into(),
        };
        // A camera's pace: without it the loop would spin.
        thread::sleep(Duration::from_millis(5));
        self.sent += 1;
        Ok(Some(RawFrame {
            format,
            data,
            captured_at: SystemTime::now(),
            captured: Instant::now(),
            sequence: self.sent,
        }))
    }
}

#[derive(Default)]
struct Counts {
    captured: AtomicU64,
    encoded: AtomicU64,
    truncated: AtomicU64,
}

impl CameraObserver for Counts {
    fn captured(&self) {
        self.captured.fetch_add(1, Ordering::SeqCst);
    }
    fn discarded(&self, why: Discard) {
        if why == Discard::Truncated {
            self.truncated.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn device(&self, _: DeviceStatus) {}
    fn encoded(&self, _: Duration, _: usize) {
        self.encoded.fetch_add(1, Ordering::SeqCst);
    }
    fn shown(&self, _: Duration) {}
}

/// Both loops running over a scripted camera.
struct RunningLoops {
    feed: PictureFeed,
    camera: Camera,
    counts: Arc<Counts>,
    health: watch::Receiver<CameraHealth>,
    settings: watch::Sender<CameraSettings>,
    going: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

const REQUESTED: RequestedMode = RequestedMode {
    width: 64,
    height: 48,
    fps: 30,
};

impl RunningLoops {
    fn start(script: impl IntoIterator<Item = Opening>) -> Self {
        let camera = Camera::default();
        camera.script.lock().unwrap().extend(script);
        let viewer_count = Arc::new(ViewerCount::new(8));
        let pictures = Arc::new(PictureSlot::new());
        let frames = Arc::new(FrameSlot::new());
        let counts = Arc::new(Counts::default());
        let (health_sender, health) = watch::channel(CameraHealth::Idle);
        let (settings, follow) = watch::channel(CameraSettings {
            requested: REQUESTED,
            quality: Quality::STREAM,
            idle_close: Duration::ZERO,
        });
        let mut capture = CaptureLoop {
            name: watch::channel("Gate".to_owned()).1,
            opener: Box::new(camera.clone()),
            viewer_count: viewer_count.clone(),
            frames: frames.clone(),
            pictures: pictures.clone(),
            health: health_sender,
            settings: follow.clone(),
            on_open: Box::new(|| {}),
            observer: counts.clone(),
            last_size: None,
        };
        let encoding = EncodeLoop {
            frames,
            pictures: pictures.clone(),
            settings: follow,
            observer: counts.clone(),
        };
        let going = Arc::new(AtomicBool::new(true));
        let (a, b) = (going.clone(), going.clone());
        let threads = vec![
            thread::spawn(move || capture.run(&|| a.load(Ordering::SeqCst))),
            thread::spawn(move || encoding.run(&|| b.load(Ordering::SeqCst))),
        ];
        Self {
            feed: PictureFeed::new(viewer_count, pictures),
            camera,
            counts,
            health,
            settings,
            going,
            threads,
        }
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&CameraHealth) -> bool) -> CameraHealth {
        let waited = tokio::time::timeout(LIMIT, self.health.wait_for(|h| is_so(h))).await;
        let health = waited.unwrap_or_else(|_| panic!("the camera never was {what}"));
        health.unwrap().clone()
    }

    async fn until_live(&mut self) {
        self.until("live", |h| matches!(h, CameraHealth::Live { .. }))
            .await;
    }
}

impl Drop for RunningLoops {
    fn drop(&mut self) {
        self.going.store(false, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "a loop panicked");
        }
        assert_eq!(self.camera.open_now.load(Ordering::SeqCst), 0);
    }
}

/// The next picture for which `is_so` holds.
async fn picture(viewer: &mut Viewer, is_so: impl Fn(&Picture) -> bool) -> Arc<Picture> {
    let found = tokio::time::timeout(LIMIT, async {
        loop {
            let picture = viewer.next().await.unwrap();
            if is_so(&picture) {
                return picture;
            }
        }
    });
    found.await.expect("no such picture came in time")
}

fn live(jpeg: &Picture) -> bool {
    jpeg.kind == PictureKind::Live
}

fn placeholder(jpeg: &Picture) -> bool {
    jpeg.kind == PictureKind::Placeholder
}

fn mjpeg_frame() -> Bytes {
    let frame = RawFrame {
        format: FrameFormat::tight(PixelFormat::Grey, 32, 24),
        data: vec![50; 32 * 24].into(),
        captured_at: SystemTime::now(),
        captured: Instant::now(),
        sequence: 1,
    };
    Encoder::new().encode(&frame, Quality::STREAM).unwrap()
}

#[tokio::test]
async fn the_camera_opens_with_the_first_viewer_and_closes_after_the_last() {
    let mut loops = RunningLoops::start([]);
    assert_eq!(loops.camera.opened.load(Ordering::SeqCst), 0);
    for opening in 1..=2 {
        let mut viewer = loops.feed.subscribe().unwrap();
        let shown = picture(&mut viewer, live).await;
        assert_eq!((shown.width, shown.height), (64, 48));
        let second = loops.feed.subscribe().unwrap();
        drop(viewer);
        assert_eq!(loops.camera.open_now.load(Ordering::SeqCst), 1);
        drop(second);
        loops.until("idle", |h| *h == CameraHealth::Idle).await;
        assert_eq!(loops.camera.open_now.load(Ordering::SeqCst), 0);
        assert_eq!(loops.camera.opened.load(Ordering::SeqCst), opening);
    }
}

#[tokio::test]
async fn a_viewer_after_an_idle_time_gets_no_picture_from_before() {
    let mut loops = RunningLoops::start([]);
    let mut viewer = loops.feed.subscribe().unwrap();
    picture(&mut viewer, live).await;
    drop(viewer);
    loops.until("idle", |h| *h == CameraHealth::Idle).await;
    let came_back = Instant::now();
    let mut viewer = loops.feed.subscribe().unwrap();
    let first = picture(&mut viewer, |_| true).await;
    assert!(first.captured >= came_back);
}

#[tokio::test]
async fn a_camera_that_does_not_open_shows_why_and_is_tried_again() {
    let mut loops = RunningLoops::start([Opening::Refuse(SourceError::Busy)]);
    let mut viewer = loops.feed.subscribe().unwrap();
    let drawn = picture(&mut viewer, |_| true).await;
    assert!(placeholder(&drawn));
    assert_eq!((drawn.width, drawn.height), (64, 48));
    turbojpeg::decompress(&drawn.bytes, turbojpeg::PixelFormat::RGB).unwrap();
    let failed = loops.until("failed", |h| matches!(h, CameraHealth::Failed { .. }));
    let reason = "another program is using the camera".to_owned();
    assert_eq!(failed.await, CameraHealth::Failed { reason });
    picture(&mut viewer, live).await;
    loops.until_live().await;
}

#[tokio::test]
async fn an_unplugged_camera_leaves_a_placeholder_of_its_size_and_comes_back() {
    let mut loops = RunningLoops::start([Opening::Send(FrameKind::OneThenGone)]);
    let mut viewer = loops.feed.subscribe().unwrap();
    let drawn = picture(&mut viewer, placeholder).await;
    assert_eq!(
        (drawn.width, drawn.height),
        (32, 24),
        "the size of the last picture"
    );
    let back = picture(&mut viewer, live).await;
    assert!(back.sequence > drawn.sequence);
    loops.until_live().await;
    assert_eq!(loops.camera.opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_camera_of_which_every_frame_is_cut_off_is_named_as_broken() {
    let whole = mjpeg_frame();
    let cut = whole.slice(..whole.len() - 10);
    let mut loops = RunningLoops::start([Opening::Send(FrameKind::Mjpeg(cut))]);
    let mut viewer = loops.feed.subscribe().unwrap();
    let first = picture(&mut viewer, |_| true).await;
    assert!(placeholder(&first), "a truncated frame is never shown");
    let failed = loops
        .until("failed", |h| matches!(h, CameraHealth::Failed { .. }))
        .await;
    let CameraHealth::Failed { reason } = failed else {
        unreachable!()
    };
    assert!(reason.contains("truncated"), "{reason}");
    assert_eq!(
        loops.counts.truncated.load(Ordering::SeqCst),
        u64::from(MAX_BAD_IN_A_ROW)
    );
}

#[tokio::test]
async fn mjpeg_reaches_the_viewer_byte_for_byte() {
    let frame = mjpeg_frame();
    let loops = RunningLoops::start([Opening::Send(FrameKind::Mjpeg(frame.clone()))]);
    let mut viewer = loops.feed.subscribe().unwrap();
    let shown = picture(&mut viewer, |_| true).await;
    assert_eq!(shown.bytes, frame);
    assert_eq!((shown.width, shown.height), (32, 24));
}

#[tokio::test]
async fn another_size_is_taken_up_without_a_restart() {
    let mut loops = RunningLoops::start([]);
    let mut viewer = loops.feed.subscribe().unwrap();
    picture(&mut viewer, |p| p.width == 64).await;
    loops.settings.send_modify(|s| s.requested.width = 128);
    picture(&mut viewer, |p| live(p) && p.width == 128).await;
    loops.until_live().await;
    let asked = loops.camera.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().map(|w| w.width).collect::<Vec<_>>(), [64, 128]);
}

#[tokio::test]
async fn viewers_share_one_encode_of_each_frame() {
    let loops = RunningLoops::start([]);
    let mut first = loops.feed.subscribe().unwrap();
    let mut second = loops.feed.subscribe().unwrap();
    for _ in 0..20 {
        let a = picture(&mut first, |_| true).await;
        let b = picture(&mut second, |p| p.sequence >= a.sequence).await;
        if a.sequence == b.sequence {
            assert_eq!(a.bytes.as_ptr(), b.bytes.as_ptr());
        }
    }
    let captured = loops.counts.captured.load(Ordering::SeqCst);
    let encoded = loops.counts.encoded.load(Ordering::SeqCst);
    assert!((1..=captured).contains(&encoded), "{encoded} of {captured}");
}

#[test]
fn a_raw_frame_shorter_than_its_format_is_discarded() {
    let format = FrameFormat::tight(PixelFormat::Yuyv, 8, 8);
    let frame = |bytes| RawFrame {
        format,
        data: vec![0; bytes].into(),
        captured_at: SystemTime::now(),
        captured: Instant::now(),
        sequence: 0,
    };
    assert_eq!(check_frame(&frame(128)), Ok((8, 8)));
    assert_eq!(check_frame(&frame(127)), Err(Discard::Malformed));
}

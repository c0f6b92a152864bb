//! The attendant with a camera that does what the test says, and the desk in front of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use super::*;
use crate::control::tests::control;
use crate::control::{Access, ControlId};
use crate::drive::{Axis, Pose};
use crate::user_overrides::ControlChoice;
use porthole_durable::{Store, Writer};

const GAIN: ControlId = ControlId(1);
const AUTO: ControlId = ControlId(5);
/// In use while [`AUTO`] is 0.
const EXPOSURE: ControlId = ControlId(2);
const RESET: ControlId = ControlId(7);
const LIMIT: Duration = Duration::from_secs(30);

/// A camera whose controls are as wished; clones are the same one.
#[derive(Clone, Default)]
struct Fake(Arc<Inside>);

#[derive(Default)]
struct Inside {
    controls: Mutex<BTreeMap<ControlId, Control>>,
    connection: AtomicU64,
    is_gone: AtomicBool,
    /// What was set, in order.
    set: Mutex<Vec<(u32, i32)>>,
    refuses: Mutex<Option<ControlId>>,
}

impl Fake {
    fn with(controls: impl IntoIterator<Item = Control>) -> Self {
        let fake = Self::default();
        let controls = controls.into_iter().map(|control| (control.id, control));
        *fake.0.controls.lock().unwrap() = controls.collect();
        fake
    }

    fn usual() -> Self {
        let mut exposure = control(EXPOSURE.0, Kind::Integer);
        exposure.access = Access::Inactive;
        let mut source_selector = control(AUTO.0, Kind::Boolean);
        (
            source_selector.min,
            source_selector.max,
            source_selector.value,
        ) = (0, 1, Some(1));
        let others = [
            control(GAIN.0, Kind::Integer),
            control(RESET.0, Kind::Button),
        ];
        Self::with([exposure, source_selector].into_iter().chain(others))
    }

    fn value(&self, id: ControlId) -> Option<i32> {
        self.0.controls.lock().unwrap()[&id].value
    }

    fn taken(&self) -> Vec<(u32, i32)> {
        std::mem::take(&mut self.0.set.lock().unwrap())
    }

    /// Unplugged and plugged in again: it has forgotten everything.
    fn replug(&self) {
        self.0.connection.fetch_add(1, Ordering::SeqCst);
        *self.0.controls.lock().unwrap() = Self::usual().0.controls.lock().unwrap().clone();
    }
}

impl ControlDeviceOpener for Fake {
    fn control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError> {
        if self.0.is_gone.load(Ordering::SeqCst) {
            return Err(SourceError::Gone);
        }
        Ok(Box::new(self.clone()))
    }
}

impl ControlDevice for Fake {
    fn camera(&self) -> &'static str {
        "a fake"
    }
    fn kind(&self) -> DeviceKind {
        DeviceKind::Device
    }
    fn connection(&self) -> ConnectionId {
        ConnectionId(self.0.connection.load(Ordering::SeqCst))
    }
    fn controls(&self, _: Instant) -> Result<Vec<Control>, SourceError> {
        Ok(self.0.controls.lock().unwrap().values().cloned().collect())
    }
    fn control(&self, id: ControlId) -> Result<Option<Control>, SourceError> {
        Ok(self.0.controls.lock().unwrap().get(&id).cloned())
    }
    fn set(&self, id: ControlId, value: i32) -> Result<(), SourceError> {
        if *self.0.refuses.lock().unwrap() == Some(id) {
            return Err(SourceError::Io {
                what: "setting a control".to_owned(),
                source: std::io::Error::from_raw_os_error(libc::EACCES),
            });
        }
        self.0.set.lock().unwrap().push((id.0, value));
        let mut controls = self.0.controls.lock().unwrap();
        let control = controls.get_mut(&id).expect("a control that there is");
        control.value = control.value.map(|_| value);
        if id == AUTO
            && let Some(exposure) = controls.get_mut(&EXPOSURE)
        {
            exposure.access = if value == 0 {
                Access::Writable
            } else {
                Access::Inactive
            };
        }
        Ok(())
    }
    fn modes(&self, _: Instant) -> Vec<Mode> {
        Vec::new()
    }
}

struct Notebook {
    choice: Mutex<ControlChoice>,
    disk: Writer<()>,
}

/// Stores nothing, and says that it did.
struct NoDisk;

impl Store<()> for NoDisk {
    type Error = std::convert::Infallible;

    fn save(&self, (): &()) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl Memory for Arc<Notebook> {
    fn of(&self, camera: &str) -> Vec<Change> {
        self.choice.lock().unwrap().of(camera)
    }
    fn remember(&self, camera: &str, set: &[Change]) -> PendingWrite {
        self.choice.lock().unwrap().remember(camera, set);
        self.disk.update(|()| {})
    }
}

fn control_worker(fake: &Fake, drive: DriveSource) -> (ControlWorker, Arc<Notebook>) {
    let notebook = Arc::new(Notebook {
        choice: Mutex::default(),
        disk: Writer::start(NoDisk, ()).unwrap(),
    });
    let control_worker = ControlWorker {
        devices: Box::new(fake.clone()),
        drive,
        test_pattern: TestPatternDevice::default(),
        memory: Box::new(Arc::clone(&notebook)),
        offered: watch::Sender::new(None),
        settled: None,
    };
    (control_worker, notebook)
}

fn change(id: ControlId, value: i32) -> Change {
    Change { id, value }
}

#[test]
fn what_was_set_is_set_again_on_a_camera_that_was_plugged_in_anew_and_not_before() {
    let fake = Fake::usual();
    let (mut control_worker, _) = control_worker(&fake, DriveSource::Auto);
    let both = [change(AUTO, 0), change(EXPOSURE, 9), change(RESET, 1)];
    let (controls, _) = control_worker.set(&both).unwrap();
    let exposure = controls.iter().find(|c| c.id == EXPOSURE).unwrap();
    assert_eq!(exposure.value, Some(9));
    assert_eq!(fake.taken(), [(5, 0), (2, 9), (7, 1)]);

    // By another program: that is no reason to take it back.
    fake.set(EXPOSURE, 3).unwrap();
    fake.taken();
    control_worker.controls().unwrap();
    assert_eq!(fake.taken(), []);

    fake.replug();
    control_worker.controls().unwrap();
    // The exposure, of the lower number, goes only the second time; the button is not pushed again.
    assert_eq!(fake.taken(), [(5, 0), (2, 9)]);
    control_worker.opened();
    assert_eq!(fake.taken(), [], "they are so already");
}

#[test]
fn one_that_the_camera_refuses_is_named_and_those_before_it_are_kept() {
    let fake = Fake::usual();
    let (mut control_worker, notebook) = control_worker(&fake, DriveSource::Auto);
    *fake.0.refuses.lock().unwrap() = Some(AUTO);
    let trouble = control_worker
        .set(&[change(GAIN, 4), change(AUTO, 0), change(GAIN, 5)])
        .err()
        .unwrap();
    let words = trouble.to_string();
    assert!(matches!(trouble, ControlError::NotTaken { .. }), "{words}");
    assert!(
        words.contains("Control 5") && words.contains("Permission denied"),
        "{words}"
    );
    assert_eq!(fake.value(GAIN), Some(4));
    let remembered = notebook.choice.lock().unwrap().of("a fake");
    assert_eq!(remembered, [change(GAIN, 4)]);
}

#[test]
fn nothing_is_set_where_one_of_them_cannot_be() {
    let fake = Fake::usual();
    let (mut control_worker, _) = control_worker(&fake, DriveSource::Auto);
    for bad in [change(GAIN, 11), change(ControlId(77), 0)] {
        assert!(control_worker.set(&[change(GAIN, 4), bad]).is_err());
    }
    assert_eq!(fake.taken(), []);
}

#[test]
fn a_motor_is_moved_within_its_limits_and_never_moved_again_at_the_next_opening() {
    let mut pan = control(ControlId::PAN.0, Kind::Integer);
    (pan.min, pan.max) = (-36_000, 36_000);
    let fake = Fake::with([pan]);
    let (mut control_worker, _) = control_worker(&fake, DriveSource::V4l);
    let to = |pan| Pose {
        pan: Some(pan),
        ..Pose::default()
    };
    let at = control_worker.turn(Turn::To(to(i32::MAX))).unwrap();
    assert_eq!(at.axis(Axis::Pan).unwrap().at, 36_000);
    let at = control_worker.turn(Turn::By(to(-6000))).unwrap();
    assert_eq!(at.axis(Axis::Pan).unwrap().at, 30_000);
    let (_, kept) = control_worker.set(&[change(ControlId::PAN, 100)]).unwrap();
    kept.soon();
    control_worker.turn(Turn::Home).unwrap();
    fake.taken();
    control_worker.opened();
    assert_eq!(fake.taken(), []);
}

#[test]
fn the_settings_say_what_moves() {
    let fake = Fake::usual();
    for (source, kind) in [
        (DriveSource::None, None),
        (DriveSource::V4l, None),
        (DriveSource::Auto, None),
        (DriveSource::Simulated, Some(DeviceKind::TestPattern)),
    ] {
        let (mut control_worker, _) = control_worker(&fake, source);
        let pointing = control_worker.pointing().unwrap();
        assert_eq!(pointing.map(|p| p.kind), kind, "{source:?}");
        assert_eq!(
            control_worker.turn(Turn::Home).is_ok(),
            kind.is_some(),
            "{source:?}"
        );
    }
}

#[test]
fn a_camera_that_is_not_there_is_an_error_and_is_restored_when_it_comes() {
    let fake = Fake::usual();
    let (mut control_worker, _) = control_worker(&fake, DriveSource::Auto);
    let (_, kept) = control_worker.set(&[change(GAIN, 4)]).unwrap();
    kept.soon();
    fake.0.is_gone.store(true, Ordering::SeqCst);
    control_worker.opened();
    let trouble = control_worker.controls().unwrap_err();
    assert!(matches!(trouble, ControlError::Camera(SourceError::Gone)));
    fake.0.is_gone.store(false, Ordering::SeqCst);
    fake.replug();
    control_worker.controls().unwrap();
    assert_eq!(fake.value(GAIN), Some(4));
}

/// A desk with a thread that attends to it.
struct Staffed {
    control_queue: Arc<ControlQueue>,
    going: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Staffed {
    fn at(control_queue: Arc<ControlQueue>) -> Self {
        let going = Arc::new(AtomicBool::new(true));
        let (theirs, go_on) = (Arc::clone(&control_queue), Arc::clone(&going));
        let thread = thread::spawn(move || {
            let (mut control_worker, _notebook) = control_worker(&Fake::usual(), DriveSource::Auto);
            control_worker.run(&theirs, &|| go_on.load(Ordering::SeqCst));
        });
        Self {
            control_queue,
            going,
            thread: Some(thread),
        }
    }
}

impl Drop for Staffed {
    fn drop(&mut self) {
        self.going.store(false, Ordering::SeqCst);
        let ended = self.thread.take().expect("it is joined once").join();
        assert!(ended.is_ok() || thread::panicking(), "the loop panicked");
    }
}

#[tokio::test]
async fn questions_are_answered_one_after_the_other() {
    let staffed = Staffed::at(Arc::new(ControlQueue::new(LIMIT)));
    let controls = staffed.control_queue.ask(ControlWorker::controls).await;
    assert_eq!(controls.unwrap().len(), 4);
    let set = staffed
        .control_queue
        .ask(|control_worker| control_worker.set(&[change(GAIN, 4)]));
    set.await.unwrap().1.wait().await.unwrap();
}

#[tokio::test]
async fn while_the_thread_hangs_askers_wait_a_bounded_time_and_what_they_left_is_never_done() {
    let control_queue = Arc::new(ControlQueue::new(Duration::from_millis(50)));
    let done = Arc::new(AtomicU64::new(0));
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let (control_queue, done) = (Arc::clone(&control_queue), Arc::clone(&done));
            let question = move |_: &mut ControlWorker| {
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            tokio::spawn(async move { control_queue.ask(question).await })
        })
        .collect();
    let (mut late, mut full) = (0, 0);
    for asked in waiting {
        match asked.await.unwrap() {
            Err(ControlError::Late) => late += 1,
            Err(ControlError::Full) => full += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((late, full), (16, 4));

    // The thread comes to itself, or another takes its place.
    let staffed = Staffed::at(control_queue);
    let answered = async { while staffed.control_queue.ask(|_| Ok(())).await.is_err() {} };
    tokio::time::timeout(LIMIT, answered).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_question_that_panics_is_told_as_a_failure() {
    let control_queue = Arc::new(ControlQueue::new(LIMIT));
    let theirs = Arc::clone(&control_queue);
    let thread = thread::spawn(move || {
        let (mut control_worker, _notebook) = control_worker(&Fake::usual(), DriveSource::Auto);
        control_worker.run(&theirs, &|| true);
    });
    let asked: Result<(), _> = control_queue.ask(|_| panic!("odd answer")).await;
    assert!(matches!(asked, Err(ControlError::Failed)), "{asked:?}");
    assert!(thread.join().is_err(), "its actor starts it again");
}

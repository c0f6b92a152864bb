//! The worker with a camera that does what the test says, and the queue in front of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::*;
use crate::control::tests::control;
use crate::control::{Access, ControlId};
use crate::drive::{Axis, Pose};
use crate::user_overrides::ControlOverrides;
use porthole_durable::{Store, Writer};

const GAIN: ControlId = ControlId(1);
const AUTO: ControlId = ControlId(5);
/// In use while [`AUTO`] is 0.
const EXPOSURE: ControlId = ControlId(2);
const RESET: ControlId = ControlId(7);
const LIMIT: Duration = Duration::from_secs(30);

/// A camera with the controls that a test gives it; clones are the same one.
#[derive(Clone, Default)]
struct FakeDevice(Arc<FakeState>);

#[derive(Default)]
struct FakeState {
    controls: Mutex<BTreeMap<ControlId, Control>>,
    connection: AtomicU64,
    is_gone: AtomicBool,
    /// What was set, in order.
    set: Mutex<Vec<(u32, i32)>>,
    refuses: Mutex<Option<ControlId>>,
}

impl FakeDevice {
    fn with(controls: impl IntoIterator<Item = Control>) -> Self {
        let fake = Self::default();
        let controls = controls.into_iter().map(|control| (control.id, control));
        *fake.0.controls.lock().unwrap() = controls.collect();
        fake
    }

    fn usual() -> Self {
        let mut exposure = control(EXPOSURE.0, ControlKind::Integer);
        exposure.access = Access::Inactive;
        let mut auto = control(AUTO.0, ControlKind::Boolean);
        (auto.min, auto.max, auto.value) = (0, 1, Some(1));
        let others = [
            control(GAIN.0, ControlKind::Integer),
            control(RESET.0, ControlKind::Button),
        ];
        Self::with([exposure, auto].into_iter().chain(others))
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

impl ControlDeviceOpener for FakeDevice {
    fn open_control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError> {
        if self.0.is_gone.load(Ordering::SeqCst) {
            return Err(SourceError::Gone);
        }
        Ok(Box::new(self.clone()))
    }
}

impl ControlDevice for FakeDevice {
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

struct FakeStore {
    overrides: Mutex<ControlOverrides>,
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

impl OverrideStore for Arc<FakeStore> {
    fn load(&self, camera: &str) -> Vec<ControlChange> {
        self.overrides.lock().unwrap().of(camera)
    }
    fn save(&self, camera: &str, set: &[ControlChange]) -> PendingWrite {
        self.overrides.lock().unwrap().remember(camera, set);
        self.disk.update(|()| {})
    }
}

fn worker_of(device: &FakeDevice, drive: DriveSource) -> (ControlWorker, Arc<FakeStore>) {
    let store = Arc::new(FakeStore {
        overrides: Mutex::default(),
        disk: Writer::start(NoDisk, ()).unwrap(),
    });
    let worker = ControlWorker {
        devices: Box::new(device.clone()),
        drive,
        test_pattern: TestPatternDevice::default(),
        overrides: Box::new(Arc::clone(&store)),
        offered: watch::Sender::new(None),
        restored: None,
    };
    (worker, store)
}

fn change(id: ControlId, value: i32) -> ControlChange {
    ControlChange { id, value }
}

#[test]
fn what_was_set_is_set_again_on_a_camera_that_was_plugged_in_anew_and_not_before() {
    let fake = FakeDevice::usual();
    let (mut worker, _) = worker_of(&fake, DriveSource::Auto);
    let both = [change(AUTO, 0), change(EXPOSURE, 9), change(RESET, 1)];
    let (controls, _) = worker.set(&both).unwrap();
    let exposure = controls.iter().find(|c| c.id == EXPOSURE).unwrap();
    assert_eq!(exposure.value, Some(9));
    assert_eq!(fake.taken(), [(5, 0), (2, 9), (7, 1)]);

    // By another program: that is no reason to take it back.
    fake.set(EXPOSURE, 3).unwrap();
    fake.taken();
    worker.controls().unwrap();
    assert_eq!(fake.taken(), []);

    fake.replug();
    worker.controls().unwrap();
    // The exposure, of the lower number, goes only the second time; the button is not pushed again.
    assert_eq!(fake.taken(), [(5, 0), (2, 9)]);
    worker.camera_opened();
    assert_eq!(fake.taken(), [], "they are so already");
}

#[test]
fn one_that_the_camera_refuses_is_named_and_those_before_it_are_kept() {
    let fake = FakeDevice::usual();
    let (mut worker, store) = worker_of(&fake, DriveSource::Auto);
    *fake.0.refuses.lock().unwrap() = Some(AUTO);
    let error = worker
        .set(&[change(GAIN, 4), change(AUTO, 0), change(GAIN, 5)])
        .err()
        .unwrap();
    let words = error.to_string();
    assert!(
        matches!(error, ControlError::DeviceRefused { .. }),
        "{words}"
    );
    assert!(
        words.contains("Control 5") && words.contains("Permission denied"),
        "{words}"
    );
    assert_eq!(fake.value(GAIN), Some(4));
    let saved = store.overrides.lock().unwrap().of("a fake");
    assert_eq!(saved, [change(GAIN, 4)]);
}

#[test]
fn nothing_is_set_where_one_of_them_cannot_be() {
    let fake = FakeDevice::usual();
    let (mut worker, _) = worker_of(&fake, DriveSource::Auto);
    for bad in [change(GAIN, 11), change(ControlId(77), 0)] {
        assert!(worker.set(&[change(GAIN, 4), bad]).is_err());
    }
    assert_eq!(fake.taken(), []);
}

#[test]
fn a_motor_is_moved_within_its_limits_and_never_moved_again_at_the_next_opening() {
    let mut pan = control(ControlId::PAN.0, ControlKind::Integer);
    (pan.min, pan.max) = (-36_000, 36_000);
    let fake = FakeDevice::with([pan]);
    let (mut worker, _) = worker_of(&fake, DriveSource::V4l);
    let to = |pan| Pose {
        pan: Some(pan),
        ..Pose::default()
    };
    let at = worker
        .move_drive(DriveMove::Absolute(to(i32::MAX)))
        .unwrap();
    assert_eq!(at.axis(Axis::Pan).unwrap().position, 36_000);
    let at = worker.move_drive(DriveMove::Relative(to(-6000))).unwrap();
    assert_eq!(at.axis(Axis::Pan).unwrap().position, 30_000);
    let (_, kept) = worker.set(&[change(ControlId::PAN, 100)]).unwrap();
    kept.detach();
    worker.move_drive(DriveMove::Home).unwrap();
    fake.taken();
    worker.camera_opened();
    assert_eq!(fake.taken(), []);
}

#[test]
fn the_settings_say_what_moves() {
    let fake = FakeDevice::usual();
    for (source, kind) in [
        (DriveSource::None, None),
        (DriveSource::V4l, None),
        (DriveSource::Auto, None),
        (DriveSource::Simulated, Some(DeviceKind::TestPattern)),
    ] {
        let (mut worker, _) = worker_of(&fake, source);
        let state = worker.drive_state().unwrap();
        assert_eq!(state.map(|s| s.kind), kind, "{source:?}");
        assert_eq!(
            worker.move_drive(DriveMove::Home).is_ok(),
            kind.is_some(),
            "{source:?}"
        );
    }
}

#[test]
fn a_camera_that_is_not_there_is_an_error_and_is_restored_when_it_comes() {
    let fake = FakeDevice::usual();
    let (mut worker, _) = worker_of(&fake, DriveSource::Auto);
    let (_, kept) = worker.set(&[change(GAIN, 4)]).unwrap();
    kept.detach();
    fake.0.is_gone.store(true, Ordering::SeqCst);
    worker.camera_opened();
    let error = worker.controls().unwrap_err();
    assert!(matches!(error, ControlError::Camera(SourceError::Gone)));
    fake.0.is_gone.store(false, Ordering::SeqCst);
    fake.replug();
    worker.controls().unwrap();
    assert_eq!(fake.value(GAIN), Some(4));
}

/// A queue with a thread that runs its jobs.
struct RunningWorker {
    queue: Arc<ControlQueue<ControlWorker>>,
    going: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RunningWorker {
    fn of(queue: Arc<ControlQueue<ControlWorker>>) -> Self {
        let going = Arc::new(AtomicBool::new(true));
        let (jobs, go_on) = (Arc::clone(&queue), Arc::clone(&going));
        let thread = thread::spawn(move || {
            let (mut worker, _store) = worker_of(&FakeDevice::usual(), DriveSource::Auto);
            worker.run(&jobs, &|| go_on.load(Ordering::SeqCst));
        });
        Self {
            queue,
            going,
            thread: Some(thread),
        }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.going.store(false, Ordering::SeqCst);
        let ended = self.thread.take().expect("it is joined once").join();
        assert!(ended.is_ok() || thread::panicking(), "the loop panicked");
    }
}

#[tokio::test]
async fn jobs_are_run_one_after_the_other() {
    let running = RunningWorker::of(Arc::new(ControlQueue::new(LIMIT)));
    let controls = running.queue.run(ControlWorker::controls).await;
    assert_eq!(controls.unwrap().len(), 4);
    let set = running.queue.run(|worker| worker.set(&[change(GAIN, 4)]));
    set.await.unwrap().1.wait().await.unwrap();
}

#[tokio::test]
async fn while_the_thread_hangs_callers_wait_a_bounded_time_and_their_jobs_are_never_run() {
    let queue = Arc::new(ControlQueue::new(Duration::from_millis(50)));
    let done = Arc::new(AtomicU64::new(0));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
            let job = move |_: &mut ControlWorker| {
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            tokio::spawn(async move { queue.run(job).await })
        })
        .collect();
    let (mut timed_out, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Err(ControlError::TimedOut) => timed_out += 1,
            Err(ControlError::QueueFull) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((timed_out, refused), (16, 4));

    // The thread comes to itself, or another takes its place.
    let running = RunningWorker::of(queue);
    let answered = async { while running.queue.run(|_| Ok(())).await.is_err() {} };
    tokio::time::timeout(LIMIT, answered).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_job_that_panics_is_told_as_a_failure() {
    let queue = Arc::new(ControlQueue::new(LIMIT));
    let jobs = Arc::clone(&queue);
    let thread = thread::spawn(move || {
        let (mut worker, _store) = worker_of(&FakeDevice::usual(), DriveSource::Auto);
        worker.run(&jobs, &|| true);
    });
    let answer: Result<(), _> = queue.run(|_| panic!("odd answer")).await;
    assert!(matches!(answer, Err(ControlError::Panicked)), "{answer:?}");
    assert!(thread.join().is_err(), "its actor starts it again");
}

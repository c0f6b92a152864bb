//! Blocking threads and their owner.

use std::sync::mpsc as blocking;

use super::*;
use porthole_supervise::{
    Cause, StartError, Supervisor, ThreadContext, ThreadEnded, ThreadStatus, Worker,
};

type Body = Box<dyn FnOnce(&ThreadContext) -> Result<(), String> + Send>;

/// Owns one thread and passes on what it hears of it.
struct Owner {
    worker: Worker,
    heard: mpsc::UnboundedSender<ThreadEnded>,
}

impl Actor for Owner {
    type Context = Context<Self>;
}

impl Supervised for Owner {}

impl Handler<ThreadEnded> for Owner {
    type Result = ();

    fn handle(&mut self, ended: ThreadEnded, _: &mut Self::Context) {
        let _ = self.heard.send(ended);
    }
}

#[derive(Message)]
#[rtype(result = "Result<ThreadStatus, StartError>")]
struct Start(Body);

impl Handler<Start> for Owner {
    type Result = Result<ThreadStatus, StartError>;

    fn handle(&mut self, start: Start, ctx: &mut Self::Context) -> Self::Result {
        self.worker.ensure(ctx.address().recipient(), start.0)
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct StopThread;

impl Handler<StopThread> for Owner {
    type Result = ();

    fn handle(&mut self, _: StopThread, _: &mut Self::Context) {
        self.worker.stop();
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Crash;

impl Handler<Crash> for Owner {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("as told");
    }
}

/// How long a test's thread may be silent.
const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(40);
const WAIT: Duration = Duration::from_millis(3);

struct Scene {
    owner: Addr<Owner>,
    heard: mpsc::UnboundedReceiver<ThreadEnded>,
    events: Events,
    supervisor: Supervisor,
}

impl Scene {
    fn new(silence: Duration) -> Self {
        let (supervisor, events) = Supervisor::new();
        let (tell, heard) = mpsc::unbounded_channel();
        let owner = supervisor
            .group("media")
            .child(&here(), ActorName("capture"), forgiving(5))
            .start(move |_, child| Owner {
                worker: child.worker("grabber", silence, Backoff::new(WAIT, LONG, 0).unwrap()),
                heard: tell,
            });
        Self {
            owner,
            heard,
            events,
            supervisor,
        }
    }

    async fn start(
        &self,
        body: impl FnOnce(&ThreadContext) -> Result<(), String> + Send + 'static,
    ) -> Result<ThreadStatus, StartError> {
        soon(self.owner.send(Start(Box::new(body)))).await.unwrap()
    }

    async fn ended(&mut self) -> ThreadEnded {
        soon(self.heard.recv()).await.unwrap()
    }
}

fn until_stopped(thread_context: &ThreadContext) -> Result<(), String> {
    if thread_context.wait(LONG) {
        return Err("nobody told it to stop".to_owned());
    }
    Ok(())
}

#[actix::test]
async fn a_thread_that_panics_or_fails_is_reported_and_started_again_ever_later() {
    let mut scene = Scene::new(LONG);
    assert_eq!(
        scene.start(|_| panic!("torn frame")).await.unwrap(),
        ThreadStatus::Started
    );
    let panicked = Cause::Panic {
        message: "torn frame".to_owned(),
    };
    assert_eq!(
        scene.ended().await,
        ThreadEnded {
            thread: "grabber",
            cause: panicked.clone(),
            restart_after: Duration::ZERO,
        }
    );
    scene.start(|_| Err("unplugged".to_owned())).await.unwrap();
    let failed = Cause::Failed {
        error: "unplugged".to_owned(),
    };
    let ended = scene.ended().await;
    assert_eq!((ended.cause, ended.restart_after), (failed.clone(), WAIT));
    scene.start(until_stopped).await.unwrap();

    for (nth, expected) in [(1, panicked), (2, failed)] {
        let event = next(&mut scene.events).await;
        assert!(
            matches!(&event, Event::ThreadRestarted { cause, total, path, .. }
                if *cause == expected && *total == nth && path.as_str() == "root/media/capture/grabber"),
            "{event}"
        );
    }
}

#[actix::test]
async fn a_thread_told_to_stop_ends_without_a_back_off_or_an_event() {
    let mut scene = Scene::new(LONG);
    for _ in 0..3 {
        assert_eq!(
            scene.start(until_stopped).await.unwrap(),
            ThreadStatus::Started
        );
        soon(scene.owner.send(StopThread)).await.unwrap();
        let ended = scene.ended().await;
        assert_eq!(
            (ended.cause, ended.restart_after),
            (Cause::Stopped, Duration::ZERO)
        );
    }
    // The first event is about what happened after all that.
    soon(scene.owner.send(Crash)).await.unwrap_err();
    assert!(matches!(
        next(&mut scene.events).await,
        Event::Restarted { .. }
    ));
}

#[actix::test]
async fn a_thread_outlives_the_crash_of_its_owner() {
    let mut scene = Scene::new(LONG);
    scene.start(until_stopped).await.unwrap();
    soon(scene.owner.send(Crash)).await.unwrap_err();
    let status = scene.start(|_| Err("a second thread".to_owned())).await;
    assert_eq!(status.unwrap(), ThreadStatus::AlreadyRunning);
    soon(scene.owner.send(StopThread)).await.unwrap();
    assert_eq!(scene.ended().await.cause, Cause::Stopped);
}

#[actix::test]
async fn a_thread_that_is_still_stopping_is_not_replaced_yet() {
    let mut scene = Scene::new(LONG);
    let (release, released) = blocking::channel::<()>();
    scene
        .start(move |_| {
            let _ = released.recv_timeout(LONG);
            Ok(())
        })
        .await
        .unwrap();
    soon(scene.owner.send(StopThread)).await.unwrap();
    assert!(matches!(
        scene.start(until_stopped).await,
        Err(StartError::Stopping("grabber"))
    ));
    drop(release);
    scene.ended().await;
    assert_eq!(
        scene.start(until_stopped).await.unwrap(),
        ThreadStatus::Started
    );
}

#[actix::test]
async fn hung_threads_are_abandoned_told_to_stop_and_few() {
    let mut scene = Scene::new(SHORT);
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut releases = Vec::new();
    for nth in 1..=4 {
        let (release, released) = blocking::channel::<()>();
        releases.push(release);
        let tell = tell.clone();
        let status = scene
            .start(move |thread_context| {
                let _ = released.recv_timeout(LONG);
                let _ = tell.send(thread_context.should_continue());
                Ok(())
            })
            .await;
        assert_eq!(status.unwrap(), ThreadStatus::Started);
        assert_eq!(
            scene.ended().await.cause,
            Cause::Hang {
                job: "grabber",
                limit: SHORT
            }
        );
        loop {
            match next(&mut scene.events).await {
                Event::ThreadAbandoned { abandoned, .. } => {
                    assert_eq!(abandoned, nth);
                    break;
                }
                Event::ThreadRestarted { .. } => {}
                event => panic!("unexpected: {event}"),
            }
        }
    }
    assert!(matches!(
        scene.start(until_stopped).await,
        Err(StartError::TooManyHung { hung: 4, .. })
    ));

    drop(releases);
    for _ in 0..4 {
        assert_eq!(
            soon(told.recv()).await,
            Some(false),
            "one that wakes must not go on"
        );
    }
    // Once they have ended there is room again.
    soon(async {
        while !matches!(scene.start(until_stopped).await, Ok(ThreadStatus::Started)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[actix::test]
async fn a_thread_that_waits_for_longer_than_its_limit_is_not_taken_for_hung() {
    // Not as short as the hang above: a busy machine may hold the thread up for a moment.
    let silence = Duration::from_millis(400);
    let mut scene = Scene::new(silence);
    scene
        .start(move |thread_context| {
            assert!(
                thread_context.wait(2 * silence),
                "told to stop while it waited"
            );
            Err("waited".to_owned())
        })
        .await
        .unwrap();
    assert_eq!(
        scene.ended().await.cause,
        Cause::Failed {
            error: "waited".to_owned()
        }
    );
}

#[actix::test]
async fn dropping_the_worker_stops_its_thread() {
    let scene = Scene::new(LONG);
    let (tell, mut told) = mpsc::unbounded_channel();
    scene
        .start(move |thread_context| {
            until_stopped(thread_context)?;
            tell.send("ended").map_err(|e| e.to_string())
        })
        .await
        .unwrap();
    soon(scene.supervisor.shutdown(LONG)).await;
    assert_eq!(soon(told.recv()).await, Some("ended"));
}

//! Jobs that outlive their limit, and arbiters that no longer turn.

use std::sync::mpsc as blocking;

use actix::WrapFuture;

use super::*;
use porthole_supervise::{Cause, Supervisor};

const LIMIT: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_hours(1);

fn hang() -> Cause {
    Cause::Hang {
        job: "poll the router",
        limit: LIMIT,
    }
}

fn subject() -> (Addr<Subject>, Events, Supervisor) {
    let (supervisor, events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&here(), SUBJECT, forgiving(5))
        .start(Subject::new);
    (address, events, supervisor)
}

#[actix::test]
async fn a_job_that_outlives_its_limit_restarts_the_actor_and_is_cancelled() {
    let (address, mut events, _supervisor) = subject();
    let (work, cancelled) = token();
    tell(&address, move |act, ctx| {
        let _other = act.child.progress.job("something long", HOUR);
        let job = act.child.progress.job("poll the router", LIMIT);
        let endless = async move {
            std::future::pending::<()>().await;
            drop((job, work));
        };
        // Also what blocks the actor's mailbox is cancelled.
        ctx.wait(endless.into_actor(act));
    })
    .await
    .unwrap();
    let event = next(&mut events).await;
    assert!(
        matches!(&event, Event::Restarted { cause, .. } if *cause == hang()),
        "{event}"
    );
    assert_eq!(incarnations(&address).await, Ok(2));
    assert!(cancelled());
}

#[actix::test]
async fn a_job_that_ends_in_time_restarts_nothing() {
    let (address, mut events, supervisor) = subject();
    tell(&address, |act, ctx| {
        let job = act.child.progress.job("poll the router", LIMIT);
        ctx.spawn(async move { drop(job) }.into_actor(act));
    })
    .await
    .unwrap();
    // Another job's hang, begun later with the same limit, shows that the first one's deadline has
    // passed.
    tell(&address, |act, ctx| {
        let job = act.child.progress.job("second", LIMIT);
        let endless = async move {
            std::future::pending::<()>().await;
            drop(job);
        };
        ctx.spawn(endless.into_actor(act));
    })
    .await
    .unwrap();
    let event = next(&mut events).await;
    assert!(
        matches!(
            event,
            Event::Restarted {
                cause: Cause::Hang { job: "second", .. },
                total: 1,
                ..
            }
        ),
        "{event}"
    );
    assert!(soon(supervisor.shutdown(HOUR)).await.is_empty());
}

#[actix::test]
async fn a_job_begun_outside_the_actor_is_watched_too() {
    let (address, mut events, _supervisor) = subject();
    let progress = tell(&address, |act, _| act.child.progress.clone())
        .await
        .unwrap();
    let _long = progress.job("something long", HOUR);
    // By its answer the child runner has set its timer for the long one.
    assert_eq!(incarnations(&address).await, Ok(1));
    let _job = progress.job("poll the router", LIMIT);
    let event = next(&mut events).await;
    assert!(
        matches!(&event, Event::Restarted { cause, .. } if *cause == hang()),
        "{event}"
    );
}

#[actix::test]
async fn a_guard_kept_from_an_earlier_incarnation_does_not_hang_this_one() {
    let (address, mut events, _supervisor) = subject();
    let _old = tell(&address, |act, _| {
        act.child.progress.job("of the first incarnation", LIMIT)
    })
    .await
    .unwrap();
    crash(&address).await;
    assert!(matches!(
        next(&mut events).await,
        Event::Restarted { total: 1, .. }
    ));
    // Its deadline lies after the old one's, so whichever is watched comes first.
    let _new = tell(&address, |act, _| {
        act.child
            .progress
            .job("of the second incarnation", 2 * LIMIT)
    })
    .await
    .unwrap();
    let event = next(&mut events).await;
    assert!(
        matches!(
            event,
            Event::Restarted {
                cause: Cause::Hang {
                    job: "of the second incarnation",
                    ..
                },
                total: 2,
                ..
            }
        ),
        "{event}"
    );
}

#[actix::test]
async fn a_guard_dropped_late_does_not_end_a_job_of_the_next_incarnation() {
    let (address, mut events, _supervisor) = subject();
    let old = tell(&address, |act, _| {
        act.child.progress.job("of the first incarnation", HOUR)
    })
    .await
    .unwrap();
    crash(&address).await;
    assert!(matches!(
        next(&mut events).await,
        Event::Restarted { total: 1, .. }
    ));
    let _new = tell(&address, |act, _| {
        act.child.progress.job("poll the router", LIMIT)
    })
    .await
    .unwrap();
    drop(old);
    let event = next(&mut events).await;
    assert!(
        matches!(&event, Event::Restarted { cause, total: 2, .. } if *cause == hang()),
        "{event}"
    );
}

#[actix::test]
async fn the_watchdog_reports_a_blocked_arbiter_and_only_that() {
    let (supervisor, mut events) = Supervisor::new();
    let watchdog = supervisor.watchdog(Duration::from_millis(800)).unwrap();
    let [blocked, ended, fine] = [(), (), ()].map(|()| Arbiter::new());
    watchdog.watch("ended", &ended.handle());
    ended.stop();
    ended.join().unwrap();
    watchdog.watch("fine", &fine.handle());
    watchdog.watch("blocked", &blocked.handle());

    let (release, released) = blocking::channel::<()>();
    blocked.spawn_fn(move || {
        let _ = released.recv_timeout(Duration::from_mins(1));
    });
    let event = next(&mut events).await;
    assert!(event.is_fatal(), "{event}");
    assert_eq!(
        event,
        Event::ArbiterStuck {
            arbiter: "blocked",
            silent_for: Duration::from_millis(800)
        }
    );

    drop(watchdog);
    drop(supervisor);
    assert_eq!(
        soon(events.next()).await,
        None,
        "a stop that leaves nothing"
    );
    drop(release);
    for arbiter in [blocked, fine] {
        arbiter.stop();
        arbiter.join().unwrap();
    }
}

//! Crashes of one actor: what survives, what is lost, when it is given up.

use actix::{ActorContext, WrapFuture};

use super::*;
use porthole_supervise::{Cause, Supervisor};

fn subject(policy: Policy) -> (Addr<Subject>, Events, Supervisor) {
    let (supervisor, events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&here(), SUBJECT, policy)
        .start(Subject::new);
    (address, events, supervisor)
}

#[actix::test]
async fn after_a_panic_in_a_handler_the_same_address_answers() {
    let (address, mut events, _supervisor) = subject(forgiving(5));
    crash(&address).await;
    assert_eq!(incarnations(&address).await, Ok(2));
    let Event::Restarted {
        actor,
        path,
        cause,
        in_window,
        total,
    } = next(&mut events).await
    else {
        panic!("not a restart");
    };
    assert_eq!(
        (actor, path.as_str(), in_window, total),
        (SUBJECT, "root/test/subject", 1, 1)
    );
    assert_eq!(
        cause,
        Cause::Panic {
            message: "as told".to_owned()
        }
    );
}

#[actix::test]
async fn of_the_queued_mail_only_the_message_in_hand_is_lost() {
    let (address, _events, _supervisor) = subject(forgiving(5));
    let before = tell(&address, |act, _| act.incarnations);
    let fatal = tell(&address, |_, _| panic!("as told"));
    let behind: Vec<_> = (0..10).map(|n| tell(&address, move |_, _| n)).collect();
    assert_eq!(before.await, Ok(1));
    assert_eq!(fatal.await, Err::<(), _>(MailboxError::Closed));
    for (n, answer) in behind.into_iter().enumerate() {
        assert_eq!(answer.await, Ok(n));
    }
    assert_eq!(incarnations(&address).await, Ok(2));
}

#[actix::test]
async fn a_panic_in_a_future_of_the_actor_restarts_it() {
    let (address, mut events, _supervisor) = subject(forgiving(5));
    tell(&address, |act, ctx| {
        ctx.spawn(async { panic!("in a future") }.into_actor(act));
    })
    .await
    .unwrap();
    assert!(matches!(
        next(&mut events).await,
        Event::Restarted { total: 1, .. }
    ));
    assert_eq!(incarnations(&address).await, Ok(2));
}

#[actix::test]
async fn a_panic_in_an_interval_restarts_it() {
    let (address, mut events, _supervisor) = subject(forgiving(5));
    tell(&address, |_, ctx| {
        ctx.run_interval(Duration::from_millis(1), |_, _| panic!("in an interval"));
    })
    .await
    .unwrap();
    assert!(matches!(
        next(&mut events).await,
        Event::Restarted { total: 1, .. }
    ));
    assert_eq!(incarnations(&address).await, Ok(2));
}

#[actix::test]
async fn panics_in_started_count_and_are_survived() {
    let (supervisor, mut events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&here(), SUBJECT, forgiving(5))
        .start(|ctx, child| Subject {
            panics_in_started: 3,
            ..Subject::new(ctx, child)
        });
    assert_eq!(incarnations(&address).await, Ok(4));
    for nth in 1..=3 {
        let event = next(&mut events).await;
        assert!(
            matches!(event, Event::Restarted { in_window, .. } if in_window == nth),
            "{event}"
        );
    }
}

#[actix::test]
async fn panics_in_restarting_count_and_are_survived() {
    let (address, mut events, _supervisor) = subject(forgiving(5));
    tell(&address, |act, _| act.panics_in_restarting = 2)
        .await
        .unwrap();
    crash(&address).await;
    assert_eq!(incarnations(&address).await, Ok(2));
    let mut causes = Vec::new();
    for _ in 0..3 {
        if let Event::Restarted {
            cause: Cause::Panic { message },
            ..
        } = next(&mut events).await
        {
            causes.push(message);
        }
    }
    assert_eq!(causes, ["as told", "in restarting", "in restarting"]);
}

#[actix::test]
async fn an_actor_that_stops_by_itself_is_restarted() {
    let (address, mut events, _supervisor) = subject(forgiving(5));
    tell(&address, |_, ctx| ctx.stop()).await.unwrap();
    assert_eq!(incarnations(&address).await, Ok(2));
    let event = next(&mut events).await;
    assert!(
        matches!(
            event,
            Event::Restarted {
                cause: Cause::Stopped,
                ..
            }
        ),
        "{event}"
    );
}

#[actix::test]
async fn an_actor_nobody_has_an_address_of_runs_on_and_is_restarted() {
    let (ticks, mut ticked) = mpsc::unbounded_channel();
    let (supervisor, mut events) = Supervisor::new();
    drop(
        supervisor
            .group("test")
            .child(&here(), SUBJECT, forgiving(5))
            .start(|ctx, child| {
                ctx.run_later(Duration::from_millis(5), |_, _| panic!("alone"));
                Subject {
                    ticks: Some(ticks),
                    ..Subject::new(ctx, child)
                }
            }),
    );
    assert!(matches!(next(&mut events).await, Event::Restarted { .. }));
    while soon(ticked.recv()).await != Some(2) {}
}

#[actix::test]
async fn a_neighbour_on_the_same_arbiter_notices_nothing() {
    let (supervisor, _events) = Supervisor::new();
    let group = supervisor.group("test");
    let [one, other] = ["one", "other"].map(|name| {
        group
            .child(&here(), ActorName(name), forgiving(5))
            .start(Subject::new)
    });
    let answers: Vec<_> = (0..5)
        .map(|_| tell(&other, |act, _| act.incarnations))
        .collect();
    for _ in 0..5 {
        crash(&one).await;
    }
    for answer in answers {
        assert_eq!(answer.await, Ok(1));
    }
    assert_eq!(
        (incarnations(&one).await, incarnations(&other).await),
        (Ok(6), Ok(1))
    );
}

#[actix::test]
async fn timers_and_futures_are_gone_after_a_crash() {
    let (address, _events, _supervisor) = subject(forgiving(5));
    let (timer, timer_gone) = token();
    let (future, future_gone) = token();
    let (waited, waited_gone) = token();
    let (hold, held) = (Duration::from_hours(1), Duration::from_hours(1));
    tell(&address, move |act, ctx| {
        ctx.run_later(hold, move |_, _| drop(timer));
        let future = async move {
            tokio::time::sleep(held).await;
            drop(future);
        };
        ctx.spawn(future.into_actor(act));
    })
    .await
    .unwrap();
    assert!(!timer_gone() && !future_gone());
    let fatal = tell(&address, move |act, ctx| {
        let future = async move {
            tokio::time::sleep(held).await;
            drop(waited);
        };
        ctx.wait(future.into_actor(act));
        panic!("as told");
    });
    assert_eq!(fatal.await, Err::<(), _>(MailboxError::Closed));
    assert_eq!(incarnations(&address).await, Ok(2));
    assert!(timer_gone() && future_gone() && waited_gone());
}

#[actix::test]
async fn a_timer_cancelled_before_a_crash_does_not_cancel_one_of_the_next_incarnation() {
    let (ticks, mut ticked) = mpsc::unbounded_channel();
    let (supervisor, _events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&here(), SUBJECT, forgiving(5))
        .start(|ctx, child| Subject {
            ticks: Some(ticks),
            ..Subject::new(ctx, child)
        });
    assert_eq!(soon(ticked.recv()).await, Some(1));
    let fatal = tell(&address, |act, ctx| {
        ctx.cancel_future(act.tick);
        panic!("as told");
    });
    assert_eq!(fatal.await, Err::<(), _>(MailboxError::Closed));
    assert_eq!(soon(ticked.recv()).await, Some(2));
}

#[actix::test]
async fn a_thousand_panics_lose_a_thousand_messages_and_nothing_else() {
    let (address, mut events, _supervisor) = subject(forgiving(1_000));
    for nth in 1..=1_000 {
        crash(&address).await;
        assert!(matches!(next(&mut events).await, Event::Restarted { total, .. } if total == nth));
        assert_eq!(tell(&address, move |_, _| nth).await, Ok(nth));
    }
    assert_eq!(incarnations(&address).await, Ok(1_001));
}

#[actix::test]
async fn the_sixth_crash_escalates_once_and_mail_after_it_is_refused() {
    let (address, mut events, supervisor) = subject(forgiving(5));
    for _ in 0..5 {
        crash(&address).await;
    }
    assert_eq!(incarnations(&address).await, Ok(6));
    let (sixth, behind) = (
        tell(&address, |_, _| panic!("the sixth")),
        tell(&address, |_, _| ()),
    );
    assert_eq!(sixth.await, Err::<(), _>(MailboxError::Closed));
    assert_eq!(behind.await, Err(MailboxError::Closed));
    assert_eq!(incarnations(&address).await, Err(MailboxError::Closed));
    assert!(!address.connected());

    for _ in 0..5 {
        assert!(matches!(next(&mut events).await, Event::Restarted { .. }));
    }
    let last = next(&mut events).await;
    assert!(last.is_fatal(), "{last}");
    let Event::Escalated {
        actor,
        path,
        cause,
        budget,
    } = last
    else {
        panic!("not an escalation: {last}");
    };
    assert_eq!((actor, path.as_str()), (SUBJECT, "root/test/subject"));
    assert_eq!(
        cause,
        Cause::Panic {
            message: "the sixth".to_owned()
        }
    );
    assert_eq!(budget, forgiving(5).budget);
    drop(supervisor);
    assert_eq!(
        soon(events.next()).await,
        None,
        "it must escalate exactly once"
    );
}

#[actix::test]
async fn only_an_actor_that_ends_in_order_is_asked_to_clean_up() {
    let arbiter = Arbiter::new();
    let (supervisor, mut events) = Supervisor::new();
    let group = supervisor.group("test");
    let (tell_stopped, mut stopped) = mpsc::unbounded_channel();
    let keep = |name| {
        let tell_stopped = tell_stopped.clone();
        group
            .child(&arbiter.handle(), name, forgiving(0))
            .start(|ctx, child| {
                let mut subject = Subject::new(ctx, child);
                subject.cleanup.stopped = Some(tell_stopped);
                subject
            })
    };
    let (crashed, orderly) = (keep(ActorName("crashed")), keep(ActorName("orderly")));
    drop(tell_stopped);
    crash(&crashed).await;
    assert!(matches!(next(&mut events).await, Event::Escalated { .. }));
    assert_eq!(stopped.try_recv(), Err(mpsc::error::TryRecvError::Empty));
    assert_eq!(incarnations(&orderly).await, Ok(1));
    arbiter.stop();
    arbiter.join().unwrap();
    assert_eq!(soon(stopped.recv()).await, Some(()));
    assert_eq!(soon(stopped.recv()).await, None);
}

#[actix::test]
async fn giving_up_an_actor_whose_cleanup_panics_does_not_abort() {
    let (address, mut events, _supervisor) = subject(forgiving(0));
    tell(&address, |act, _| act.cleanup.panics = true)
        .await
        .unwrap();
    crash(&address).await;
    assert!(matches!(next(&mut events).await, Event::Escalated { .. }));
}

#[actix::test]
async fn an_arbiter_that_ends_under_an_actor_whose_cleanup_panics_does_not_abort() {
    let arbiter = Arbiter::new();
    let (supervisor, _events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&arbiter.handle(), SUBJECT, forgiving(0))
        .start(Subject::new);
    tell(&address, |act, _| act.cleanup.panics = true)
        .await
        .unwrap();
    arbiter.stop();
    arbiter.join().unwrap();
    assert!(!address.connected());
}

#[actix::test]
async fn mail_that_comes_during_the_back_off_is_answered_after_it() {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(20), 0).unwrap();
    let (address, mut events, _supervisor) = subject(Policy {
        backoff,
        ..forgiving(5)
    });
    crash(&address).await;
    crash(&address).await;
    assert!(matches!(next(&mut events).await, Event::Restarted { .. }));
    assert!(matches!(next(&mut events).await, Event::Restarted { .. }));
    // The second crash is followed by a wait, in which this comes.
    assert_eq!(incarnations(&address).await, Ok(3));
}

//! Groups, arbiters, resync and shutdown.

use std::rc::Rc;
use std::thread;

use super::*;
use porthole_supervise::{Cause, Supervisor};

#[actix::test]
async fn an_actor_is_supervised_on_another_arbiter_and_need_not_be_send() {
    struct NotSend {
        _rc: Rc<()>,
    }
    impl Actor for NotSend {
        type Context = Context<Self>;
    }
    impl Supervised for NotSend {}
    #[derive(Message)]
    #[rtype(result = "Option<String>")]
    struct WhereAreYou(bool);
    impl Handler<WhereAreYou> for NotSend {
        type Result = Option<String>;

        fn handle(&mut self, message: WhereAreYou, _: &mut Self::Context) -> Self::Result {
            assert!(message.0, "as told");
            thread::current().name().map(str::to_owned)
        }
    }

    let arbiter = Arbiter::new();
    let (supervisor, _events) = Supervisor::new();
    let group = supervisor.group("web");
    // From a thread that has no arbiter at all.
    let address = thread::spawn({
        let handle = arbiter.handle();
        move || {
            group
                .child(&handle, ActorName("http"), forgiving(5))
                .start(|_, _| NotSend { _rc: Rc::new(()) })
        }
    })
    .join()
    .unwrap();

    let before = soon(address.send(WhereAreYou(true))).await.unwrap();
    assert!(before.is_some());
    assert_ne!(before.as_deref(), thread::current().name());
    assert_eq!(
        soon(address.send(WhereAreYou(false))).await,
        Err(MailboxError::Closed)
    );
    assert_eq!(soon(address.send(WhereAreYou(true))).await, Ok(before));
    arbiter.stop();
    arbiter.join().unwrap();
}

#[actix::test]
async fn a_restart_is_told_to_the_dependents_in_the_group_and_to_nobody_else() {
    let (supervisor, _events) = Supervisor::new();
    let network = supervisor.group("network");
    let keep = |name| {
        network
            .child(&here(), ActorName(name), forgiving(5))
            .resynced()
            .start(Subject::new)
    };
    let (router, registry, lan) = (keep("router"), keep("registry"), keep("lan"));
    let capture = supervisor
        .group("media")
        .child(&here(), ActorName("capture"), forgiving(5))
        .resynced()
        .start(Subject::new);
    crash(&registry).await;
    assert_eq!(incarnations(&registry).await, Ok(2));
    crash(&router).await;
    assert_eq!(incarnations(&router).await, Ok(2));

    let restarted_dependencies =
        |address: &Addr<Subject>| tell(address, |act, _| act.restarted_dependencies.clone());
    let [of_router, of_registry] = [ActorName("router"), ActorName("registry")];
    assert_eq!(restarted_dependencies(&router).await, Ok(vec![]));
    assert_eq!(restarted_dependencies(&registry).await, Ok(vec![of_router]));
    assert_eq!(
        restarted_dependencies(&lan).await,
        Ok(vec![of_registry, of_router])
    );
    assert_eq!(restarted_dependencies(&capture).await, Ok(vec![]));
    assert_eq!(incarnations(&lan).await, Ok(1));
}

#[actix::test]
async fn a_full_mailbox_does_not_swallow_a_resync() {
    let (supervisor, mut events) = Supervisor::new();
    let group = supervisor.group("network");
    let dependency = group
        .child(&here(), ActorName("dependency"), forgiving(50))
        .start(Subject::new);
    let busy = Arbiter::new();
    let dependent = group
        .child(&busy.handle(), ActorName("dependent"), forgiving(5))
        .resynced()
        .start(Subject::new);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let blocked = tell(&dependent, move |_, _| {
        let _ = released.recv_timeout(Duration::from_mins(1));
    });
    while dependent.try_send(Do(Box::new(|_, _| ()))).is_ok() {}
    for _ in 0..40 {
        crash(&dependency).await;
        assert!(matches!(next(&mut events).await, Event::Restarted { .. }));
    }
    assert_eq!(incarnations(&dependency).await, Ok(41));
    drop(release);
    blocked.await.unwrap();
    assert_eq!(
        tell(&dependent, |act, _| act.restarted_dependencies.len()).await,
        Ok(40),
        "resyncs are lost"
    );
    busy.stop();
    busy.join().unwrap();
}

#[actix::test]
async fn an_actor_that_cannot_even_be_made_escalates() {
    let (supervisor, mut events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&here(), SUBJECT, forgiving(5))
        .start(|_, _| -> Subject { panic!("no") });
    let event = next(&mut events).await;
    assert!(
        matches!(&event, Event::Escalated { cause: Cause::Panic { message }, .. } if message == "no"),
        "{event}"
    );
    assert_eq!(incarnations(&address).await, Err(MailboxError::Closed));
}

#[actix::test]
async fn an_actor_for_an_arbiter_that_has_ended_escalates() {
    let arbiter = Arbiter::new();
    let handle = arbiter.handle();
    arbiter.stop();
    arbiter.join().unwrap();
    let (supervisor, mut events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&handle, SUBJECT, forgiving(5))
        .start(Subject::new);
    let event = next(&mut events).await;
    assert!(
        matches!(
            event,
            Event::Escalated {
                cause: Cause::Failed { .. },
                ..
            }
        ),
        "{event}"
    );
    assert_eq!(incarnations(&address).await, Err(MailboxError::Closed));
}

#[actix::test]
async fn a_shutdown_ends_dependents_first_and_restarts_nobody() {
    let (supervisor, mut events) = Supervisor::new();
    let group = supervisor.group("test");
    let addresses = ["first", "second", "third"].map(|name| {
        group
            .child(&here(), ActorName(name), forgiving(5))
            .start(Subject::new)
    });
    // A panic on the way out ends it as well as anything.
    tell(&addresses[1], |act, _| act.cleanup.panics = true)
        .await
        .unwrap();
    assert_eq!(
        soon(supervisor.shutdown(Duration::from_secs(20))).await,
        vec![]
    );
    for name in ["third", "second", "first"] {
        let event = next(&mut events).await;
        assert!(
            matches!(event, Event::Ended { actor, .. } if actor == ActorName(name)),
            "{event}"
        );
    }
    assert!(addresses.iter().all(|address| !address.connected()));
}

#[actix::test]
async fn a_shutdown_does_not_wait_for_ever_for_one_that_will_not_stop() {
    let (supervisor, _events) = Supervisor::new();
    let address = supervisor
        .group("test")
        .child(&here(), SUBJECT, forgiving(5))
        .start(|ctx, child| Subject {
            stays_when_asked_to_stop: true,
            ..Subject::new(ctx, child)
        });
    assert_eq!(incarnations(&address).await, Ok(1));
    let left = soon(supervisor.shutdown(Duration::from_millis(20))).await;
    let left: Vec<_> = left
        .iter()
        .map(porthole_supervise::TreePath::as_str)
        .collect();
    assert_eq!(left, ["root/test/subject"]);
    assert_eq!(incarnations(&address).await, Ok(1));
}

#[actix::test]
async fn a_shutdown_does_not_sit_out_a_back_off() {
    let (supervisor, mut events) = Supervisor::new();
    let hour = Duration::from_hours(1);
    let policy = Policy {
        backoff: Backoff::new(hour, hour, 0).unwrap(),
        ..forgiving(5)
    };
    let address = supervisor
        .group("test")
        .child(&here(), SUBJECT, policy)
        .start(Subject::new);
    crash(&address).await;
    crash(&address).await;
    for _ in 0..2 {
        assert!(matches!(next(&mut events).await, Event::Restarted { .. }));
    }
    assert_eq!(soon(supervisor.shutdown(hour)).await, vec![]);
    assert!(matches!(next(&mut events).await, Event::Ended { .. }));
}

//! An actor that panics while messages wait for it, and answers them all the same; then one that
//! panics too often.
//!
//! ```text
//! cargo run -p porthole-supervise --example panic_and_recover
//! ```

use std::time::Duration;

use actix::{Actor, Arbiter, Context, Handler, Message, Recipient};
use porthole_supervise::{
    ActorName, Backoff, Budget, Event, Fixed, Policy, Resync, Supervisor, UntilRestart, supervised,
};

/// What the names of the stations are looked up in. Forgets all of them when it crashes.
struct Directory {
    names: UntilRestart<Vec<&'static str>>,
}

/// Adds a name; panics at the empty one.
#[derive(Message)]
#[rtype(result = "usize")]
struct Register(&'static str);

impl Actor for Directory {
    type Context = Context<Self>;
}

supervised!(Directory { names });

impl Handler<Register> for Directory {
    type Result = usize;

    fn handle(&mut self, Register(name): Register, _: &mut Self::Context) -> usize {
        assert!(!name.is_empty(), "a station without a name");
        self.names.push(name);
        self.names.len()
    }
}

/// Depends on the directory, and registers again when that was restarted.
struct Station {
    name: Fixed<&'static str>,
    directory: Fixed<Recipient<Register>>,
}

impl Actor for Station {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.handle(
            Resync {
                dependency: ActorName("directory"),
            },
            ctx,
        );
    }
}

supervised!(Station { name, directory });

impl Handler<Resync> for Station {
    type Result = ();

    fn handle(&mut self, _: Resync, _: &mut Self::Context) {
        println!("station {} registers", *self.name);
        self.directory.do_send(Register(*self.name));
    }
}

#[actix::main]
async fn main() {
    std::panic::set_hook(Box::new(|info| println!("panic: {info}")));
    let (supervisor, mut events) = Supervisor::new();
    let policy = Policy {
        budget: Budget {
            restarts: 2,
            window: Duration::from_mins(1),
        },
        backoff: Backoff::NONE,
    };
    let here = Arbiter::current();
    let group = supervisor.group("network");
    let directory = group
        .child(&here, ActorName("directory"), policy)
        .start(|_, _| Directory {
            names: UntilRestart::default(),
        });
    let _station = group
        .child(&here, ActorName("station"), policy)
        .resynced()
        .start({
            let directory = directory.clone();
            move |_, _| Station {
                name: Fixed::new("north"),
                directory: Fixed::new(directory.recipient()),
            }
        });

    // Sent one behind the other, so the second waits in the mailbox while the first panics.
    let crash = directory.send(Register(""));
    let behind = directory.send(Register("south"));
    println!("the message in hand: {:?}", crash.await);
    println!("the message behind it: {:?}", behind.await);

    while directory.connected() {
        let _ = directory.send(Register("")).await;
    }
    while let Some(event) = events.next().await {
        println!("event: {event}");
        if matches!(event, Event::Escalated { .. }) {
            println!("a program would exit here, to be started again by its service manager");
            return;
        }
    }
}

//! What a router says to its owner's log.

use std::sync::Mutex;

use porthole_sim_router::Quirks;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::support::{Net, camera, foreign, visit};

/// Keeps the warnings of the forwarder.
struct Warnings;

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 = format!("{} {field}={value:?}", self.0);
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().ends_with("::forward")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        HEARD.lock().unwrap().push(text.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A listener is shut down under the task that accepts, which may wake on its own thread before
/// the one that closes has done its next step.
#[tokio::test]
async fn a_mapping_that_ends_is_nothing_to_warn_of() {
    // For the whole process: the tasks run on another thread than the one that closes.
    tracing::subscriber::set_global_default(Warnings).unwrap();
    let net = Net::new();
    let camera = camera(net.a()).await;
    for _ in 0..5 {
        let router = net.start(Quirks::igd2());
        let entries: Vec<_> = (8080..8180).map(|port| foreign(port, camera)).collect();
        for entry in &entries {
            router.add_foreign(entry.clone()).unwrap();
            // Somebody is let in, so the task is at its accepting.
            visit(net.outside(entry.mapping.external_port.get())).await;
        }
        let by_hand = tokio::task::spawn_blocking(move || {
            let (one_by_one, at_once) = entries.split_at(50);
            for entry in one_by_one {
                router.delete_by_hand(entry);
            }
            assert_eq!(router.table().len(), at_once.len());
            drop(router);
        });
        by_hand.await.unwrap();
    }
    assert_eq!(*HEARD.lock().unwrap(), Vec::<String>::new());
}

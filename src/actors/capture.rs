//! `CaptureActor`: keeps the capture thread running.
//!
//! Owns the thread that opens the device and reads frames from it (blocking work never runs on an
//! arbiter). Restarts by starting a new thread, once the old one has let go of the device. Loses the
//! frame in hand; viewers keep their seats and the last picture until the next one comes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tracing::warn;

use super::crash::crashes_on_demand;
use crate::camera::capture::Capture;
use crate::camera::opener;
use crate::cells::Cells;
use crate::supervise::{ThreadEnded, Worker};

/// How soon a thread that could not be started is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// See the module.
pub struct CaptureActor {
    cells: Arc<Cells>,
    /// The thread hangs on the actor value, not on a life of it: a crash of the actor leaves it running.
    thread: Worker,
}

impl CaptureActor {
    /// An actor that has yet to start its thread.
    pub fn new(cells: Arc<Cells>, thread: Worker) -> Self {
        Self { cells, thread }
    }

    fn ensure_thread(&mut self, ctx: &mut Context<Self>) {
        let cells = Arc::clone(&self.cells);
        let started = self
            .thread
            .ensure(ctx.address().recipient(), move |vitals| {
                let camera = &cells.camera;
                let mut capture = Capture {
                    name: cells.name.watch(),
                    opener: opener(
                        &cells.settings.camera.source,
                        cells.name.watch(),
                        camera.drive.clone(),
                    ),
                    audience: Arc::clone(&camera.audience),
                    raw: Arc::clone(&camera.raw),
                    pictures: Arc::clone(&camera.pictures),
                    health: camera.health.clone(),
                    settings: camera.settings.subscribe(),
                    observer: Arc::new(cells.metrics.camera()),
                    last_size: None,
                };
                capture.run(&|| vitals.go_on());
                Ok::<(), Infallible>(())
            });
        if let Err(why) = started {
            warn!(%why, "the capture thread is not started yet");
            ctx.run_later(AGAIN, Self::ensure_thread);
        }
    }
}

impl Actor for CaptureActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.ensure_thread(ctx);
    }
}

impl Supervised for CaptureActor {}

impl Handler<ThreadEnded> for CaptureActor {
    type Result = ();

    fn handle(&mut self, ended: ThreadEnded, ctx: &mut Self::Context) {
        ctx.run_later(ended.again_after, Self::ensure_thread);
    }
}

crashes_on_demand!(CaptureActor);

//! `EncoderActor`: keeps the encoder thread running.
//!
//! Owns the thread that turns the newest frame into a picture. Restarts by starting it again if it
//! has ended. Loses the frame in hand; the viewers see the next one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tracing::warn;

use super::crash::crashes_on_demand;
use crate::camera::encode::Encoding;
use crate::cells::Cells;
use crate::supervise::{ThreadEnded, Worker};

/// How soon a thread that could not be started is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// See the module.
pub struct EncoderActor {
    cells: Arc<Cells>,
    /// The thread hangs on the actor value, not on a life of it: a crash of the actor leaves it running.
    thread: Worker,
}

impl EncoderActor {
    /// An actor that has yet to start its thread.
    pub fn new(cells: Arc<Cells>, thread: Worker) -> Self {
        Self { cells, thread }
    }

    fn ensure_thread(&mut self, ctx: &mut Context<Self>) {
        let cells = Arc::clone(&self.cells);
        let started = self
            .thread
            .ensure(ctx.address().recipient(), move |vitals| {
                let encoding = Encoding {
                    raw: Arc::clone(&cells.camera.raw),
                    pictures: Arc::clone(&cells.camera.pictures),
                    settings: cells.camera.settings.subscribe(),
                    observer: Arc::new(cells.metrics.camera()),
                };
                encoding.run(&|| vitals.go_on());
                Ok::<(), Infallible>(())
            });
        if let Err(why) = started {
            warn!(%why, "the encoder thread is not started yet");
            ctx.run_later(AGAIN, Self::ensure_thread);
        }
    }
}

impl Actor for EncoderActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.ensure_thread(ctx);
    }
}

impl Supervised for EncoderActor {}

impl Handler<ThreadEnded> for EncoderActor {
    type Result = ();

    fn handle(&mut self, ended: ThreadEnded, ctx: &mut Self::Context) {
        ctx.run_later(ended.again_after, Self::ensure_thread);
    }
}

crashes_on_demand!(EncoderActor);

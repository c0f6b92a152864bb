//! The lan actor's requests: asking another server to take another name, and doing as another asks
//! (¶53).

use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;
use tokio::sync::oneshot;
use tracing::info;

use super::LanActor;
use super::volatile::RenameWaiter;
use crate::lan::{
    Body, Handling, NextStep, RETRY_INTERVAL, RenameRequest, RequestError, RequestId,
    RequestOutcome,
};
use crate::messages::lan::RenameCamera;
use porthole_election::{Destination, Peer};
use porthole_types::{InstanceId, Name};

impl LanActor {
    fn begin(&mut self, rename: RenameCamera, waits: RenameWaiter, ctx: &mut Context<Self>) {
        let fail = |waits: RenameWaiter, why| {
            let _ = waits.send(Err(why)); // the caller may have given up
        };
        if !self.wired.shared.settings.lan.enabled {
            return fail(waits, RequestError::LanDisabled);
        }
        // Without randomness there is no telling answers apart.
        let Ok(request_id) = getrandom::u64().map(RequestId) else {
            return fail(waits, RequestError::TooMany);
        };
        let renaming = RenameRequest {
            of: rename.id,
            address: rename.address,
            name: rename.name,
        };
        match self.volatile.requests.add(request_id, renaming, waits) {
            Ok(()) => self.ask(request_id, ctx),
            Err(waits) => fail(waits, RequestError::TooMany),
        }
    }

    fn ask(&mut self, request_id: RequestId, ctx: &mut Context<Self>) {
        match self.volatile.requests.next_step(request_id) {
            NextStep::Send(RenameRequest { of, address, name }) => {
                self.send(
                    Destination::One(address),
                    Body::Rename {
                        request_id,
                        of,
                        name,
                    },
                );
                ctx.run_later(RETRY_INTERVAL, move |actor, ctx| actor.ask(request_id, ctx));
            }
            NextStep::GiveUp(waits) => {
                let _ = waits.send(Err(RequestError::Unanswered));
            }
            NextStep::Finished => {}
        }
    }

    pub(super) fn answered(
        &mut self,
        from: InstanceId,
        request_id: RequestId,
        outcome: RequestOutcome,
    ) {
        if let Some(waits) = self.volatile.requests.complete(from, request_id) {
            let _ = waits.send(outcome.map_err(RequestError::Refused));
        }
    }

    /// Another server asks this one to take this name.
    pub(super) fn asked_to_rename(
        &mut self,
        from: Peer,
        request_id: RequestId,
        name: Option<Name>,
        ctx: &mut Context<Self>,
    ) {
        match self
            .volatile
            .served
            .receive(from.id, request_id, Instant::now())
        {
            Handling::Execute => {
                let shared = Arc::clone(&self.wired.shared);
                let rename = async move {
                    info!(by = %from.address, ?name, "another camera renames this one");
                    shared.rename_for_good(name).await
                };
                let tell = move |kept: Result<(), porthole_durable::WriteError>,
                                 actor: &mut Self| {
                    let outcome = kept.map_err(|why| why.to_string());
                    actor
                        .volatile
                        .served
                        .complete(from.id, request_id, outcome.clone());
                    actor.answer(from, request_id, outcome);
                };
                let told = rename
                    .into_actor(self)
                    .map(move |kept, actor, _| tell(kept, actor));
                ctx.spawn(told);
            }
            Handling::InProgress => {}
            Handling::Reply(outcome) => self.answer(from, request_id, outcome),
        }
    }

    fn answer(&mut self, to: Peer, request_id: RequestId, outcome: RequestOutcome) {
        let of = to.id;
        let body = match outcome {
            Ok(()) => Body::Done { request_id, of },
            Err(why) => Body::Refused {
                request_id,
                of,
                why,
            },
        };
        self.send(Destination::One(to.address), body);
    }
}

impl Handler<RenameCamera> for LanActor {
    type Result = ResponseFuture<Result<(), RequestError>>;

    fn handle(&mut self, rename: RenameCamera, ctx: &mut Self::Context) -> Self::Result {
        let (waits, told) = oneshot::channel();
        self.begin(rename, waits, ctx);
        Box::pin(async move {
            // An error is a crash of this actor: whether it was done, nobody knows.
            told.await.unwrap_or(Err(RequestError::Unanswered))
        })
    }
}

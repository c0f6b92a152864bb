//! Making an actor panic on demand (`debug.allow_crash`), to see that nothing is lost.

use actix::prelude::*;

/// Panic, now. Sent only by `POST /api/v1/debug/crash/{actor}`.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Crash;

/// What such a panic says.
pub(super) const ASKED_TO: &str = "asked to, over the debug API";

/// Gives an actor the handler that panics.
macro_rules! crashes_on_demand {
    ($actor:ty) => {
        impl ::actix::Handler<$crate::actors::crash::Crash> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::actors::crash::Crash, _: &mut Self::Context) {
                panic!("{}", $crate::actors::crash::ASKED_TO);
            }
        }
    };
}
pub(crate) use crashes_on_demand;

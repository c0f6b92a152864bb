//! Making an actor panic on demand (`debug.allow_crash`), to see that nothing is lost.

/// The message of such a panic.
pub(super) const ASKED_TO: &str = "asked to, over the debug API";

/// Gives an actor the handler that panics.
macro_rules! crashes_on_demand {
    ($actor:ty) => {
        impl ::actix::Handler<$crate::messages::PanicNow> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::messages::PanicNow, _: &mut Self::Context) {
                panic!("{}", $crate::actors::crash::ASKED_TO);
            }
        }
    };
}
pub(crate) use crashes_on_demand;

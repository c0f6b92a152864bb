//! What of an actor survives a restart, said by the types of its fields.
//!
//! A restarted actor is the same value: a field that nobody resets silently keeps whatever a panic
//! left in it. So an actor is built of fields that each say how long they last, and
//! [`supervised!`](crate::supervised) implements [`actix::Supervised`] from them. It does not
//! compile when a field is missing or is of another type.

use std::ops::{Deref, DerefMut};

/// A field of an actor that says what a restart does to it.
pub trait ActorField {
    /// Called by `restarting()`, in the order in which the fields are listed.
    fn restart(&mut self);
}

/// What an actor is made with: addresses, settings, senders. Never changed, so it survives.
#[derive(Debug)]
pub struct Fixed<T>(T);

/// What an actor changes and a restart keeps, on purpose. Each change of it has to be complete
/// before anything can panic.
#[derive(Debug)]
pub struct Lasting<T>(T);

/// What an actor changes and a restart replaces by the default.
#[derive(Debug, Default)]
pub struct UntilRestart<T>(T);

impl<T> Fixed<T> {
    /// Wraps what the actor is made with.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Lasting<T> {
    /// Wraps the value that the actor begins with.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Fixed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for Lasting<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Lasting<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> Deref for UntilRestart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for UntilRestart<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> ActorField for Fixed<T> {
    fn restart(&mut self) {}
}

impl<T> ActorField for Lasting<T> {
    fn restart(&mut self) {}
}

impl<T: Default> ActorField for UntilRestart<T> {
    fn restart(&mut self) {
        self.0 = T::default();
    }
}

/// Implements [`actix::Supervised`] for an actor from **all** its fields, each an [`ActorField`].
///
/// ```
/// use actix::{Actor, Context};
/// use porthole_supervise::{Fixed, UntilRestart, supervised};
///
/// struct Counter {
///     step: Fixed<u32>,
///     count: UntilRestart<u32>,
/// }
///
/// impl Actor for Counter {
///     type Context = Context<Self>;
/// }
///
/// supervised!(Counter { step, count });
/// ```
///
/// A field that is not listed, or that does not say what a restart does to it, is an error:
///
/// ```compile_fail
/// # use actix::{Actor, Context};
/// # use porthole_supervise::{UntilRestart, supervised};
/// struct Counter {
///     count: UntilRestart<u32>,
///     forgotten: u32,
/// }
/// # impl Actor for Counter {
/// #     type Context = Context<Self>;
/// # }
///
/// supervised!(Counter { count });
/// ```
///
/// Parameters of a generic actor come first: `supervised!([W: Work] ThreadActor<W> { thread })`.
#[macro_export]
macro_rules! supervised {
    ($([$($generics:tt)*])? $actor:ident $(<$($argument:ident),+>)? { $($field:ident),+ $(,)? }) => {
        impl $(<$($generics)*>)? $crate::actix::Supervised for $actor $(<$($argument),+>)? {
            fn restarting(&mut self, _: &mut Self::Context) {
                // Without `..`: a field that is not listed does not compile.
                let Self { $($field),+ } = self;
                $($crate::ActorField::restart($field);)+
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_resets_what_is_until_restart_and_nothing_else() {
        let mut fixed = Fixed::new(1);
        let mut lasting = Lasting::new(2);
        let mut volatile = UntilRestart(3);
        *lasting += 10;
        *volatile += 10;
        for field in [
            &mut fixed as &mut dyn ActorField,
            &mut lasting,
            &mut volatile,
        ] {
            field.restart();
        }
        assert_eq!((*fixed, *lasting, *volatile), (1, 12, 0));
    }
}

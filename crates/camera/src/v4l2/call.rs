//! Wraps every call of the `v4l` crate: its panics and the system's error numbers become
//! [`SourceError`]s.
//!
//! The crate unwraps what drivers tell it: names that are not UTF-8, colour spaces and menu types
//! it does not know (its issues 16 and 98, and `expect("Invalid …")` in `format/mod.rs`). That must
//! cost a camera, not a thread.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::source::SourceError;

/// Runs one call. `doing` completes "the camera failed while …".
///
/// # Errors
/// What the call returned, translated; [`SourceError::Broken`] when it panicked.
pub(super) fn call<T>(
    doing: &'static str,
    f: impl FnOnce() -> io::Result<T>,
) -> Result<T, SourceError> {
    // Whatever the call was changing is dropped after a failure: nobody sees it half-changed.
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(translate(doing, error)),
        Err(panic) => Err(SourceError::Broken {
            what: format!("{doing}: {}", panic_message(panic.as_ref())),
        }),
    }
}

/// Whether the device has left, as opposed to refusing one call.
pub(super) const fn is_gone(error: &SourceError) -> bool {
    matches!(error, SourceError::Gone)
}

fn translate(doing: &'static str, error: io::Error) -> SourceError {
    match error.raw_os_error() {
        // EIO is what a driver answers when its queue has failed under it (`vb2_queue_error`).
        Some(libc::ENODEV | libc::ENXIO | libc::ENOENT | libc::EIO) => SourceError::Gone,
        Some(libc::EBUSY) => SourceError::Busy,
        // UVC drivers reserve a share of the bus for each stream.
        Some(libc::ENOSPC) => SourceError::Unsupported {
            what: "the USB bus has no room left for this size and rate".to_owned(),
        },
        _ => SourceError::Io {
            what: doing.to_owned(),
            source: error,
        },
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("an answer that makes no sense")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: i32) -> SourceError {
        let result: Result<(), _> = call("testing", || Err(io::Error::from_raw_os_error(number)));
        result.unwrap_err()
    }

    #[test]
    fn error_numbers_become_what_a_person_would_call_them() {
        for number in [libc::ENODEV, libc::ENXIO, libc::ENOENT, libc::EIO] {
            assert!(matches!(of(number), SourceError::Gone), "{number}");
        }
        assert!(matches!(of(libc::EBUSY), SourceError::Busy));
        assert_eq!(
            of(libc::EACCES).to_string(),
            "the camera failed while testing: Permission denied (os error 13)"
        );
    }

    #[test]
    fn a_panic_inside_a_call_is_an_error_with_its_words() {
        let result: Result<(), _> = call("testing", || panic!("Invalid {}", "colorspace"));
        assert_eq!(
            result.unwrap_err().to_string(),
            "the camera misbehaves: testing: Invalid colorspace"
        );
    }
}

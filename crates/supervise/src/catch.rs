//! Panics as text.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest panic message kept, in bytes: it travels through events and logs.
const MAX_MESSAGE: usize = 512;

/// Runs `work`; a panic in it comes back as its message.
///
/// The caller answers for unwind safety: what `work` left half-done stays half-done.
///
/// # Errors
/// The panic's message, when `work` panicked.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(message)
}

/// The text of a panic payload.
fn message(payload: Box<dyn Any + Send>) -> String {
    let text = if let Some(text) = payload.downcast_ref::<&'static str>() {
        truncated(text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        truncated(text)
    } else {
        "a panic without a message".to_owned()
    };
    // `panic_any` takes any value, also one that panics when dropped: its successor is leaked, not
    // dropped in turn.
    if let Err(successor) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(successor);
    }
    text
}

/// At most [`MAX_MESSAGE`] bytes of a text, cut between characters.
pub(super) fn truncated(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_MESSAGE)].to_owned()
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    #[test]
    fn literal_and_formatted_messages_come_back_as_text() {
        assert_eq!(catch(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        let n = 7;
        assert_eq!(
            catch(|| panic!("number {n}")),
            Err::<(), _>("number 7".to_owned())
        );
        assert_eq!(catch(|| 3), Ok(3));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_survived() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        assert_eq!(
            catch(|| panic_any(Bomb)),
            Err::<(), _>("a panic without a message".to_owned())
        );
    }

    #[test]
    fn an_endless_message_is_cut_between_characters() {
        let text = catch(|| panic!("{}", "ä".repeat(1_000))).unwrap_err() as String;
        assert_eq!(text.len(), MAX_MESSAGE);
        let text = catch(|| panic!("x{}", "ä".repeat(1_000))).unwrap_err() as String;
        assert_eq!(text.len(), MAX_MESSAGE - 1);
    }
}

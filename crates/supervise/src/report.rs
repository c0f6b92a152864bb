//! Panics as log lines.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use std::thread;

use super::catch::truncated;

/// Has every panic logged by `tracing` with its thread, place and message, and a backtrace where
/// `RUST_BACKTRACE` asks for one. Where nothing collects logs (yet), the hook that was there before
/// still speaks.
///
/// To be called once, at the start of the program.
pub fn install_hook() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !tracing::enabled!(tracing::Level::ERROR) {
            before(info);
            return;
        }
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let place = info
            .location()
            .map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let message = truncated(info.payload_as_str().unwrap_or("a panic without a message"));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!(thread, place, %backtrace, "panic: {message}");
        } else {
            tracing::error!(thread, place, "panic: {message}");
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::super::catch;
    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_logged_with_its_thread_and_place() {
        install_hook();
        let log = Log::default();
        let collector = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer({
                let log = log.clone();
                move || log.clone()
            })
            .finish();
        let caught =
            tracing::subscriber::with_default(collector, || catch(|| panic!("boom {}", 1)));
        assert_eq!(caught, Err::<(), _>("boom 1".to_owned()));

        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        for part in ["ERROR", "panic: boom 1", "thread=", "report.rs:"] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
    }
}

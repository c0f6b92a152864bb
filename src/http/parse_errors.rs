//! What is no HTTP at all: counted, and told once a minute with the number.
//!
//! actix-http writes a line for each request that it cannot read, at the level of errors and
//! without an address. Anybody can send a thousand of them in a second: they would push everything
//! else out of the log, and wear out the SD card that it is on. So the log's filter takes these
//! lines away and counts them ([`ParseErrorFilter`]), and [`tell`] says how many there were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, warn};
use tracing_subscriber::layer::{Context, Filter};

/// At most one line in this time.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Those that [`tell`] has not taken yet. Of the process, as its log is.
static NEW: AtomicU64 = AtomicU64::new(0);
static SOME: Notify = Notify::const_new();

/// Takes the lines of actix-http away from a log and counts them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseErrorFilter;

impl ParseErrorFilter {
    /// Whether this is such a line: a warning or worse of the crate that reads requests.
    fn is_parse_error(metadata: &Metadata<'_>) -> bool {
        let of_actix = metadata.target().split("::").next() == Some("actix_http");
        of_actix && *metadata.level() <= Level::WARN
    }
}

impl<S> Filter<S> for ParseErrorFilter {
    /// Asked once for each line, since [`Filter::callsite_enabled`] lets nobody remember the
    /// answer.
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        if !Self::is_parse_error(metadata) {
            return true;
        }
        NEW.fetch_add(1, Ordering::Relaxed);
        SOME.notify_one();
        false
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::is_parse_error(metadata) {
            Interest::sometimes()
        } else {
            Interest::always()
        }
    }
}

/// Counts what the filter took away, and says so once a minute at the most. Never ends.
pub async fn tell(counter: IntCounter) {
    let mut report = Report::new(Instant::now());
    loop {
        tokio::select! {
            () = SOME.notified() => {
                let new = NEW.swap(0, Ordering::Relaxed);
                counter.inc_by(new);
                report.untold += new;
            }
            () = sleep_until(report.next.into()), if report.untold > 0 => {}
        }
        if let Some(requests) = report.due(Instant::now()) {
            warn!(requests, "requests that are no HTTP came, and were refused");
        }
    }
}

/// What is to be told, and from when on. Pure: the time is an argument.
struct Report {
    untold: u64,
    next: Instant,
}

impl Report {
    fn new(now: Instant) -> Self {
        Self {
            untold: 0,
            next: now,
        }
    }

    /// The number to be told now, if one is.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.untold == 0 || now < self.next {
            return None;
        }
        self.next = now + TOLD_EVERY;
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::{error, info};
    use tracing_subscriber::filter::FilterExt as _;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::{EnvFilter, Layer as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_lines_are_taken_away_and_counted_and_no_others() {
        let lines = Lines::default();
        let written = lines.clone();
        let log = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .with_filter(EnvFilter::new("info").and(ParseErrorFilter));
        let log = tracing_subscriber::registry().with(log);
        tracing::subscriber::with_default(log, || {
            for _ in 0..300 {
                error!(target: "actix_http::h1::dispatcher", "stream error: garbage");
            }
            error!(target: "actix_httpd", "another's error");
            info!(target: "actix_http", "no error");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("garbage"), "{text}");
        assert!(
            text.contains("another's") && text.contains("no error"),
            "{text}"
        );
        assert_eq!(NEW.load(Ordering::Relaxed), 300);
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute_with_their_number() {
        let mut now = Instant::now();
        let mut report = Report::new(now);
        assert_eq!(report.due(now), None);
        let mut told = Vec::new();
        // A hundred a second, for two minutes, and then none.
        for tick in 0..30_000 {
            now += Duration::from_millis(10);
            report.untold += u64::from(tick < 12_000);
            told.extend(report.due(now));
        }
        assert_eq!(told, [1, 6000, 5999]);
    }
}

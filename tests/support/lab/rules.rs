//! What the kernel says of the router's rules: unlike readings of the table, it misses nothing in
//! between.

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Namespace;
use crate::support::wait::{ensure, eventually};

/// Keeps a record of every rule that comes and goes, for as long as it lives.
///
/// The daemon renews a mapping without touching its rule, so a rule that goes is a mapping that was
/// released.
pub(crate) struct RuleWatch {
    record: Arc<Mutex<Vec<Line>>>,
    monitor: Child,
    reader: Option<JoinHandle<()>>,
}

/// One line of the kernel's news, and when it came.
#[derive(Clone, Debug)]
struct Line {
    at: Instant,
    text: String,
}

/// The time for which a port led to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenure {
    pub(crate) to: Ipv4Addr,
    /// When its rule came; for one that was there before the watch, when that began.
    pub(crate) from: Instant,
    /// When its rule went, if it did.
    pub(crate) until: Option<Instant>,
}

impl RuleWatch {
    /// Starts to listen, and returns when it hears.
    pub(super) fn start(router: &Namespace) -> Self {
        let mut command = Command::new("nft");
        command
            .args(["-a", "monitor"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut monitor = router.run(|| command.spawn()).expect("nft monitor starts");
        let news = monitor.stdout.take().expect("its output is piped");
        let record = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&record);
        // Ends with the monitor.
        let reader = thread::spawn(move || {
            for text in BufReader::new(news).lines().map_while(Result::ok) {
                let at = Instant::now();
                lock(&written).push(Line { at, text });
            }
        });
        let watch = Self {
            record,
            monitor,
            reader: Some(reader),
        };
        eventually("nft monitor listens", Duration::from_secs(5), || {
            router.tool("nft", &["add", "table", "inet", "heard"]);
            router.tool("nft", &["delete", "table", "inet", "heard"]);
            let heard = lock(&watch.record)
                .iter()
                .any(|line| line.text.contains("table inet heard"));
            ensure(heard, "silence")
        });
        // What is there already is news too.
        let (at, rules) = (
            Instant::now(),
            router.tool("nft", &["-a", "list", "table", "inet", "filter"]),
        );
        let there = rules.lines().map(|rule| Line {
            at,
            text: format!("add rule inet filter {}", rule.trim()),
        });
        lock(&watch.record).splice(0..0, there);
        watch
    }

    /// The rules that went since the start, as `nft monitor` reports them. The kernel reports a
    /// change before the daemon answers whoever asked for it; the record follows within a
    /// moment.
    pub(crate) fn gone(&self) -> Vec<String> {
        let record = lock(&self.record);
        let gone = record
            .iter()
            .filter(|line| line.text.starts_with("delete rule"));
        gone.map(|line| line.text.clone()).collect()
    }

    /// Where this external port led, one after the other, and for how long.
    pub(crate) fn tenures(&self, port: u16) -> Vec<Tenure> {
        tenures(&lock(&self.record), port)
    }
}

impl Drop for RuleWatch {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn tenures(record: &[Line], port: u16) -> Vec<Tenure> {
    let marker = format!("dport {port} dnat ip to ");
    let mut all: Vec<(&str, Tenure)> = Vec::new();
    for Line { at, text } in record {
        let Some((rule, handle)) = text.rsplit_once("handle ") else {
            continue;
        };
        if rule.starts_with("delete rule") {
            // A handle is never given twice in a table.
            if let Some((_, tenure)) = all.iter_mut().find(|(its, _)| *its == handle) {
                tenure.until.get_or_insert(*at);
            }
        } else if let Some((_, target)) = rule.split_once(&marker)
            && let Some((to, _port)) = target.split_once(':')
            && let Ok(to) = to.parse()
            // A rule added while the watch began is in the list and in the news.
            && all.iter().all(|(its, _)| *its != handle)
        {
            let (from, until) = (*at, None);
            all.push((handle, Tenure { to, from, until }));
        }
    }
    all.into_iter().map(|(_, tenure)| tenure).collect()
}

/// A reader that panicked has written what it has written.
fn lock(record: &Mutex<Vec<Line>>) -> MutexGuard<'_, Vec<Line>> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_port_led_to_one_host_and_then_to_another() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let record: Vec<_> = (0..)
        .zip([
            "add rule inet filter iifname \"wan0\" \
             tcp dport 8080 dnat ip to 192.168.77.11:8080 # handle 2",
            "add rule inet filter prerouting_miniupnpd iifname \"wan0\" \
             tcp dport 8080 dnat ip to 192.168.77.11:8080 # handle 2",
            "add rule inet filter prerouting_miniupnpd iifname \"wan0\" \
             tcp dport 8081 dnat ip to 192.168.77.12:8080 # handle 3",
            "delete rule inet filter prerouting_miniupnpd handle 2",
            "# new generation 4 by process 17838 (nft)",
            "add rule inet filter prerouting_miniupnpd iifname \"wan0\" \
             tcp dport 8080 dnat ip to 192.168.77.12:8080 # handle 7",
        ])
        .map(|(second, text)| Line {
            at: after(second),
            text: text.to_owned(),
        })
        .collect();
    let expected = [
        Tenure {
            to: Ipv4Addr::new(192, 168, 77, 11),
            from: start,
            until: Some(after(3)),
        },
        Tenure {
            to: Ipv4Addr::new(192, 168, 77, 12),
            from: after(5),
            until: None,
        },
    ];
    assert_eq!(tenures(&record, 8080), expected);
}

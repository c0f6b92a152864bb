//! What the kernel says of the router's rules: unlike readings of the table, it misses nothing in between.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Namespace;
use crate::support::wait::{ensure, eventually};

/// Keeps a record of every rule that goes, for as long as it lives.
///
/// The daemon renews a mapping without touching its rule, so a rule that goes is a mapping that was released.
pub(crate) struct RuleWatch {
    record: PathBuf,
    monitor: Child,
}

impl RuleWatch {
    /// Starts to listen, and returns when it hears.
    pub(super) fn start(router: &Namespace, record: PathBuf) -> Self {
        let file = File::create(&record).expect("a record of the rules");
        let mut command = Command::new("nft");
        command
            .arg("monitor")
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null());
        let monitor = router.run(|| command.spawn()).expect("nft monitor starts");
        let watch = Self { record, monitor };
        eventually("nft monitor listens", Duration::from_secs(5), || {
            router.tool("nft", &["add", "table", "inet", "heard"]);
            router.tool("nft", &["delete", "table", "inet", "heard"]);
            ensure(watch.text().contains("table inet heard"), watch.text())
        });
        watch
    }

    /// The rules that went since the start, as `nft monitor` reports them. The kernel reports a change before the
    /// daemon answers whoever asked for it; the record follows within a moment.
    pub(crate) fn gone(&self) -> Vec<String> {
        let text = self.text();
        let gone = text.lines().filter(|line| line.starts_with("delete rule"));
        gone.map(str::to_owned).collect()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.record).unwrap_or_default()
    }
}

impl Drop for RuleWatch {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
    }
}

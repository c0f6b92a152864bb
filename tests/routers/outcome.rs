//! What came out of one row.

use std::any::Any;
use std::collections::BTreeSet;

use crate::expected::Expected;
use crate::quirks::NamedQuirk;

/// What came out of one row. Times are in heartbeats, rounded up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Who had the representative port at the end of the calm: the camera's letter.
    pub(crate) holder: Option<char>,
    /// How often it changed hands in the calm.
    pub(crate) changes: usize,
    /// The longest time without a holder in the calm.
    pub(crate) gap: u32,
    /// Mappings that came to be until all had left.
    pub(crate) made: u32,
    /// How often one was asked for again by who had it.
    pub(crate) renewed: u32,
    /// The most that one camera had at one time.
    pub(crate) most_at_once: usize,
    /// Those of cameras that had left in order.
    pub(crate) left: usize,
    /// The most requests that came to the router within a minute.
    pub(crate) requests: u64,
    /// From the death of the holder until another had the port.
    pub(crate) takeover: Option<u32>,
    /// Whether nobody had it, and one of the others said that it stands in.
    pub(crate) deputy: bool,
    /// What the cameras call the router.
    pub(crate) classes: BTreeSet<String>,
    /// What they say of it, without addresses.
    pub(crate) says: BTreeSet<String>,
    /// Why less than everything is promised.
    pub(crate) because: &'static str,
    /// Where it fell short of what is promised.
    pub(crate) failures: Vec<String>,
    /// The ends of the cameras' logs.
    pub(crate) logs: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(quirk: &NamedQuirk, expected: &Expected) -> Self {
        Self {
            name: quirk.name,
            what: quirk.what,
            because: expected.because,
            ..Self::default()
        }
    }

    /// A row that came to no end.
    pub(crate) fn broken(quirk: &NamedQuirk, panic: &(dyn Any + Send)) -> Self {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        Self {
            failures: vec![format!("the row broke off: {}", words.unwrap_or("a panic"))],
            ..Self::new(quirk, &Expected::of(quirk.name))
        }
    }

    /// A failure unless this holds; the same one counts once.
    pub(crate) fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if holds {
            return;
        }
        let failure = otherwise();
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// Its failures, each with the row's name.
    pub(crate) fn told_failures(&self) -> Vec<String> {
        let failures = self.failures.iter();
        failures
            .map(|failure| format!("{}: {failure}", self.name))
            .collect()
    }
}

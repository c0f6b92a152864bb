//! The router, as last seen: everything the pages and the rules want to know of it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use utoipa::ToSchema;

use porthole_gateway::{
    Connection, DiscoveredRouter, ExternalAddress, RouterCapabilities, RouterClass, Table,
};
use porthole_types::ExternalPort;

mod advice;
mod news;
mod trait_words;
mod traits;

pub use news::RouterNews;
pub use trait_words::{RouterTrait, Stays};

/// The router, as last seen.
#[derive(Clone, Debug)]
pub struct RouterView {
    /// Whether one is there.
    pub state: RouterState,
    /// Which one, also while it does not answer.
    pub found: Option<DiscoveredRouter>,
    /// When it was found: another value means another router, or one that has begun anew.
    pub epoch: Option<Instant>,
    /// Its address on the Internet side.
    pub external: Option<ExternalAddress>,
    /// Whether its Internet side is up.
    pub connection: Connection,
    /// Its table, as last read.
    pub table: Option<TableView>,
    /// The mapping that it did not make when asked last, until that works.
    pub refusal: Option<Refusal>,
    /// What using it has taught: kept here so that a crash of its actor changes nothing that is
    /// shown.
    pub lessons: RouterCapabilities,
    /// When it last answered.
    pub last_answer: Option<SystemTime>,
    /// How long it takes to answer, of late.
    pub answer_time: Option<Duration>,
}

/// Whether a router is there, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum RouterState {
    /// The settings say not to look for one.
    Disabled,
    /// None has answered yet.
    Searching {
        /// The last search's outcome, in words; nothing before the first has ended.
        #[serde(skip)]
        why: Option<String>,
    },
    /// A router was found, and it answers.
    Found,
    /// It has stopped answering.
    Lost {
        /// What it did last, in words.
        #[serde(skip)]
        why: String,
    },
}

/// A mapping that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The port asked for.
    pub port: ExternalPort,
    /// What kind of failure it was, as metrics count it.
    pub kind: &'static str,
    /// What became of the request, in words.
    pub why: String,
}

/// One reading of the table.
#[derive(Clone, Debug)]
pub struct TableView {
    /// What was read.
    pub table: Arc<Table>,
    /// When, for reckoning.
    pub read_at: Instant,
    /// When, for people.
    pub read_wall: SystemTime,
}

impl RouterView {
    /// Before anything was seen.
    pub fn new(state: RouterState) -> Self {
        Self {
            state,
            found: None,
            epoch: None,
            external: None,
            connection: Connection::Unknown,
            table: None,
            refusal: None,
            lessons: RouterCapabilities::default(),
            last_answer: None,
            answer_time: None,
        }
    }

    /// What it lets a successor do.
    pub fn class(&self) -> RouterClass {
        self.lessons.class()
    }

    /// What the operator should know or do, if anything. `host_is_set`: the settings name the
    /// outside address, so a private one on the router is meant to be so.
    pub fn problem(&self, host_is_set: bool) -> Option<String> {
        match &self.state {
            RouterState::Disabled | RouterState::Searching { why: None } => None,
            RouterState::Searching { why: Some(why) } | RouterState::Lost { why } => {
                Some(why.clone())
            }
            RouterState::Found => self
                .external
                .as_ref()
                .filter(|_| !host_is_set)
                .and_then(|external| external.warning(self.connection))
                .or_else(|| self.refusal.as_ref().map(Refusal::problem))
                .or_else(|| {
                    let slow = self.answer_time.and_then(RouterTrait::slow_answers)?;
                    Some(slow.words)
                }),
        }
    }
}

impl Refusal {
    fn problem(&self) -> String {
        let Self { port, why, .. } = self;
        format!("Port {port} of the router cannot be mapped: {why}. This camera keeps asking.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use porthole_election::{LanMessaging, Memory, Rules, State, Succession};
    use porthole_gateway::{Granted, Lease, Showing};
    use porthole_types::{InstanceId, PortRange, Term};

    pub(super) fn port(port: u16) -> ExternalPort {
        ExternalPort::new(port).unwrap()
    }

    pub(super) fn rules() -> Rules {
        Rules {
            me: InstanceId(1),
            representative_port: port(8080),
            range: PortRange::new(port(8081), port(8180)).unwrap(),
            representative_lease: Duration::from_secs(30),
            lease: Duration::from_hours(1),
            heartbeat: Duration::from_secs(4),
            missed_limit: 2,
            detection: BTreeSet::new(),
            succession: Succession::PortOrder,
            lan: LanMessaging::Enabled,
        }
    }

    pub(super) fn state() -> State {
        State::new(Term(1), None, Memory::None)
    }

    /// A mapping that was asked for 30 s.
    pub(super) fn grant(lease: u32, showing: Showing) -> Granted {
        Granted {
            asked: Lease::from_seconds(30),
            lease: Lease::from_seconds(lease),
            showing,
        }
    }

    #[test]
    fn a_slow_router_is_told_of_when_nothing_is_worse() {
        let mut view = RouterView::new(RouterState::Found);
        for (millis, words) in [
            (80, None),
            (1_900, None),
            (
                6_200,
                Some("The router takes about 6 s to answer; takeovers are slower for it."),
            ),
        ] {
            view.answer_time = Some(Duration::from_millis(millis));
            assert_eq!(view.problem(true).as_deref(), words, "{millis} ms");
        }
        view.external = Some(ExternalAddress::UNREADABLE);
        let worse = view.problem(false).unwrap();
        assert!(
            worse.starts_with("The router does not tell its Internet address"),
            "{worse}"
        );
    }
}

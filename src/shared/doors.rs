//! The ports that this server listens on, wanted and open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;

use porthole_types::InternalPort;

/// How a wanted port stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// Somebody can come in.
    Open,
    /// It could not be opened; the text says why.
    Failed(String),
}

/// What is wanted, and what is. The election wants, the http actor opens and closes; neither waits
/// for the other's mailbox, and either may begin again at any time.
pub struct Doors {
    wanted: watch::Sender<BTreeSet<InternalPort>>,
    standing: watch::Sender<BTreeMap<InternalPort, Door>>,
}

impl Doors {
    /// At first the port of the settings is wanted, and nothing is open.
    pub fn new(first: InternalPort) -> Self {
        Self {
            wanted: watch::Sender::new(BTreeSet::from([first])),
            standing: watch::Sender::new(BTreeMap::new()),
        }
    }

    /// What is wanted.
    pub fn wanted(&self) -> watch::Receiver<BTreeSet<InternalPort>> {
        self.wanted.subscribe()
    }

    /// Wants these and no others.
    pub fn want(&self, ports: BTreeSet<InternalPort>) {
        self.wanted.send_if_modified(|wanted| {
            let changed = *wanted != ports;
            *wanted = ports;
            changed
        });
    }

    /// Says how the doors stand.
    pub fn stand(&self, doors: BTreeMap<InternalPort, Door>) {
        self.standing.send_replace(doors);
    }

    /// How the doors stand.
    pub fn standing(&self) -> BTreeMap<InternalPort, Door> {
        self.standing.borrow().clone()
    }

    /// Waits until a wanted port is open.
    ///
    /// # Errors
    /// Why it could not be opened, or that it was not within `patience`.
    pub async fn opened(&self, port: InternalPort, patience: Duration) -> Result<(), String> {
        let mut standing = self.standing.subscribe();
        let settled = standing.wait_for(|doors| doors.contains_key(&port));
        match tokio::time::timeout(patience, settled).await {
            Ok(Ok(doors)) => match doors.get(&port) {
                Some(Door::Failed(why)) => Err(why.clone()),
                _ => Ok(()),
            },
            Ok(Err(_)) => Err("the web server has ended".to_owned()),
            Err(_) => Err(format!(
                "port {port} was not opened in {} s",
                patience.as_secs()
            )),
        }
    }
}

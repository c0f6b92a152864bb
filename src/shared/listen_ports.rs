//! The ports that this server listens on, wanted and open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;

use super::published::{Published, Publisher, published};
use porthole_types::InternalPort;

/// Whether a wanted port is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortStatus {
    /// Connections are accepted.
    Listening,
    /// It could not be opened; the text says why.
    Failed(String),
}

impl PortStatus {
    /// Why the port could not be opened, if it could not.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Listening => None,
            Self::Failed(why) => Some(why),
        }
    }
}

/// The ports that are wanted, and those that are open. The election publishes the former, the http
/// actor the latter; neither waits for the other's mailbox, and either may be restarted at any time.
pub struct ListenPorts {
    wanted: Published<BTreeSet<InternalPort>>,
    status: Published<BTreeMap<InternalPort, PortStatus>>,
}

/// Who publishes the ports that are wanted.
pub type WantedPorts = Publisher<BTreeSet<InternalPort>>;

/// Who publishes which of them are open.
pub type OpenPorts = Publisher<BTreeMap<InternalPort, PortStatus>>;

impl ListenPorts {
    /// At first the port of the settings is wanted, and nothing is open.
    pub fn new(first: InternalPort) -> (WantedPorts, OpenPorts, Self) {
        let (wanted_ports, wanted) = published(BTreeSet::from([first]));
        let (open_ports, status) = published(BTreeMap::new());
        (wanted_ports, open_ports, Self { wanted, status })
    }

    /// The ports that are wanted; woken by each change.
    pub fn wanted(&self) -> watch::Receiver<BTreeSet<InternalPort>> {
        self.wanted.subscribe()
    }

    /// Each port that is or was wanted, with its status.
    pub fn status(&self) -> BTreeMap<InternalPort, PortStatus> {
        self.status.borrow().clone()
    }

    /// Waits until a wanted port is open.
    ///
    /// # Errors
    /// Why it could not be opened, or that it was not within `patience`.
    pub async fn opened(&self, port: InternalPort, patience: Duration) -> Result<(), String> {
        let mut status = self.status.subscribe();
        let known = status.wait_for(|ports| ports.contains_key(&port));
        match tokio::time::timeout(patience, known).await {
            Ok(Ok(ports)) => match ports.get(&port) {
                Some(PortStatus::Failed(why)) => Err(why.clone()),
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

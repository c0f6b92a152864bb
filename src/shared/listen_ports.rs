//! The ports that this server listens on, wanted and open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;

use porthole_types::InternalPort;

/// How a wanted port stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortStatus {
    /// Somebody can come in.
    Listening,
    /// It could not be opened; the text says why.
    Failed(String),
}

/// What is wanted, and what is. The election wants, the http actor opens and closes; neither waits
/// for the other's mailbox, and either may begin again at any time.
pub struct ListenPorts {
    wanted: watch::Sender<BTreeSet<InternalPort>>,
    status: watch::Sender<BTreeMap<InternalPort, PortStatus>>,
}

impl ListenPorts {
    /// At first the port of the settings is wanted, and nothing is open.
    pub fn new(first: InternalPort) -> Self {
        Self {
            wanted: watch::Sender::new(BTreeSet::from([first])),
            status: watch::Sender::new(BTreeMap::new()),
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
    pub fn set_status(&self, listen_ports: BTreeMap<InternalPort, PortStatus>) {
        self.status.send_replace(listen_ports);
    }

    /// How the doors stand.
    pub fn status(&self) -> BTreeMap<InternalPort, PortStatus> {
        self.status.borrow().clone()
    }

    /// Waits until a wanted port is open.
    ///
    /// # Errors
    /// Why it could not be opened, or that it was not within `patience`.
    pub async fn opened(&self, port: InternalPort, patience: Duration) -> Result<(), String> {
        let mut status = self.status.subscribe();
        let settled = status.wait_for(|listen_ports| listen_ports.contains_key(&port));
        match tokio::time::timeout(patience, settled).await {
            Ok(Ok(listen_ports)) => match listen_ports.get(&port) {
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

//! What people call this server (¶53).

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use crate::ids::InstanceId;

/// The name, once there is one: from the settings, from the state file, or "server N" from the first
/// port that the router gave. It then stays, whatever port comes later.
pub struct NameCell {
    given: ArcSwapOption<String>,
    shown: watch::Sender<String>,
}

impl NameCell {
    /// A cell with the name that the settings or the state file give, if they do. Until there is one,
    /// the end of the identity tells the servers apart.
    pub fn new(given: Option<String>, id: InstanceId) -> Self {
        let cell = Self {
            given: ArcSwapOption::empty(),
            shown: watch::Sender::new(format!("camera {}", &id.to_string()[12..])),
        };
        if let Some(given) = given {
            cell.set(given);
        }
        cell
    }

    /// The name, if there is one yet.
    pub fn given(&self) -> Option<String> {
        self.given.load().as_deref().cloned()
    }

    /// Gives it one.
    pub fn set(&self, name: String) {
        self.given.store(Some(name.clone().into()));
        self.shown.send_replace(name);
    }

    /// What to show.
    pub fn shown(&self) -> String {
        self.shown.borrow().clone()
    }

    /// What to show, for who wants to know when it changes.
    pub fn watch(&self) -> watch::Receiver<String> {
        self.shown.subscribe()
    }
}

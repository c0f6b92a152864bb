//! What people call this server (¶53).

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use porthole_types::{InstanceId, Name};

/// The name: what people chose over HTTP, else what the settings say, else "server N" by the first
/// port that the router gave. "server N" stays, whatever port comes later. Until there is any, the
/// end of the identity tells the servers apart.
pub struct NameCell {
    names: Mutex<Names>,
    shown: watch::Sender<String>,
}

/// The names there are, first choice first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// What people chose over HTTP.
    pub chosen: Option<Name>,
    /// `node.name` of the settings.
    pub configured: Option<String>,
    /// The name "server N" that goes with its port on the router.
    pub numbered: Option<String>,
}

impl Names {
    fn given(&self) -> Option<String> {
        let chosen = self.chosen.as_ref().map(Name::to_string);
        chosen
            .or_else(|| self.configured.clone())
            .or_else(|| self.numbered.clone())
    }
}

impl NameCell {
    /// A cell with what settings and state file say.
    pub fn new(names: Names, id: InstanceId) -> Self {
        let nameless = || format!("camera {}", &id.to_string()[12..]);
        Self {
            shown: watch::Sender::new(names.given().unwrap_or_else(nameless)),
            names: Mutex::new(names),
        }
    }

    /// The name, if there is one yet.
    pub fn given(&self) -> Option<String> {
        self.names().given()
    }

    /// The chosen, the configured and the numbered name.
    pub fn names(&self) -> Names {
        // Each change sets one whole field.
        self.names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// People choose another; with none it goes by the settings or its number again.
    pub(super) fn choose(&self, name: Option<Name>) {
        self.change(|names| names.chosen = name);
    }

    /// "server N", from the first port that the router gave.
    pub fn number(&self, name: String) {
        self.change(|names| names.numbered = Some(name));
    }

    fn change(&self, change: impl FnOnce(&mut Names)) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut names);
        if let Some(given) = names.given() {
            self.shown.send_if_modified(|shown| {
                let news = *shown != given;
                *shown = given;
                news
            });
        }
    }

    /// The name that is shown: there is always one.
    pub fn shown(&self) -> String {
        self.shown.borrow().clone()
    }

    /// The name that is shown; woken by each change.
    pub fn watch(&self) -> watch::Receiver<String> {
        self.shown.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_choose_goes_before_the_settings_and_those_before_the_number() {
        let configured = Names {
            configured: Some("Garden".to_owned()),
            ..Names::default()
        };
        let cell = NameCell::new(configured, InstanceId(0xabcd));
        cell.number("server 2".to_owned());
        assert_eq!(cell.shown(), "Garden");
        cell.choose(Some(Name::new("Küche").unwrap()));
        assert_eq!(cell.shown(), "Küche");
        cell.choose(None);
        assert_eq!(cell.shown(), "Garden");
    }

    #[test]
    fn without_any_name_the_identity_tells_it_apart_until_the_first_port() {
        let cell = NameCell::new(Names::default(), InstanceId(0xabcd));
        assert_eq!((cell.shown().as_str(), cell.given()), ("camera abcd", None));
        cell.number("server 2".to_owned());
        assert_eq!(cell.shown(), "server 2");
    }
}

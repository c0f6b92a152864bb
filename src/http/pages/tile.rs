//! One camera as a page shows it.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::WebUrl;
use porthole_types::InstanceId;

/// One camera on a page: its name linked to its address, its picture, what it is doing.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Who it is; unknown for an entry that only the router's table knows.
    pub id: Option<InstanceId>,
    /// The name people gave it, or `server N` (¶53). Untrusted text.
    pub name: String,
    /// What tells it from another camera of the same name (`port 8081`); nothing where the name is
    /// enough.
    pub label: Option<String>,
    /// Its page, as this visitor reaches it; shown as text too, as in Fig. 6. Nothing where this
    /// visitor has no way there, as from outside before the router has given it a port.
    pub url: Option<WebUrl>,
    /// A path of this server that leads there with the visitor's login; nothing where its own
    /// address does.
    pub entry: Option<String>,
    /// Where a still of it is, with the visitor's leave to look at it.
    pub still: Option<String>,
    /// What its picture is doing.
    pub state: TileState,
    /// The same in words: `1280×720, 30/s, 2 viewers`, or the reason of a failure. Untrusted text.
    pub detail: String,
    /// Whether it is the one that answers for all.
    pub role: Role,
    /// Whether somebody on the LAN vouches for it.
    pub trust: Trust,
    /// Whether it still speaks.
    pub presence: Presence,
}

/// What a camera's picture is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CameraState)]
#[serde(rename_all = "lowercase")]
pub enum TileState {
    /// Pictures are being taken.
    Live,
    /// Nobody watches, so the camera rests; the first viewer wakes it.
    Idle,
    /// There is no picture, and the detail says why.
    Failed,
    /// Nothing is known about its picture.
    Unknown,
}

impl TileState {
    /// The value in the page (`data-state`) and in `/api/v1/cameras` (`state`).
    pub fn token(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Idle => "idle",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The word a person reads; `static/tiles.js` says the same.
    fn word(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Idle => "Resting",
            Self::Failed => "No picture",
            Self::Unknown => "Not known",
        }
    }
}

/// Whether a camera holds the representative's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It answers for all at the predetermined port.
    Representative,
    /// It is reached at a port of its own.
    Member,
}

/// Whether a camera is more than a line in the router's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A message on the LAN vouches for it.
    Verified,
    /// Only the router's table names it.
    Unverified,
}

/// Whether a camera still speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It does, as far as anybody can tell.
    Here,
    /// It has missed its turn; the page dims it until it speaks again or is gone.
    Fading {
        /// How long ago it was heard last.
        last_heard: Duration,
    },
}

// What the templates ask a tile for.
impl Tile {
    /// The empty tile that the page's script copies for a camera that joins later.
    pub(super) fn prototype() -> Self {
        Self {
            id: None,
            name: String::new(),
            label: None,
            url: None,
            entry: None,
            still: None,
            state: TileState::Unknown,
            detail: String::new(),
            role: Role::Member,
            trust: Trust::Verified,
            presence: Presence::Here,
        }
    }

    pub(super) fn id_text(&self) -> String {
        self.id.map(String::from).unwrap_or_default()
    }

    pub(super) fn url_text(&self) -> &str {
        self.url.as_ref().map_or("", WebUrl::as_str)
    }

    /// Where its name leads.
    pub(super) fn href(&self) -> Option<&str> {
        let address = self.url.as_ref().map(WebUrl::as_str);
        self.entry.as_deref().or(address)
    }

    pub(super) fn state_token(&self) -> &'static str {
        self.state.token()
    }

    pub(super) fn state_word(&self) -> &'static str {
        self.state.word()
    }

    pub(super) fn is_representative(&self) -> bool {
        self.role == Role::Representative
    }

    pub(super) fn label_text(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }

    pub(super) fn presence_token(&self) -> &'static str {
        match self.presence {
            Presence::Here => "here",
            Presence::Fading { .. } => "fading",
        }
    }

    /// Whole seconds since it was heard, while it fades.
    pub(super) fn silent_seconds(&self) -> Option<u64> {
        match self.presence {
            Presence::Here => None,
            Presence::Fading { last_heard } => Some(last_heard.as_secs()),
        }
    }

    pub(super) fn is_verified(&self) -> bool {
        self.trust == Trust::Verified
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_uses_the_same_word_for_each_state_as_the_page() {
        let script = include_str!("../../../static/tiles.js");
        for state in [
            TileState::Live,
            TileState::Idle,
            TileState::Failed,
            TileState::Unknown,
        ] {
            let line = format!("{}: \"{}\"", state.token(), state.word());
            assert!(script.contains(&line), "static/tiles.js lacks {line}");
        }
    }
}

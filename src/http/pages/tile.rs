//! One camera as a page shows it.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::WebUrl;
use porthole_types::InstanceId;

/// One camera on a page: its name linked to its address, its picture, what it is doing.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Its identity; unknown for an entry that only the router's table knows.
    pub id: Option<InstanceId>,
    /// The name people gave it, or `server N` (¶53). Untrusted text.
    pub name: String,
    /// What tells it from another camera of the same name (`port 8081`); nothing where the name is
    /// enough.
    pub label: Option<String>,
    /// Its page, as this client reaches it; shown as text too, as in Fig. 6. Nothing where this
    /// client has no way there, as from outside before the router has given it a port.
    pub url: Option<WebUrl>,
    /// A path of this server that leads there with the client's login; nothing where its own
    /// address does.
    pub page_path: Option<String>,
    /// Where a still of it is, with the ticket that lets the client load it.
    pub still: Option<String>,
    /// What its picture is doing.
    pub state: TileState,
    /// The same in words: `1280×720, 30/s, 2 viewers`, or the reason of a failure. Untrusted text.
    pub detail: String,
    /// Whether it is the representative: the representative port is mapped to it.
    pub is_representative: bool,
    /// Whether a message on the LAN vouches for it; otherwise only the router's table, or mDNS,
    /// names it.
    pub is_verified: bool,
    /// While it fades, how long ago it was heard last: the page dims it until it speaks again or
    /// is gone.
    pub silent_for: Option<Duration>,
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

// What the templates ask a tile for.
impl Tile {
    /// The empty tile that the page's script copies for a camera that joins later.
    pub(super) fn prototype() -> Self {
        Self {
            id: None,
            name: String::new(),
            label: None,
            url: None,
            page_path: None,
            still: None,
            state: TileState::Unknown,
            detail: String::new(),
            is_representative: false,
            is_verified: true,
            silent_for: None,
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
        self.page_path.as_deref().or(address)
    }

    pub(super) fn state_token(&self) -> &'static str {
        self.state.token()
    }

    pub(super) fn state_word(&self) -> &'static str {
        self.state.word()
    }

    pub(super) fn label_text(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }

    pub(super) fn presence_token(&self) -> &'static str {
        match self.silent_for {
            None => "here",
            Some(_) => "fading",
        }
    }

    /// Whole seconds since it was heard, while it fades.
    pub(super) fn silent_seconds(&self) -> Option<u64> {
        self.silent_for.map(|silent| silent.as_secs())
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

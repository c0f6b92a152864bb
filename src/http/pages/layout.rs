//! What every page has around its own contents: who is the representative, what a person should
//! know, the router, and what this client may do.

use std::time::SystemTime;

use serde::Serialize;
use utoipa::ToSchema;

use super::WebUrl;
use crate::auth::{Access, LoginScope};
use crate::shared::{CameraRef, LeadershipStanding, LeadershipView, Reason};
use porthole_types::InstanceId;

/// What stands around the content of a page.
#[derive(Clone, Debug)]
pub struct PageLayout {
    /// The line about the representative.
    pub leadership: LeadershipLine,
    /// What a person should know, most important first.
    pub notices: Vec<Notice>,
    /// The router in one line, for the foot of the page.
    pub router_line: String,
    /// What this client is logged in as; nothing where it watches without (`auth.public_view`).
    pub access: Option<Access>,
    /// How far a login carries.
    pub reach: LoginScope,
    /// Where the demo's "pull the plug" button posts to; only the demo sets it.
    pub demo: Option<WebUrl>,
}

impl PageLayout {
    pub(super) fn access_token(&self) -> &'static str {
        self.access.map_or("public", Access::as_str)
    }

    pub(super) fn is_admin(&self) -> bool {
        self.access == Some(Access::Admin)
    }
}

/// Who is the representative, and what the page says about it.
#[derive(Clone, Debug)]
pub struct LeadershipLine {
    /// The camera that serves the page.
    pub me: InstanceId,
    /// With the names and links that are right for this client; nothing while no representative is
    /// known, nor a vacancy.
    pub view: Option<LeadershipView>,
    /// Why none is known, as a sentence: no router, a router that refuses, none elected yet.
    /// Shown only then.
    pub why_unknown: String,
}

/// A sentence for the person in front of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// The sentence itself, without markup.
    pub text: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know.
    Info,
    /// Something does not work, or is not safe.
    Warning,
}

impl Level {
    /// The value in the page (`data-level`), the same as in the API (`level`).
    pub fn token(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }
}

impl LeadershipLine {
    /// The value in the page (`data-standing`) and in `/api/v1/cameras` (`standing`).
    pub(super) fn token(&self) -> &'static str {
        LeadershipStanding::of(self.view.as_ref(), self.me).as_str()
    }

    /// Since when there is this representative, on the line for `token`: RFC 3339 in UTC, which the
    /// page's script turns into the client's own time. Nothing on a line that is hidden.
    pub(super) fn since_text(&self, token: &str) -> Option<String> {
        let (since, _) = self.tenure(token)?;
        let time = since?;
        // Before 1970 or after 9999 the clock is wrong and `humantime` would have no text for it.
        let age = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        (age.as_secs() < 253_402_300_800)
            .then(|| humantime::format_rfc3339_seconds(time).to_string())
    }

    /// Why it is the representative, likewise, in words to stand after "because".
    pub(super) fn because(&self, token: &str) -> Option<&'static str> {
        let (_, reason) = self.tenure(token)?;
        reason.because
    }

    fn tenure(&self, token: &str) -> Option<(Option<SystemTime>, Reason)> {
        match &self.view {
            Some(LeadershipView::Held { since, reason, .. }) if token == self.token() => {
                Some((*since, *reason))
            }
            _ => None,
        }
    }

    /// The representative, where it is another server.
    pub fn representative(&self) -> Option<&CameraRef> {
        match &self.view {
            Some(LeadershipView::Held { by, .. }) => self.unless_me(by),
            _ => None,
        }
    }

    /// Who shows all cameras during a vacancy, where another server does.
    pub fn deputy(&self) -> Option<&CameraRef> {
        match &self.view {
            Some(LeadershipView::Vacant { successor, .. }) => successor
                .as_ref()
                .filter(|successor| successor.is_deputy())
                .and_then(|deputy| self.unless_me(&deputy.camera)),
            _ => None,
        }
    }

    fn unless_me<'a>(&self, camera: &'a CameraRef) -> Option<&'a CameraRef> {
        (camera.id != Some(self.me)).then_some(camera)
    }

    /// Why nobody is the representative, and who is about to be, in a sentence or two.
    pub(super) fn vacancy_words(&self) -> &str {
        match &self.view {
            Some(LeadershipView::Vacant { words, .. }) => words,
            _ => "",
        }
    }

    pub(super) fn why_unknown(&self) -> &str {
        match &self.view {
            None => &self.why_unknown,
            Some(_) => "",
        }
    }
}

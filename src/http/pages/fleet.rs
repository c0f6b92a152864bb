//! The fleet page: this camera large, every other one linked (Fig. 6 and 7).

use std::time::SystemTime;

use askama::Template;

use super::{Tile, WebUrl};

/// Everything on the page at `/`, ready to be shown to one visitor.
#[derive(Clone, Debug)]
pub struct FleetPage {
    /// The camera that serves this page.
    pub me: Tile,
    /// All the others, in the order they are to appear. Empty: the page has no camera links (¶52).
    pub others: Vec<Tile>,
    /// What this server is among them.
    pub standing: Standing,
    /// What a person should know, most important first.
    pub notices: Vec<Notice>,
    /// The router in one line, for the foot of the page.
    pub router_line: String,
    /// Where the demo's "pull the plug" button posts to; only the demo sets it.
    pub demo: Option<WebUrl>,
}

/// What this server is among the others, and what the page says about it.
#[derive(Clone, Debug)]
pub enum Standing {
    /// It holds the predetermined port and answers for all.
    Representative {
        /// Since when, where known.
        since: Option<SystemTime>,
    },
    /// Another one answers for all.
    Member {
        /// That one's name and address.
        representative: Link,
    },
    /// There is no representative to name.
    Alone {
        /// The reason, as a sentence: no router, a router that refuses, none elected yet.
        why: String,
    },
}

/// A name and where it leads.
#[derive(Clone, Debug)]
pub struct Link {
    /// What the link says. Untrusted text.
    pub name: String,
    /// Where it leads; nothing where this visitor has no way there.
    pub url: Option<WebUrl>,
}

/// A sentence for the person in front of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// The sentence.
    pub text: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something does not work, or is not safe.
    Warning,
}

impl Level {
    /// The value in the page (`data-level`) and in `/api/v1/cameras` (`level`).
    pub fn token(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }
}

impl Standing {
    /// The value in the page (`data-standing`) and in `/api/v1/cameras` (`standing`).
    pub fn token(&self) -> &'static str {
        match self {
            Self::Representative { .. } => "representative",
            Self::Member { .. } => "member",
            Self::Alone { .. } => "alone",
        }
    }

    /// RFC 3339 in UTC; the page's script turns it into the visitor's own time.
    fn since(&self) -> Option<String> {
        match self {
            // Before 1970 or after 9999 the clock is wrong and `humantime` would have no text for it.
            Self::Representative { since: Some(time) } => {
                let age = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                (age.as_secs() < 253_402_300_800)
                    .then(|| humantime::format_rfc3339_seconds(*time).to_string())
            }
            _ => None,
        }
    }

    fn representative(&self) -> Option<&Link> {
        match self {
            Self::Member { representative } => Some(representative),
            _ => None,
        }
    }

    fn why(&self) -> &str {
        match self {
            Self::Alone { why } => why,
            _ => "",
        }
    }
}

#[derive(Template)]
#[template(path = "fleet.html")]
struct FleetTemplate<'a> {
    page: &'a FleetPage,
    prototype: Tile,
}

/// The fleet page as HTML.
///
/// # Errors
/// When formatting fails, which a `String` as the target rules out in practice.
pub fn fleet(page: &FleetPage) -> Result<String, askama::Error> {
    FleetTemplate {
        page,
        prototype: Tile::prototype(),
    }
    .render()
}

//! What every page has around its own contents: who answers for all, what a person should know, the
//! router, and what this visitor may do.

use std::time::SystemTime;

use serde::Serialize;
use utoipa::ToSchema;

use super::WebUrl;
use crate::auth::{Access, LoginScope};

/// The frame of a page.
#[derive(Clone, Debug)]
pub struct PageLayout {
    /// What this server is among the cameras.
    pub standing: Standing,
    /// What a person should know, most important first.
    pub notices: Vec<Notice>,
    /// The router in one line, for the foot of the page.
    pub router_line: String,
    /// What this visitor is logged in as; nothing who watches without (`auth.public_view`).
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

/// Who answers for all, and what the page says about it.
#[derive(Clone, Debug)]
pub enum Standing {
    /// This server.
    Representative(Reason),
    /// Another one.
    Member {
        /// That one's name and address.
        representative: Link,
        /// How it came to that.
        reason: Reason,
    },
    /// Nobody at the moment.
    Vacant {
        /// Why, and who is about to, in a sentence or two.
        words: String,
        /// Who shows all cameras meanwhile, if one does.
        deputy: Option<Link>,
    },
    /// Nobody that is known.
    Alone {
        /// The reason, as a sentence: no router, a router that refuses, none elected yet.
        why: String,
    },
}

/// How the office came to its holder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reason {
    /// Since when it holds it, where that is known.
    pub since: Option<SystemTime>,
    /// Why, in words to stand after "because", where that is known.
    pub because: Option<&'static str>,
}

/// A name and where it leads.
#[derive(Clone, Debug)]
pub struct Link {
    /// What the link says. Untrusted text.
    pub name: String,
    /// Where it leads, an address or a path of this server; nothing where this visitor has no way
    /// there.
    pub href: Option<String>,
}

/// A sentence for the person in front of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// The sentence.
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

impl Standing {
    /// The value in the page (`data-standing`) and in `/api/v1/cameras` (`standing`).
    pub fn token(&self) -> &'static str {
        match self {
            Self::Representative(_) => "representative",
            Self::Member { .. } => "member",
            Self::Vacant { .. } => "vacant",
            Self::Alone { .. } => "alone",
        }
    }

    /// What the line for `token` says; nothing of a line that is hidden.
    pub(super) fn reason(&self, token: &str) -> Reason {
        match self {
            Self::Representative(reason) | Self::Member { reason, .. } if self.token() == token => {
                *reason
            }
            _ => Reason::default(),
        }
    }

    pub(super) fn representative(&self) -> Option<&Link> {
        match self {
            Self::Member { representative, .. } => Some(representative),
            _ => None,
        }
    }

    pub(super) fn deputy(&self) -> Option<&Link> {
        match self {
            Self::Vacant { deputy, .. } => deputy.as_ref(),
            _ => None,
        }
    }

    pub(super) fn words(&self) -> &str {
        match self {
            Self::Vacant { words, .. } => words,
            _ => "",
        }
    }

    pub(super) fn why(&self) -> &str {
        match self {
            Self::Alone { why } => why,
            _ => "",
        }
    }
}

impl Reason {
    /// RFC 3339 in UTC; the page's script turns it into the visitor's own time.
    pub(super) fn since_text(&self) -> Option<String> {
        let time = self.since?;
        // Before 1970 or after 9999 the clock is wrong and `humantime` would have no text for it.
        let age = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        (age.as_secs() < 253_402_300_800)
            .then(|| humantime::format_rfc3339_seconds(time).to_string())
    }
}

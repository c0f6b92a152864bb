//! [`Caller`] and [`Credential`]: who sends a request, and what shows it. [`AuthPolicy`]: what a
//! path wants to know of that.
//!
//! A [`Caller`] is made by [`authenticate`](super::authenticate::authenticate) and found by the
//! handlers in the request's extensions.

use crate::auth::{Access, Claims, ClaimsError};

/// Who sends a request.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// What shows it.
    pub credential: Credential,
    /// Why the cookie that was sent does not count, where one was.
    pub stale: Option<ClaimsError>,
}

/// What shows that a caller may do something.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// Nothing was sent that counts.
    #[default]
    Nothing,
    /// Nothing was sent, where anybody may watch (`auth.public_view`).
    PublicView,
    /// A session, in the cookie.
    Session(Claims),
    /// A token, or a session, in the header `Authorization: Bearer` (RFC 6750).
    Bearer(Claims),
    /// User name and password, in the header `Authorization: Basic` (RFC 7617).
    Password(Access),
    /// A picture ticket for this camera, in the address (`?ticket=`).
    Ticket,
}

impl Caller {
    /// What it may do; none: nothing.
    pub fn access(&self) -> Option<Access> {
        match &self.credential {
            Credential::Nothing => None,
            Credential::PublicView | Credential::Ticket => Some(Access::Viewer),
            Credential::Session(claims) | Credential::Bearer(claims) => Some(claims.access),
            Credential::Password(access) => Some(*access),
        }
    }

    /// What it may do by a login of its own; none where it may only do what anybody may.
    pub fn logged_in(&self) -> Option<Access> {
        match self.credential {
            Credential::PublicView => None,
            _ => self.access(),
        }
    }

    /// The session or token that shows it.
    pub fn claims(&self) -> Option<&Claims> {
        match &self.credential {
            Credential::Session(claims) | Credential::Bearer(claims) => Some(claims),
            _ => None,
        }
    }
}

/// What a path wants to know, from the least strict to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthPolicy {
    /// Nothing: anybody may, or the route asks for the LAN.
    Public,
    /// Who it is, if it has a session; anybody may.
    Optional,
    /// Who it is: viewers may, at least.
    Required,
}

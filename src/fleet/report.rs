//! [`Report`]: what a server says of itself to the others.

use serde::{Deserialize, Serialize};

use super::{Activity, Scheme};
use porthole_types::{ExternalPort, InternalPort, Term};

/// The port number notice (¶47): who a server is, and where it can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its name, at most 64 characters.
    pub name: String,
    /// Its web server's port on the LAN; the address is the datagram's own.
    pub http_port: InternalPort,
    /// Its port on the router, if it has one.
    pub external: Option<ExternalPort>,
    /// The highest term it knows of.
    pub term: Term,
    /// What its camera is doing.
    pub activity: Activity,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
    /// Whether it answers an Inquiry.
    pub occasion: Occasion,
    /// A digest of what it knows about logins (`AuthState::digest` of `site`), so that a
    /// difference is noticed.
    pub auth_state: u32,
}

/// What a report was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// The report is the answer to one (Embodiment 2).
    Asked,
    /// It was sent unasked (¶47, ¶64).
    Unasked,
}

//! What the fleet looks like from one server.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use porthole_types::{ExternalPort, InstanceId};

/// Every camera that this server knows of, itself included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// In the order of their external ports; those without one last, by name.
    pub cameras: Vec<Camera>,
}

/// One camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// This server or another.
    pub who: Who,
    /// Its identity, when it has told; the router's table does not.
    pub id: Option<InstanceId>,
    /// Its name, as it tells it or as its entry in the table does.
    pub name: String,
    /// Where it answers on the LAN.
    pub lan: SocketAddrV4,
    /// Where it answers from outside.
    pub external: Option<ExternalPort>,
    /// Whether it is the representative.
    pub standing: Standing,
    /// What it is doing.
    pub activity: Activity,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
    /// Who says so.
    pub vouched: Vouched,
    /// Which sources know of it, and how long ago each spoke of it.
    pub sources: BTreeMap<Source, Duration>,
    /// Whether it still speaks.
    pub presence: Presence,
    /// How long ago it spoke for itself; where it never has, how long ago the newest of the
    /// sources spoke of it.
    pub age: Duration,
}

/// This server or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// This server.
    Me,
    /// Another one.
    Another,
}

/// Whether a camera is the representative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// The representative port is mapped to it.
    Representative,
    /// It is not.
    Member,
}

/// What a camera is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "detail")]
pub enum Activity {
    /// Pictures come; the text says of what size, how fast and to how many.
    Live(String),
    /// Nobody watches, the device is closed.
    Idle,
    /// No picture; the text says why.
    Failed(String),
    /// It has not told.
    Unknown,
}

/// Who vouches for a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// It spoke for itself on the LAN, lately.
    ByItself,
    /// It does not speak, or no more: only an entry in the router's table, or in mDNS, says that it
    /// is there. Shown as *unverified*.
    ByHint,
}

/// How a web server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    #[default]
    Http,
    /// Through TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// One of the ways in which a camera becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// This server knows itself.
    Itself,
    /// The router's table (Embodiments 1 and 3).
    Table,
    /// Its answer to an Inquiry (Embodiment 2).
    Answer,
    /// Its report, sent unasked (¶47, ¶64).
    Report,
    /// Its entry in the LAN's mDNS: a hint, since anybody can make one.
    Mdns,
}

/// Whether a camera still speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It does, or nobody can tell: only the router's table or mDNS names it.
    Here,
    /// It has missed its turn more than once; it goes from the list unless it speaks soon.
    Fading,
}

impl Camera {
    /// Whether people see the same of both: all but the ages, which change all the time.
    fn looks_like(&self, other: &Self) -> bool {
        let Self {
            who,
            id,
            name,
            lan,
            external,
            standing,
            activity,
            scheme,
            vouched,
            sources,
            presence,
            age: _,
        } = self;
        (*who, *id, *lan, *external) == (other.who, other.id, other.lan, other.external)
            && (*standing, *scheme) == (other.standing, other.scheme)
            && (*vouched, *presence) == (other.vouched, other.presence)
            && (name, activity) == (&other.name, &other.activity)
            && sources.keys().eq(other.sources.keys())
    }
}

impl Fleet {
    /// Whether people see the same of both.
    pub fn looks_like(&self, other: &Self) -> bool {
        let mut both = self.cameras.iter().zip(&other.cameras);
        self.cameras.len() == other.cameras.len() && both.all(|(one, two)| one.looks_like(two))
    }

    /// The representative, when one is known.
    pub fn representative(&self) -> Option<&Camera> {
        self.cameras
            .iter()
            .find(|camera| camera.standing == Standing::Representative)
    }

    /// Every camera but this one.
    pub fn others(&self) -> impl Iterator<Item = &Camera> {
        self.cameras
            .iter()
            .filter(|camera| camera.who == Who::Another)
    }
}

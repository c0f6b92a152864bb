//! [`Fleet`]: every camera as one server sees it, the result of a merge.

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

/// What this server knows of one camera, put together from all sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// Whether it is this server's own.
    pub locality: Locality,
    /// Its identity; none where only the router's table knows of it.
    pub id: Option<InstanceId>,
    /// Its name, as it tells it or as its entry in the table does.
    pub name: String,
    /// Where it answers on the LAN.
    pub lan: SocketAddrV4,
    /// Where it answers from outside.
    pub external: Option<ExternalPort>,
    /// Whether the representative port is mapped to it.
    pub standing: Standing,
    /// What it is doing.
    pub activity: Activity,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
    /// Whether it has reported itself lately.
    pub verification: Verification,
    /// Which sources know of it, and how old what each says of it is.
    pub sources: BTreeMap<FleetSource, Duration>,
    /// Whether its reports still come.
    pub presence: Presence,
    /// Time since its last report; where there was none, the age of what the newest of the sources
    /// says of it.
    pub age: Duration,
}

/// Whether a camera belongs to the server whose fleet this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locality {
    /// To this server.
    ThisServer,
    /// To another one.
    OtherServer,
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

/// Whether a camera has shown by itself that it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It reported itself on the LAN within the last [`FRESH_HEARTBEATS`](super::FRESH_HEARTBEATS).
    Verified,
    /// It has not, or not lately: only an entry in the router's table, or in mDNS, says that it is
    /// there.
    Unverified,
}

/// The scheme of a web server's URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP without TLS: everything is sent in the clear.
    #[default]
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme as URLs have it, without the colon.
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
#[schema(as = Source)]
pub enum FleetSource {
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

/// Whether a camera's reports still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// They do, or nobody can tell: only the router's table or mDNS names it.
    Here,
    /// More than one is overdue; it goes from the list unless one comes soon.
    Fading,
}

impl Camera {
    /// Whether it is this server's own, or has said itself on the LAN that it is there, signed
    /// where the site has a key. What only the router's table or mDNS names may be anybody: those
    /// lists are open to every device on the LAN.
    pub fn vouches_for_itself(&self) -> bool {
        let own_word = |source: &FleetSource| {
            matches!(
                source,
                FleetSource::Itself | FleetSource::Answer | FleetSource::Report
            )
        };
        self.locality == Locality::ThisServer || self.sources.keys().any(own_word)
    }

    /// Whether people see the same of both: all but the ages, which change all the time.
    fn looks_like(&self, other: &Self) -> bool {
        let Self {
            locality,
            id,
            name,
            lan,
            external,
            standing,
            activity,
            scheme,
            verification,
            sources,
            presence,
            age: _,
        } = self;
        (*locality, *id, *lan, *external) == (other.locality, other.id, other.lan, other.external)
            && (*standing, *scheme) == (other.standing, other.scheme)
            && (*verification, *presence) == (other.verification, other.presence)
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
            .filter(|camera| camera.locality == Locality::OtherServer)
    }
}

//! What the events of `/api/v1/events` tell: the data of each kind.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::leadership::{Because, Guide, Heir, Person};
use crate::http::time::unix_seconds;
use crate::shared::{CameraChange, Change, Entry, RouterChange};
use porthole_types::Term;

/// The data of one event.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct Told {
    /// When the camera that answers noticed, seconds since 1970.
    at: f64,
    /// What happened, for a person.
    #[schema(example = "Back door is called Barn now.")]
    words: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EventDetails)]
#[serde(untagged)]
enum What {
    Representative(OfficeTaken),
    Vacancy(OfficeVacant),
    Camera(CameraEvent),
    Router(RouterEvent),
}

/// `representative`: somebody else is the representative now, or the same one again.
#[derive(Serialize, ToSchema)]
struct OfficeTaken {
    /// Null where that is not known.
    from: Option<Person>,
    to: Person,
    term: Term,
    /// Seconds since 1970.
    since: Option<f64>,
    #[serde(flatten)]
    cause: Because,
}

/// `vacancy`: nobody is the representative, or somebody else is about to be.
#[derive(Serialize, ToSchema)]
struct OfficeVacant {
    /// Who was; null where that is not known.
    previous: Option<Person>,
    /// Who is about to be.
    successor: Option<Heir>,
    #[serde(flatten)]
    cause: Because,
}

/// `camera`: something happened to one camera.
#[derive(Serialize, ToSchema)]
struct CameraEvent {
    change: CameraWord,
    camera: Person,
}

/// What happened to a camera.
#[derive(Serialize, ToSchema)]
#[schema(as = CameraChange)]
#[serde(rename_all = "lowercase")]
enum CameraWord {
    /// It is in the fleet now.
    Joined,
    /// It is not any more.
    Left,
    /// It has another name.
    Renamed,
    /// It has another port of the router, or another address on the LAN.
    Moved,
}

/// `router`: something happened to the router.
#[derive(Serialize, ToSchema)]
struct RouterEvent {
    change: RouterWord,
}

/// What happened to the router.
#[derive(Serialize, ToSchema)]
#[schema(as = RouterChange)]
#[serde(rename_all = "lowercase")]
enum RouterWord {
    /// One answers.
    Found,
    /// It answers no more.
    Lost,
    /// Its address on the Internet side is another one.
    Address,
}

/// The kind of an event, and its data as a visitor is told.
pub fn told(entry: &Entry, guide: &Guide) -> (&'static str, Told) {
    let (kind, what) = what(&entry.change, guide);
    let told = Told {
        at: unix_seconds(entry.at),
        words: entry.change.words(),
        what,
    };
    (kind, told)
}

fn what(change: &Change, guide: &Guide) -> (&'static str, What) {
    match change {
        Change::Representative {
            from,
            to,
            term,
            cause,
            since,
        } => (
            "representative",
            What::Representative(OfficeTaken {
                from: from.as_ref().map(|from| guide.person(from)),
                to: guide.person(to),
                term: *term,
                since: since.map(unix_seconds),
                cause: (*cause).into(),
            }),
        ),
        Change::Vacancy {
            cause,
            previous,
            successor,
        } => (
            "vacancy",
            What::Vacancy(OfficeVacant {
                previous: previous.as_ref().map(|previous| guide.person(previous)),
                successor: successor
                    .as_ref()
                    .map(|successor| guide.successor(successor)),
                cause: Some(*cause).into(),
            }),
        ),
        Change::Camera { camera, change } => (
            "camera",
            What::Camera(CameraEvent {
                change: match change {
                    CameraChange::Joined => CameraWord::Joined,
                    CameraChange::Left => CameraWord::Left,
                    CameraChange::Renamed { .. } => CameraWord::Renamed,
                    CameraChange::Moved { .. } => CameraWord::Moved,
                },
                camera: guide.person(camera),
            }),
        ),
        Change::Router(change) => (
            "router",
            What::Router(RouterEvent {
                change: match change {
                    RouterChange::Found { .. } => RouterWord::Found,
                    RouterChange::Lost { .. } => RouterWord::Lost,
                    RouterChange::Address(_) => RouterWord::Address,
                },
            }),
        ),
    }
}

//! Who answers for all, as one visitor is told: the `representative` of the API.

use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::links::Links;
use super::time::unix_seconds;
use crate::fleet::Fleet;
use crate::lan::ClientNetwork;
use crate::shared::{LeadershipView, Named, Successor};
use porthole_election::{Cause, ClaimStage};
use porthole_types::{InstanceId, Term};

/// Who answers for all.
#[derive(Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Representative {
    /// A camera does.
    Held(Held),
    /// None does.
    Vacant(Vacant),
}

/// The representative.
#[derive(Serialize, ToSchema)]
pub struct Held {
    #[serde(flatten)]
    who: Person,
    /// The highest term of office that the camera that answers knows of.
    term: Term,
    /// Since when it holds the office, seconds since 1970; null where only the router or its own
    /// report says so.
    since: Option<f64>,
    #[serde(flatten)]
    cause: Because,
    /// All of it in a sentence.
    #[schema(example = "Barn is the representative, because the port was free.")]
    words: String,
}

/// Nobody is the representative.
#[derive(Serialize, ToSchema)]
pub struct Vacant {
    /// The highest term of office that the camera that answers knows of.
    term: Term,
    #[serde(flatten)]
    cause: Because,
    /// Who held the office; null where that is not known.
    previous: Option<Person>,
    /// Who is about to take it; null while nobody has claimed it.
    successor: Option<Heir>,
    /// All of it in a sentence.
    words: String,
}

/// A camera, and where this visitor reaches it.
#[derive(Serialize, ToSchema)]
pub struct Person {
    /// Null where only the router's table names it.
    id: Option<InstanceId>,
    /// What people call it.
    #[schema(example = "Barn")]
    name: String,
    /// Null where this visitor has no way there.
    #[schema(format = "uri", example = "http://192.168.1.20:8080/")]
    url: Option<String>,
}

/// Who is about to take the office.
#[derive(Serialize, ToSchema)]
pub struct Heir {
    #[serde(flatten)]
    who: Person,
    stage: StageWord,
}

/// How far a successor has come.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimStage)]
#[serde(rename_all = "lowercase")]
enum StageWord {
    /// It asks the others whether they object.
    Claiming,
    /// It asks the router.
    Acquiring,
    /// It shows all cameras at its own `url`, because the router keeps the port for the one before.
    Deputy,
}

/// Why, for a program and for a person.
#[derive(Serialize, ToSchema)]
pub struct Because {
    /// Null where that is not known.
    cause: Option<Cause>,
    /// The same in words, to stand after "because".
    #[schema(example = "the port was free")]
    because: Option<&'static str>,
}

impl From<Option<Cause>> for Because {
    fn from(cause: Option<Cause>) -> Self {
        Self {
            cause,
            because: cause.map(Cause::words),
        }
    }
}

/// Gives cameras the addresses that are right for one visitor.
pub struct Guide<'a> {
    /// The fleet as it is now.
    pub fleet: &'a Fleet,
    /// How this site is reached.
    pub links: &'a Links,
    /// Who asks.
    pub visitor: ClientNetwork,
}

impl Guide<'_> {
    /// Where the visitor reaches this camera, if it does.
    pub fn url(&self, named: &Named) -> Option<super::pages::WebUrl> {
        let same = |id, name: &str| {
            Named {
                id,
                name: name.to_owned(),
            }
            .is(named)
        };
        let camera = self
            .fleet
            .cameras
            .iter()
            .find(|camera| same(camera.id, &camera.name))?;
        self.links.for_visitor(camera, self.visitor)
    }

    /// The camera with its address.
    pub fn person(&self, named: &Named) -> Person {
        Person {
            id: named.id,
            name: named.name.clone(),
            url: self.url(named).map(|url| url.to_string()),
        }
    }

    /// The successor with its address.
    pub fn successor(&self, successor: &Successor) -> Heir {
        Heir {
            who: self.person(&successor.who),
            stage: match successor.stage {
                ClaimStage::Claiming => StageWord::Claiming,
                ClaimStage::Acquiring => StageWord::Acquiring,
                ClaimStage::Deputy { .. } => StageWord::Deputy,
            },
        }
    }
}

/// Who answers for all; nothing where that is not known.
pub fn representative(app: &App, visitor: ClientNetwork, links: &Links) -> Option<Representative> {
    let fleet = app.shared.fleet.borrow().clone();
    let guide = Guide {
        fleet: &fleet,
        links,
        visitor,
    };
    let term = app.shared.role.load().term;
    let view = LeadershipView::of(&app.shared);
    let words = view.words()?;
    match view {
        LeadershipView::Held { by, since, cause } => Some(Representative::Held(Held {
            who: guide.person(&by),
            term,
            since: since.map(unix_seconds),
            cause: cause.into(),
            words,
        })),
        LeadershipView::Vacant {
            cause,
            previous,
            successor,
        } => Some(Representative::Vacant(Vacant {
            term,
            cause: Some(cause).into(),
            previous: previous.as_ref().map(|previous| guide.person(previous)),
            successor: successor
                .as_ref()
                .map(|successor| guide.successor(successor)),
            words,
        })),
        LeadershipView::Unknown => None,
    }
}

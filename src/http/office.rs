//! Who answers for all, as one visitor is told: the `representative` of the API.

use serde::Serialize;
use utoipa::ToSchema;

use super::links::Links;
use super::time::unix_seconds;
use super::{App, Visitor};
use crate::fleet::Fleet;
use crate::shared::{Named, OfficeView, Successor};
use porthole_election::{Bid, Cause};
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
    /// Since when it holds the office, seconds since 1970; null where only the router or its own report says so.
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
    late: Option<Person>,
    /// Who is about to take it; null while nobody has claimed it.
    heir: Option<Heir>,
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
    bid: BidWord,
}

/// How far a successor has come.
#[derive(Serialize, ToSchema)]
#[schema(as = Bid)]
#[serde(rename_all = "lowercase")]
enum BidWord {
    /// It asks the others whether they object.
    Candidate,
    /// It asks the router.
    Heir,
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
    pub visitor: Visitor,
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
    pub fn heir(&self, heir: &Successor) -> Heir {
        Heir {
            who: self.person(&heir.who),
            bid: match heir.bid {
                Bid::Candidate => BidWord::Candidate,
                Bid::Heir => BidWord::Heir,
                Bid::Deputy { .. } => BidWord::Deputy,
            },
        }
    }
}

/// Who answers for all; nothing where that is not known.
pub fn representative(app: &App, visitor: Visitor, links: &Links) -> Option<Representative> {
    let fleet = app.cells.fleet.borrow().clone();
    let guide = Guide {
        fleet: &fleet,
        links,
        visitor,
    };
    let term = app.cells.role.load().term;
    let view = OfficeView::of(&app.cells);
    let words = view.words()?;
    match view {
        OfficeView::Held { by, since, cause } => Some(Representative::Held(Held {
            who: guide.person(&by),
            term,
            since: since.map(unix_seconds),
            cause: cause.into(),
            words,
        })),
        OfficeView::Vacant { cause, late, heir } => Some(Representative::Vacant(Vacant {
            term,
            cause: Some(cause).into(),
            late: late.as_ref().map(|late| guide.person(late)),
            heir: heir.as_ref().map(|heir| guide.heir(heir)),
            words,
        })),
        OfficeView::Unknown => None,
    }
}

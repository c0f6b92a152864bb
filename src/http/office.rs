//! Who answers for all, as one visitor is told: the `representative` of the API.

use serde::Serialize;

use super::links::Links;
use super::time::unix_seconds;
use super::{App, Visitor};
use crate::cells::{Named, OfficeView, Successor};
use crate::election::{Bid, Cause};
use crate::fleet::Fleet;
use crate::ids::{InstanceId, Term};

/// Who answers for all.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Representative {
    /// A camera does.
    Held {
        #[serde(flatten)]
        who: Person,
        term: Term,
        /// Seconds since 1970.
        since: Option<f64>,
        #[serde(flatten)]
        cause: Because,
        words: String,
    },
    /// None does.
    Vacant {
        term: Term,
        #[serde(flatten)]
        cause: Because,
        late: Option<Person>,
        heir: Option<Heir>,
        words: String,
    },
}

/// A camera, and where this visitor reaches it.
#[derive(Serialize)]
pub struct Person {
    id: Option<InstanceId>,
    name: String,
    url: Option<String>,
}

/// Who is about to take the office.
#[derive(Serialize)]
pub struct Heir {
    #[serde(flatten)]
    who: Person,
    bid: &'static str,
}

/// Why, for a program and for a person.
#[derive(Serialize)]
pub struct Because {
    cause: Option<Cause>,
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
                Bid::Candidate => "candidate",
                Bid::Heir => "heir",
                Bid::Deputy { .. } => "deputy",
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
        OfficeView::Held { by, since, cause } => Some(Representative::Held {
            who: guide.person(&by),
            term,
            since: since.map(unix_seconds),
            cause: cause.into(),
            words,
        }),
        OfficeView::Vacant { cause, late, heir } => Some(Representative::Vacant {
            term,
            cause: Some(cause).into(),
            late: late.as_ref().map(|late| guide.person(late)),
            heir: heir.as_ref().map(|heir| guide.heir(heir)),
            words,
        }),
        OfficeView::Unknown => None,
    }
}

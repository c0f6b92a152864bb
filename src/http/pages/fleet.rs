//! The fleet page: this camera large, every other one linked (Fig. 6 and 7).

use askama::Template;

use super::{PageLayout, Tile};
use crate::auth::LoginScope;

/// From so many other cameras on, the page is a wall to look for one in: smaller tiles, and a box
/// that filters them.
const CROWD: usize = 12;

/// Everything on the page at `/`, ready to be shown to one client.
#[derive(Clone, Debug)]
pub struct FleetPage {
    /// The camera that serves this page.
    pub me: Tile,
    /// All the others, in the order they are to appear. Empty: the page has no camera links (¶52).
    pub others: Vec<Tile>,
    /// What stands around the pictures.
    pub layout: PageLayout,
}

impl FleetPage {
    /// Then no picture is loaded before the script knows which ones are on the screen.
    fn is_crowd(&self) -> bool {
        self.others.len() >= CROWD
    }

    fn has_unverified(&self) -> bool {
        self.others.iter().any(|other| !other.is_verified)
    }
}

#[derive(Template)]
#[template(path = "fleet.html")]
struct FleetTemplate<'a> {
    page: &'a FleetPage,
    crowd_from: usize,
    prototype: Tile,
}

/// The fleet page as HTML.
///
/// # Errors
/// When formatting fails, which a `String` as the target rules out in practice.
pub fn fleet(page: &FleetPage) -> Result<String, askama::Error> {
    FleetTemplate {
        page,
        crowd_from: CROWD,
        prototype: Tile::prototype(),
    }
    .render()
}

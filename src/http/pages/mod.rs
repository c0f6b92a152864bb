//! The pages a person sees (Fig. 6 and 7 of the seed): plain view models in, escaped HTML out.
//!
//! Nothing here asks another part of the program for anything. The handler of a page fills in the
//! model with what is right for this client (LAN or external links, words, states) and renders it.
//! The scripts in `static/` then keep the page up to date from `/api/v1/cameras`; every sentence
//! they may have to show is already in the page, hidden, so that the words live in `templates/`
//! alone.

mod camera;
mod fleet;
mod layout;
mod leave;
mod login;
mod settings;
#[cfg(test)]
mod tests;
mod tile;
mod web_url;

pub use camera::{CameraPage, camera};
pub use fleet::{FleetPage, fleet};
pub use layout::{LeadershipLine, Level, Notice, PageLayout};
pub use leave::{LeavePage, leave};
pub use login::{LoginPage, login};
pub use settings::{SettingsPage, settings};
pub use tile::{Tile, TileState};
pub use web_url::{NotAWebUrl, WebUrl};

//! The settings of this camera: name, remote access, picture, passwords, and what the router says.

use askama::Template;

use super::{PageLayout, Tile};
use crate::auth::{Access, LoginScope};
use crate::lan::ClientNetwork;

/// Everything on the page at `/settings`, ready to be shown to one client. Its script fetches the
/// values.
#[derive(Clone, Debug)]
pub struct SettingsPage {
    /// The camera that serves this page.
    pub camera: Tile,
    /// Where this client asks from: one that is outside loses the page by switching remote
    /// access off.
    pub client_network: ClientNetwork,
    /// What stands around the settings.
    pub layout: PageLayout,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsTemplate<'a> {
    page: &'a SettingsPage,
}

/// The settings page as HTML.
///
/// # Errors
/// When formatting fails, which a `String` as the target rules out in practice.
pub fn settings(page: &SettingsPage) -> Result<String, askama::Error> {
    SettingsTemplate { page }.render()
}

//! One camera alone: the picture as large as the screen allows, and the way back to the others.

use askama::Template;

use super::{PageLayout, Tile};
use crate::auth::LoginScope;

/// Everything on the page at `/camera`, ready to be shown to one client.
#[derive(Clone, Debug)]
pub struct CameraPage {
    /// The camera that serves this page; its detail names size, rate and viewers.
    pub camera: Tile,
    /// The representative's page, where that is another server's and this client has a way there;
    /// otherwise the way back to all cameras is `/`.
    pub representative: Option<String>,
    /// What stands around the picture.
    pub layout: PageLayout,
}

#[derive(Template)]
#[template(path = "camera.html")]
struct CameraTemplate<'a> {
    page: &'a CameraPage,
}

/// The page of this camera as HTML.
///
/// # Errors
/// When formatting fails, which a `String` as the target rules out in practice.
pub fn camera(page: &CameraPage) -> Result<String, askama::Error> {
    CameraTemplate { page }.render()
}

//! Who looks at a page, and what leads them on from there.

use actix_web::HttpRequest;

use crate::fleet::Camera;
use crate::http::App;
use crate::http::access::{Caller, CrossCameraLogin};
use crate::http::client_network::client_network;
use crate::http::links::Links;
use crate::lan::ClientNetwork;

/// One visitor's view of the cameras.
pub struct Viewpoint<'a> {
    /// What is known.
    pub app: &'a App,
    /// Where the visitor stands.
    pub visitor: ClientNetwork,
    /// How the site is reached.
    pub links: Links,
    /// What the visitor is logged in as.
    pub caller: &'a Caller,
    /// What that opens elsewhere.
    pub cross_camera: CrossCameraLogin<'a>,
}

impl<'a> Viewpoint<'a> {
    /// Of whoever sends this request.
    pub fn of(request: &'a HttpRequest, app: &'a App, caller: &'a Caller) -> Self {
        Self {
            app,
            visitor: client_network(request, app),
            links: Links::new(&app.shared),
            caller,
            cross_camera: CrossCameraLogin::of(request, app, caller),
        }
    }

    /// Where the camera's own name leads: its address, or a path of this server that carries the
    /// login along.
    pub fn way_to(&self, camera: &Camera) -> Option<String> {
        let address = self.links.for_visitor(camera, self.visitor)?;
        let path = self.cross_camera.page_path(camera);
        Some(path.unwrap_or_else(|| address.to_string()))
    }

    /// Where a still of it is, with the leave to look at it.
    pub fn still_of(&self, camera: &Camera) -> Option<String> {
        let still = self
            .links
            .for_visitor(camera, self.visitor)?
            .child("snapshot.jpg");
        Some(match self.cross_camera.picture_ticket_query(camera) {
            Some(ticket) => format!("{still}?{ticket}"),
            None => still,
        })
    }
}

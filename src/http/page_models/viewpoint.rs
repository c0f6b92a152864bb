//! The client that a page is for, and where links lead it.

use actix_web::HttpRequest;

use crate::fleet::Camera;
use crate::http::App;
use crate::http::access::{Caller, CrossCameraLogin};
use crate::http::client_network::client_network;
use crate::http::links::Links;
use crate::lan::ClientNetwork;

/// One client's view of the cameras.
pub struct Viewpoint<'a> {
    /// What is known.
    pub app: &'a App,
    /// Where the client stands.
    pub client: ClientNetwork,
    /// How the site is reached.
    pub links: Links,
    /// What the client is logged in as.
    pub caller: &'a Caller,
    /// What carries its login to other cameras.
    pub cross_camera: CrossCameraLogin<'a>,
}

impl<'a> Viewpoint<'a> {
    /// Of the client that sends this request.
    pub fn of(request: &'a HttpRequest, app: &'a App, caller: &'a Caller) -> Self {
        Self {
            app,
            client: client_network(request, app),
            links: Links::new(&app.shared),
            caller,
            cross_camera: CrossCameraLogin::of(request, app, caller),
        }
    }

    /// Where the camera's own name leads: its address, or a path of this server.
    pub fn page_url(&self, camera: &Camera) -> Option<String> {
        let address = self.links.for_client(camera, self.client)?;
        let path = self.page_path(camera);
        Some(path.unwrap_or_else(|| address.to_string()))
    }

    /// The path of this server that leads to the camera: one that carries the login along, or the
    /// page that says that nobody knows who it is. None where its own address does, or nothing.
    pub fn page_path(&self, camera: &Camera) -> Option<String> {
        self.links.for_client(camera, self.client)?;
        if camera.vouches_for_itself() {
            self.cross_camera.page_path(camera)
        } else {
            Some(format!("/leave?to={}", camera.lan))
        }
    }

    /// Where a still of it is, with the ticket that lets the client load it; none of a camera that
    /// has not shown to be one.
    pub fn still_url(&self, camera: &Camera) -> Option<String> {
        if !camera.vouches_for_itself() {
            return None;
        }
        let still = self
            .links
            .for_client(camera, self.client)?
            .child("snapshot.jpg");
        Some(match self.cross_camera.picture_ticket_query(camera) {
            Some(query) => format!("{still}?{query}"),
            None => still,
        })
    }
}

//! The addresses that links carry (¶44, ¶51): the router's for clients outside, the camera's
//! own for clients on the LAN.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::pages::WebUrl;
use crate::fleet::{Camera, Fleet};
use crate::lan::ClientNetwork;
use crate::shared::{CameraRef, LeadershipView, SharedState};

/// How this site is reached from outside, if it is.
#[derive(Clone, Debug)]
pub struct Links {
    host: Option<String>,
}

impl Links {
    /// The configured domain name, else the router's external address.
    pub fn new(shared: &SharedState) -> Self {
        let configured = shared.settings.router.external_host.clone();
        let address = || -> Option<Ipv4Addr> { shared.router.borrow().external.as_ref()?.address };
        Self {
            host: configured.or_else(|| address().map(|address| address.to_string())),
        }
    }

    /// The host that all cameras share for clients outside.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Where a camera answers from outside.
    pub fn external(&self, camera: &Camera) -> Option<WebUrl> {
        let host = self.host.as_ref()?;
        let scheme = camera.scheme.as_str();
        let url = format!("{scheme}://{host}:{}/", camera.external?);
        url.parse().ok()
    }

    /// Where a camera answers on the LAN.
    pub fn lan(camera: &Camera) -> Option<WebUrl> {
        let scheme = camera.scheme.as_str();
        format!("{scheme}://{}/", camera.lan).parse().ok()
    }

    /// The right one for this client; nothing where it has no way there.
    pub fn for_client(&self, camera: &Camera, client: ClientNetwork) -> Option<WebUrl> {
        match client {
            ClientNetwork::Lan => Self::lan(camera),
            ClientNetwork::Outside => self.external(camera),
        }
    }
}

/// Gives references to cameras the addresses that are right for one client.
pub struct UrlResolver {
    fleet: Arc<Fleet>,
    links: Links,
    client: ClientNetwork,
}

impl UrlResolver {
    /// With the fleet and the addresses as they are now.
    pub fn new(shared: &SharedState, client: ClientNetwork) -> Self {
        Self {
            fleet: shared.fleet.borrow().clone(),
            links: Links::new(shared),
            client,
        }
    }

    /// Fills in where the client reaches each of these cameras, as far as they have shown to be
    /// cameras.
    pub fn resolve<'a>(&self, references: impl Iterator<Item = &'a mut CameraRef>) {
        for reference in references {
            let mut cameras = self.fleet.cameras.iter();
            let camera = cameras.find(|camera| CameraRef::of(camera).is(reference));
            let camera = camera.filter(|camera| camera.vouches_for_itself());
            let url = camera.and_then(|camera| self.links.for_client(camera, self.client));
            reference.url = url.map(|url| url.to_string());
        }
    }

    /// The representative or the vacancy, with addresses; nothing where neither is known.
    pub fn leadership(&self, shared: &SharedState) -> Option<LeadershipView> {
        let mut view = shared.leadership()?;
        self.resolve(view.cameras_mut());
        Some(view)
    }
}

//! The addresses that links carry (¶44, ¶51): the router's for who is outside, the camera's own for
//! who is on the LAN.

use std::net::Ipv4Addr;

use super::pages::WebUrl;
use crate::fleet::Camera;
use crate::lan::ClientNetwork;
use crate::shared::SharedState;

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

    /// The host that all cameras share for who is outside.
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

    /// The right one for this visitor; nothing where it has no way there.
    pub fn for_visitor(&self, camera: &Camera, visitor: ClientNetwork) -> Option<WebUrl> {
        match visitor {
            ClientNetwork::Lan => Self::lan(camera),
            ClientNetwork::Outside => self.external(camera),
        }
    }
}

//! Giving a port back.

use std::net::SocketAddrV4;

use porthole_types::ExternalPort;

use super::holder::{Holder, holder};
use crate::error::Error;
use crate::gateway::Gateway;

/// How releasing a port ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing of ours is there any more, or was.
    Released,
    /// The port is another device's; it was left alone.
    NotOurs,
    /// Our mapping is still there; with the refusal, where there was one.
    StillThere(Option<Error>),
}

/// Give a port back. Only our own mapping is deleted.
///
/// # Errors
/// When the router cannot be asked; the mapping may be there or not.
pub async fn release(
    gateway: &dyn Gateway,
    port: ExternalPort,
    ours: SocketAddrV4,
) -> Result<Release, Error> {
    match holder(gateway, port, ours).await? {
        Holder::Free => return Ok(Release::Released),
        Holder::Theirs(_) => return Ok(Release::NotOurs),
        Holder::Ours(_) => {}
    }
    let refusal = gateway.delete(port).await.err();
    match holder(gateway, port, ours).await {
        Ok(Holder::Ours(_)) => Ok(Release::StillThere(refusal)),
        // Free, or somebody else was quick: not ours any more either way.
        Ok(Holder::Free | Holder::Theirs(_)) => Ok(Release::Released),
        Err(error) => Err(refusal.unwrap_or(error)),
    }
}

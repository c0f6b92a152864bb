//! Making a router show a new name: renewing a mapping does not change
//! its description everywhere. Where cameras know each other by the table alone (Embodiment 3) the
//! old name would stay on their pages.

use porthole_types::ExternalPort;

use super::release::{Release, release};
use super::secure::{Grant, PriorMapping, SecureOutcome, secure};
use crate::description::Description;
use crate::error::Error;
use crate::gateway::{Gateway, MappingRequest};
use crate::lease_fallback::LeaseFallback;

/// What was tried already: a router that cuts or alters descriptions is not made to forget a
/// mapping at each renewal.
#[derive(Clone, Debug, Default)]
pub struct RenameAttempts {
    tried: Option<(ExternalPort, Description)>,
}

impl RenameAttempts {
    /// Whether this renewal has left another of our descriptions standing, for the first time.
    fn is_stale(&self, request: &MappingRequest, grant: &Grant) -> bool {
        let read = Description::name_of(&grant.entry.description);
        let tried = |(port, description): &(ExternalPort, Description)| {
            *port == request.external && *description == request.description
        };
        grant.before == PriorMapping::Ours
            && read.is_some_and(|name| Description::for_name(name) != request.description)
            && !self.tried.as_ref().is_some_and(tried)
    }
}

/// [`secure`], and where the router then shows an old name of ours: the mapping is deleted and made
/// again, once a name. For a moment the port is nobody's, so this is not for the representative
/// port.
///
/// # Errors
/// As [`secure`]. The port may be gone then; it is asked for again like any other.
pub async fn secure_renamed(
    gateway: &dyn Gateway,
    request: &MappingRequest,
    lease_fallback: &mut LeaseFallback,
    wording: &mut RenameAttempts,
) -> Result<SecureOutcome, Error> {
    let outcome = secure(gateway, request, lease_fallback).await?;
    let SecureOutcome::Ours(grant) = &outcome else {
        return Ok(outcome);
    };
    if !wording.is_stale(request, grant) {
        return Ok(outcome);
    }
    wording.tried = Some((request.external, request.description.clone()));
    match release(gateway, request.external, request.internal).await? {
        Release::Released => secure(gateway, request, lease_fallback).await,
        Release::NotOurs | Release::StillThere(_) => Ok(outcome),
    }
}

//! Making a router show a new name: renewing a mapping does not change
//! its description everywhere. Where cameras know each other by the table alone (Embodiment 3) the
//! old name would stay on their pages.

use porthole_types::ExternalPort;

use super::learned::Learned;
use super::release::{Release, Released, release};
use super::secure::{Asked, Grant, PriorMapping, SecureOutcome, secure};
use crate::description::Description;
use crate::error::Error;
use crate::gateway::{Gateway, MappingRequest};

/// Whether this renewal has left another of our descriptions standing, for the first time.
fn is_stale(learned: &Learned, request: &MappingRequest, grant: &Grant) -> bool {
    let entry = grant.entry.as_ref();
    let read = entry.and_then(|entry| Description::name_of(&entry.description));
    let tried = |(port, description): &(ExternalPort, Description)| {
        *port == request.external && *description == request.description
    };
    grant.before == PriorMapping::Ours
        && read.is_some_and(|name| Description::for_name(name) != request.description)
        && !learned.renamed.as_ref().is_some_and(tried)
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
    asked: Asked,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let outcome = secure(gateway, request, asked, learned).await?;
    let SecureOutcome::Ours(grant) = &outcome else {
        return Ok(outcome);
    };
    if !is_stale(learned, request, grant) {
        return Ok(outcome);
    }
    learned.renamed = Some((request.external, request.description.clone()));
    let old = Released {
        port: request.external,
        internal: request.internal,
        description: &request.description,
    };
    match release(gateway, old, learned).await? {
        Release::Released => secure(gateway, request, asked, learned).await,
        Release::NotOurs | Release::StillThere(_) => Ok(outcome),
    }
}

//! Making a mapping anew, for routers that do not extend a lease.

use super::clock::now;
use super::holder::{Holder, holder};
use super::learned::Learned;
use super::secure::{Asked, Before, SecureOutcome, may_be_ours, write};
use crate::error::Error;
use crate::gateway::{Gateway, MappingRequest};

/// Delete our mapping of a port and ask for it at once: the lease begins anew. Between the two
/// requests the port is nobody's. Where the router does not delete it, this is a renewal like any
/// other; where it is another's, nothing is done.
///
/// # Errors
/// As [`secure`](super::secure()). The mapping may be gone then.
pub async fn remake(
    gateway: &dyn Gateway,
    request: &MappingRequest,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let read_at = now();
    learned.uses_name(&request.description);
    let seen = match holder(gateway, request.external, request.internal).await {
        Ok(seen) => seen,
        Err(why) => return Ok(SecureOutcome::NotAsked(why)),
    };
    seen.teach(&mut learned.reading);
    let before = match seen {
        Holder::Theirs(entry) => return Ok(SecureOutcome::Theirs(entry)),
        Holder::Unclear(entry) if !may_be_ours(&entry, Asked::Again, learned) => {
            return Ok(SecureOutcome::Theirs(Some(entry)));
        }
        Holder::Ours(entry) => deleted(gateway, request)
            .await
            .unwrap_or(Before::Ours(entry)),
        Holder::Unclear(entry) => deleted(gateway, request)
            .await
            .unwrap_or(Before::Unclear(entry)),
        // Where nothing is shown, it may be another's by now.
        Holder::Free => Before::Free,
    };
    write(gateway, request, read_at, before, learned).await
}

/// What stands there once the router has said that it is deleted. It is not looked at, for the port
/// is to be nobody's for as short as can be: reading back what comes next says how it went.
async fn deleted(gateway: &dyn Gateway, request: &MappingRequest) -> Option<Before> {
    let deleted = gateway.delete(request.external).await;
    deleted.is_ok().then_some(Before::Free)
}

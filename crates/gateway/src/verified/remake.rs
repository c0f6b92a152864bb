//! Making a mapping anew, for routers that do not extend a lease.

use super::learned::Learned;
use super::release::{Released, release};
use super::secure::{Asked, SecureOutcome, secure};
use crate::error::Error;
use crate::gateway::{Gateway, MappingRequest};

/// Delete our mapping of a port and ask for it at once: the lease begins anew. For the time of two
/// requests the port is nobody's. Where the router does not delete it, this is a renewal like any
/// other.
///
/// # Errors
/// As [`secure`]. The mapping may be gone then.
pub async fn remake(
    gateway: &dyn Gateway,
    request: &MappingRequest,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    let old = Released {
        port: request.external,
        internal: request.internal,
        description: &request.description,
    };
    release(gateway, old, learned).await?;
    secure(gateway, request, Asked::Again, learned).await
}

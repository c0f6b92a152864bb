//! Pages, streams and the REST API.

pub mod snapshot;
pub mod stream;

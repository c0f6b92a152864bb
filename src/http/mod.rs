//! Pages, streams and the REST API.

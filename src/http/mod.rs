//! Pages, streams and the REST API.

pub mod assets;
pub mod pages;

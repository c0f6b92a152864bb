//! `GET /api/v1/mappings`: the router's table as last read, everybody's entries.

use actix_web::web::{Data, Json};
use serde::Serialize;

use crate::http::App;
use crate::http::time::unix_seconds;
use crate::ids::InternalPort;

/// The table.
#[derive(Serialize)]
pub struct Mappings {
    /// When it was read, seconds since 1970; none before the first time.
    read_at: Option<f64>,
    entries: Vec<Mapping>,
}

/// One entry, as far as it could be read.
#[derive(Serialize)]
struct Mapping {
    external_port: u16,
    protocol: String,
    client: String,
    internal_port: Option<u16>,
    enabled: bool,
    description: String,
    /// What is left of it, in seconds, when the table was read; 0 has no end.
    lease_seconds: Option<u32>,
}

/// The handler.
pub async fn mappings(app: Data<App>) -> Json<Mappings> {
    let view = app.cells.router.borrow().table.clone();
    let entries = view
        .as_ref()
        .map(|view| view.table.entries.as_slice())
        .unwrap_or_default();
    let entries = entries.iter().map(|entry| Mapping {
        external_port: entry.external.get(),
        protocol: entry.protocol.as_str().to_owned(),
        client: entry.client.clone(),
        internal_port: entry.internal.map(InternalPort::get),
        enabled: entry.enabled,
        description: entry.description.clone(),
        lease_seconds: entry.lease_seconds,
    });
    Json(Mappings {
        read_at: view.as_ref().map(|view| unix_seconds(view.read_wall)),
        entries: entries.collect(),
    })
}

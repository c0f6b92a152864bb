//! `GET /api/v1/mappings`: the router's table as last read, everybody's entries.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::shared::unix_seconds;
use porthole_types::InternalPort;

/// The router's port mapping table.
#[derive(Serialize, ToSchema)]
pub struct Mappings {
    /// When it was read, seconds since 1970; none before the first time.
    read_at: Option<f64>,
    /// Those of all devices.
    entries: Vec<Mapping>,
}

/// One entry, as far as it could be read.
#[derive(Serialize, ToSchema)]
struct Mapping {
    /// On the router's Internet side.
    external_port: u16,
    /// `TCP` or `UDP`, as the router writes it.
    #[schema(example = "TCP")]
    protocol: String,
    /// Where it leads to: the address of a device on the LAN, as the router writes it. Untrusted
    /// text.
    #[schema(example = "192.168.1.20")]
    client: String,
    /// The port there; null where the router tells none.
    internal_port: Option<u16>,
    /// Whether the router uses it.
    enabled: bool,
    /// What the device wrote beside it. Untrusted text.
    #[schema(example = "Porthole Barn")]
    description: String,
    /// What is left of it, in seconds, when the table was read; 0 has no end.
    lease_seconds: Option<u32>,
}

/// The router's table
///
/// As last read: the mappings of all devices.
#[utoipa::path(
    get,
    path = "/api/v1/mappings",
    tag = "state",
    responses((status = 200, description = "The table", body = Mappings)),
)]
pub async fn mappings(app: Data<App>) -> Json<Mappings> {
    let view = app.shared.router.borrow().table.clone();
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

//! `GET /api/v1/prometheus/targets`: where Prometheus finds the metrics of the whole fleet
//! (`http_sd_configs`).

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fleet::{Camera, Scheme};
use crate::http::App;
use porthole_types::InstanceId;

/// One camera's metrics.
#[derive(Serialize, ToSchema)]
pub struct TargetGroup {
    /// Address and port on the LAN, exactly one.
    #[schema(min_items = 1, max_items = 1, example = json!(["192.168.1.20:8080"]))]
    targets: [String; 1],
    labels: TargetLabels,
}

/// What Prometheus has to know of a target before it asks it. The camera's name is left out: it
/// changes, and would make new series each time; `porthole_camera_info` has it.
#[derive(Serialize, ToSchema)]
pub struct TargetLabels {
    /// Whether it speaks TLS.
    #[serde(rename = "__scheme__")]
    scheme: Scheme,
    /// Where its metrics are.
    #[serde(rename = "__metrics_path__")]
    #[schema(example = "/metrics")]
    metrics_path: &'static str,
    /// Its id; left out while only the router's table names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    camera_id: Option<InstanceId>,
}

/// Prometheus targets
///
/// The fleet for `http_sd_configs`. The addresses are those on the LAN: metrics are for the LAN
/// only.
#[utoipa::path(
    get,
    path = "/api/v1/prometheus/targets",
    tag = "machines",
    responses((status = 200, description = "A group for each camera", body = Vec<TargetGroup>)),
)]
pub async fn targets(app: Data<App>) -> Json<Vec<TargetGroup>> {
    let fleet = app.shared.fleet.borrow().clone();
    Json(fleet.cameras.iter().map(group).collect())
}

fn group(camera: &Camera) -> TargetGroup {
    TargetGroup {
        targets: [camera.lan.to_string()],
        labels: TargetLabels {
            scheme: camera.scheme,
            metrics_path: "/metrics",
            camera_id: camera.id,
        },
    }
}

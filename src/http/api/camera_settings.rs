//! `/api/v1/camera/settings`: size, rate and quality, changed while the camera runs and kept over
//! restarts.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::{App, Problem};
use porthole_camera::control_worker::ControlWorker;
use porthole_camera::modes;
use porthole_camera::observe::CameraHealth;
use porthole_camera::user_overrides::PicturePatch;
use porthole_durable::PendingWrite;

/// What is asked of the camera, what it offers, and what it delivers.
#[derive(Serialize, ToSchema)]
pub struct CameraSettings {
    #[serde(flatten)]
    asked: CameraNumbers,
    /// What the settings say, which counts for what nobody has chosen here.
    configured: CameraNumbers,
    /// What the camera offers, from small to large; empty where it does not say.
    modes: Vec<CameraMode>,
    /// What it delivers now; null while it is closed or fails.
    actual: Option<CameraActual>,
}

/// Numbers that can be asked for.
#[derive(Serialize, ToSchema)]
struct CameraNumbers {
    /// Width in pixels.
    #[schema(minimum = 16, maximum = 8192, example = 1280)]
    width: u32,
    /// Height in pixels (lines).
    #[schema(minimum = 16, maximum = 8192, example = 720)]
    height: u32,
    /// Frames per second.
    #[schema(minimum = 1, maximum = 240, example = 30)]
    fps: u32,
    /// JPEG quality. Cameras that send JPEG have their own.
    #[schema(minimum = 1, maximum = 100, example = 80)]
    quality: u8,
}

/// A size, and the rates at which the camera delivers it.
#[derive(Serialize, ToSchema)]
struct CameraMode {
    /// Width in pixels.
    #[schema(example = 1280)]
    width: u32,
    /// Height in pixels (lines).
    #[schema(example = 720)]
    height: u32,
    /// Frames per second, rising; empty where the camera does not say.
    #[schema(example = json!([12.5, 30.0]))]
    fps: Vec<f64>,
}

/// What comes out of the camera.
#[derive(Serialize, ToSchema)]
struct CameraActual {
    /// Width in pixels, as the frames have it.
    #[schema(example = 1280)]
    width: u32,
    /// Height in pixels (lines), as the frames have it.
    #[schema(example = 720)]
    height: u32,
    /// Frames per second over the last second or so; 0 in the first.
    #[schema(example = 29.8)]
    fps: f32,
}

/// Size, rate and quality
///
/// What is asked of the camera, what it offers, and what it delivers. A camera that was not open
/// yet is opened for the question, without a picture.
#[utoipa::path(
    get,
    path = "/api/v1/camera/settings",
    tag = "state",
    responses((status = 200, description = "How it is", body = CameraSettings)),
)]
pub async fn settings(app: Data<App>) -> Json<CameraSettings> {
    let camera = &app.shared.camera;
    if camera.offered.borrow().is_none() {
        // Where it does not answer now, the state of the camera says why.
        let _ = camera.control_queue.run(ControlWorker::refresh_modes).await;
    }
    Json(current(&app))
}

/// Change size, rate or quality
///
/// What is not named stays; null gives one back to the settings. It counts at once and over
/// restarts. Running streams go on, except where the size changes: those end, and are to be opened
/// again.
#[utoipa::path(
    patch,
    path = "/api/v1/camera/settings",
    tag = "commands",
    request_body = PicturePatch,
    responses(
        (status = 200, description = "How it is now", body = CameraSettings),
        (status = 500, description = "It counts now, but could not be stored"),
    ),
)]
pub async fn change(
    app: Data<App>,
    body: Json<Map<String, Value>>,
) -> Result<Json<CameraSettings>, Problem> {
    let patch = PicturePatch::read(&body).map_err(|bad| match bad.field() {
        Some(field) => Problem::of_field(field.name(), bad.to_string()),
        None => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, bad.to_string()),
    })?;
    let kept = app.shared.choose(|chosen| chosen.picture.apply(&patch));
    wait_until_stored(kept).await?;
    Ok(Json(current(&app)))
}

/// Waits until what was changed is on the disk.
pub(super) async fn wait_until_stored(kept: PendingWrite) -> Result<(), Problem> {
    kept.wait().await.map_err(|why| {
        let detail = format!("this counts now, but {why}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })
}

fn current(app: &App) -> CameraSettings {
    let camera = &app.shared.camera;
    let asked = *camera.settings().borrow();
    let configured = &app.shared.settings.camera;
    let offered = camera.offered.borrow().clone();
    CameraSettings {
        asked: CameraNumbers {
            width: asked.requested.width,
            height: asked.requested.height,
            fps: asked.requested.fps,
            quality: asked.quality.get(),
        },
        configured: CameraNumbers {
            width: configured.width,
            height: configured.height,
            fps: configured.fps,
            quality: configured.quality,
        },
        modes: offered
            .iter()
            .flat_map(|modes| modes.iter())
            .map(CameraMode::from)
            .collect(),
        actual: match &*camera.health.borrow() {
            &CameraHealth::Live {
                width, height, fps, ..
            } => Some(CameraActual { width, height, fps }),
            CameraHealth::Idle | CameraHealth::Starting | CameraHealth::Failed { .. } => None,
        },
    }
}

impl From<&modes::Mode> for CameraMode {
    fn from(mode: &modes::Mode) -> Self {
        Self {
            width: mode.width,
            height: mode.height,
            fps: mode.fps.clone(),
        }
    }
}

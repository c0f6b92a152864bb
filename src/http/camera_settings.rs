//! `/api/v1/camera/settings`: size, rate and quality, changed while the camera runs and kept over restarts.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{App, Problem};
use crate::camera::chosen::Patch;
use crate::camera::modes::Mode;
use crate::camera::observe::CameraHealth;
use crate::durable::Kept;

/// What is asked of the camera, what it offers, and what it delivers.
#[derive(Serialize)]
pub struct PictureSettings {
    #[serde(flatten)]
    asked: Numbers,
    /// What the settings say, which counts for what nobody has chosen.
    configured: Numbers,
    /// What the camera offers, from small to large; empty where it does not say.
    modes: Vec<Mode>,
    /// What it delivers now; none while it is closed or fails.
    actual: Option<Actual>,
}

/// Numbers that can be asked for.
#[derive(Serialize)]
struct Numbers {
    /// Pixels across.
    width: u32,
    /// Lines.
    height: u32,
    /// Frames per second.
    fps: u32,
    /// JPEG quality, 1 to 100. Cameras that send JPEG have their own.
    quality: u8,
}

/// What comes out of the camera.
#[derive(Serialize)]
struct Actual {
    /// Pixels across.
    width: u32,
    /// Lines.
    height: u32,
    /// Frames per second over the last second or so; 0 in the first.
    fps: f32,
}

/// `GET`.
pub async fn show(app: Data<App>) -> Json<PictureSettings> {
    let camera = &app.cells.camera;
    if camera.offered.borrow().is_none() {
        // Never opened so far. Where it does not answer now, that is told by where its pictures are.
        let _ = camera.desk.ask(|attendant| attendant.look()).await;
    }
    Json(settings(&app))
}

/// `PATCH` with any of the four numbers; `null` gives one back to the settings. Answers when it is stored.
pub async fn change(
    app: Data<App>,
    body: Json<Map<String, Value>>,
) -> Result<Json<PictureSettings>, Problem> {
    let patch = Patch::read(&body)
        .map_err(|bad| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, bad.to_string()))?;
    let kept = app.cells.choose(|chosen| chosen.picture.apply(&patch));
    stored(kept).await?;
    Ok(Json(settings(&app)))
}

/// Waits until what was changed is on the disk.
pub(super) async fn stored(kept: Kept) -> Result<(), Problem> {
    kept.wait().await.map_err(|why| {
        let detail = format!("this counts now, but {why}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })
}

fn settings(app: &App) -> PictureSettings {
    let camera = &app.cells.camera;
    let asked = *camera.settings.borrow();
    let configured = &app.cells.settings.camera;
    let offered = camera.offered.borrow().clone();
    PictureSettings {
        asked: Numbers {
            width: asked.wanted.width,
            height: asked.wanted.height,
            fps: asked.wanted.fps,
            quality: asked.quality.get(),
        },
        configured: Numbers {
            width: configured.width,
            height: configured.height,
            fps: configured.fps,
            quality: configured.quality,
        },
        modes: offered.map(|modes| modes.to_vec()).unwrap_or_default(),
        actual: match &*camera.health.borrow() {
            &CameraHealth::Live {
                width, height, fps, ..
            } => Some(Actual { width, height, fps }),
            CameraHealth::Idle | CameraHealth::Starting | CameraHealth::Failed { .. } => None,
        },
    }
}

//! `/api/v1/drive`: where the camera points, turning it, and the presets that it can be sent to by
//! name.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::camera_settings::wait_until_stored;
use super::whole_number::whole_number_or_null;
use crate::http::json_object::Object;
use crate::http::{App, Problem};
use porthole_camera::control_device::DeviceKind;
use porthole_camera::control_queue::ControlError;
use porthole_camera::control_worker::ControlWorker;
use porthole_camera::drive::{Axis, DriveError, DriveMove, DriveState, Pose};
use porthole_camera::user_overrides::MAX_PRESETS;
use porthole_types::Name;

/// Where the camera points. Pan and tilt are in arc seconds (the unit of V4L2's controls), zoom is
/// in the camera's own unit; null for an axis that there is not.
#[derive(Serialize, ToSchema)]
pub struct Drive {
    /// To the right.
    #[schema(example = 36000)]
    pan: Option<i32>,
    /// Growing upwards: a larger number is further up.
    #[schema(example = 0)]
    tilt: Option<i32>,
    /// Growing towards the telephoto end: a larger number shows things nearer.
    #[schema(example = json!(null))]
    zoom: Option<i32>,
    limits: DriveLimits,
    source: DriveSource,
    presets: Vec<Preset>,
}

/// How far each axis goes.
#[derive(Serialize, ToSchema)]
struct DriveLimits {
    pan: Option<AxisLimits>,
    tilt: Option<AxisLimits>,
    zoom: Option<AxisLimits>,
}

/// How far one axis goes, both ends included.
#[derive(Serialize, ToSchema)]
struct AxisLimits {
    #[schema(example = -108_000)]
    min: i32,
    #[schema(example = 108_000)]
    max: i32,
}

/// What moves the camera.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum DriveSource {
    /// Nothing moves it: the camera has no drive, or the settings switch it off.
    None,
    /// The test pattern.
    Simulated,
    /// The motors of a device.
    V4l,
}

/// A position with a name.
#[derive(Serialize, ToSchema)]
struct Preset {
    name: Name,
    #[schema(example = 36000)]
    pan: Option<i32>,
    #[schema(example = 0)]
    tilt: Option<i32>,
    #[schema(example = json!(null))]
    zoom: Option<i32>,
}

/// Where to: a position, a step from where it is, or a preset.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriveCommand {
    /// To this position, whatever it was before.
    To(Object<Angles>),
    /// By this much from where it points now.
    By(Object<Angles>),
    /// A stored position, by its name.
    Preset(String),
    /// The home position of the drive, mostly straight ahead.
    Home,
}

/// Arc seconds, and zoom in the camera's own unit; an axis that is left out stays where it is. What
/// lies beyond the limits of the drive stops there.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Angles {
    /// To the right.
    #[serde(deserialize_with = "whole_number_or_null")]
    #[schema(minimum = -2_147_483_648, maximum = 2_147_483_647, example = 36000)]
    pan: Option<i32>,
    /// Growing upwards: a negative number is further down.
    #[serde(deserialize_with = "whole_number_or_null")]
    #[schema(minimum = -2_147_483_648, maximum = 2_147_483_647, example = -1800)]
    tilt: Option<i32>,
    /// Growing towards the telephoto end: a larger number shows things nearer.
    #[serde(deserialize_with = "whole_number_or_null")]
    #[schema(minimum = -2_147_483_648, maximum = 2_147_483_647, example = json!(null))]
    zoom: Option<i32>,
}

impl From<Angles> for Pose {
    fn from(Angles { pan, tilt, zoom }: Angles) -> Self {
        Self { pan, tilt, zoom }
    }
}

/// Where the camera points
///
/// And how far it can be turned, as the camera says now. One that nobody watches is opened for
/// that, without a picture.
#[utoipa::path(
    get,
    path = "/api/v1/drive",
    tag = "state",
    responses(
        (status = 200, description = "Where it points", body = Drive),
        (
            status = 503,
            description = "The camera is not connected, fails, or too many questions wait for it"
        ),
        (status = 504, description = "The camera has not answered"),
    ),
)]
pub async fn position(app: Data<App>) -> Result<Json<Drive>, Problem> {
    let pointing = pointing(&app).await?;
    Ok(Json(drive_view(&app, pointing)))
}

/// Move the camera
///
/// To a position, by a step, to a preset, or home. It stops at its limits; the answer is where it
/// points then, as far as its motors have come.
#[utoipa::path(
    post,
    path = "/api/v1/drive",
    tag = "commands",
    responses(
        (status = 200, description = "Where it points now", body = Drive),
        (status = 404, description = "There is no such preset"),
        (status = 409, description = "Nothing moves this camera, or not so, or not now"),
        (
            status = 503,
            description = "The camera is not connected, fails, or too many questions wait for it"
        ),
        (status = 504, description = "The camera has not answered"),
    ),
)]
pub async fn turn(app: Data<App>, command: Json<DriveCommand>) -> Result<Json<Drive>, Problem> {
    let turn = match command.into_inner() {
        DriveCommand::To(Object(angles)) => DriveMove::Absolute(angles.into()),
        DriveCommand::By(Object(angles)) => DriveMove::Relative(angles.into()),
        DriveCommand::Home => DriveMove::Home,
        DriveCommand::Preset(name) => {
            let name = parse_preset_name(&name)?;
            let chosen = app.shared.camera.overrides();
            let pose = chosen
                .presets
                .get(&name)
                .ok_or_else(|| no_such_preset(&name))?;
            DriveMove::Preset(*pose)
        }
    };
    let control_queue = &app.shared.camera.control_queue;
    let pointing = control_queue
        .run(move |worker| worker.move_drive(turn))
        .await?;
    Ok(Json(drive_view(&app, Some(pointing))))
}

/// Store a preset
///
/// Where the camera points now gets this name, over one that had it before. At most 32 are kept,
/// over restarts.
#[utoipa::path(
    put,
    path = "/api/v1/drive/presets/{name}",
    tag = "commands",
    params(("name" = Name, Path, description = "What to call it")),
    responses(
        (status = 200, description = "All presets, and where it points", body = Drive),
        (status = 409, description = "Nothing moves this camera, or there are 32 presets already"),
        (status = 422, description = "That is no name"),
        (status = 500, description = "It counts now, but could not be stored"),
        (
            status = 503,
            description = "The camera is not connected, fails, or too many questions wait for it"
        ),
        (status = 504, description = "The camera has not answered"),
    ),
)]
pub async fn store(app: Data<App>, name: Path<String>) -> Result<Json<Drive>, Problem> {
    let name = parse_preset_name(&name)?;
    let pointing = pointing(&app)
        .await?
        .ok_or(ControlError::Drive(DriveError::NoAxis))?;
    let mut is_full = false;
    let kept = app.shared.choose(|chosen| {
        is_full = chosen.presets.len() >= MAX_PRESETS && !chosen.presets.contains_key(&name);
        if !is_full {
            chosen.presets.insert(name, pointing.pose());
        }
    });
    if is_full {
        let why = format!("there are {MAX_PRESETS} presets already, and no more are kept");
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    wait_until_stored(kept).await?;
    Ok(Json(drive_view(&app, Some(pointing))))
}

/// Forget a preset
#[utoipa::path(
    delete,
    path = "/api/v1/drive/presets/{name}",
    tag = "commands",
    params(("name" = Name, Path, description = "As it was stored")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 404, description = "There is no such preset"),
        (status = 422, description = "That is no name"),
        (status = 500, description = "It counts now, but could not be stored"),
    ),
)]
pub async fn forget(app: Data<App>, name: Path<String>) -> Result<HttpResponse, Problem> {
    let name = parse_preset_name(&name)?;
    let mut was_there = false;
    let kept = app
        .shared
        .choose(|chosen| was_there = chosen.presets.remove(&name).is_some());
    if !was_there {
        return Err(no_such_preset(&name));
    }
    wait_until_stored(kept).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn pointing(app: &App) -> Result<Option<DriveState>, Problem> {
    let control_queue = &app.shared.camera.control_queue;
    Ok(control_queue.run(ControlWorker::drive_state).await?)
}

fn parse_preset_name(text: &str) -> Result<Name, Problem> {
    Name::new(text).map_err(|why| Problem::of_field("preset", why.to_string()))
}

fn no_such_preset(name: &Name) -> Problem {
    let why = format!("there is no preset \"{name}\"");
    Problem::new(StatusCode::NOT_FOUND, why)
}

fn drive_view(app: &App, pointing: Option<DriveState>) -> Drive {
    let pose = pointing.as_ref().map(DriveState::pose).unwrap_or_default();
    let limits_of = |axis| {
        let limits = pointing.as_ref()?.axis(axis)?;
        Some(AxisLimits {
            min: limits.min,
            max: limits.max,
        })
    };
    let chosen = app.shared.camera.overrides();
    let presets = chosen.presets.iter();
    Drive {
        pan: pose.pan,
        tilt: pose.tilt,
        zoom: pose.zoom,
        limits: DriveLimits {
            pan: limits_of(Axis::Pan),
            tilt: limits_of(Axis::Tilt),
            zoom: limits_of(Axis::Zoom),
        },
        source: match pointing.map(|pointing| pointing.kind) {
            None => DriveSource::None,
            Some(DeviceKind::TestPattern) => DriveSource::Simulated,
            Some(DeviceKind::Device) => DriveSource::V4l,
        },
        presets: presets
            .map(|(name, pose)| Preset {
                name: name.clone(),
                pan: pose.pan,
                tilt: pose.tilt,
                zoom: pose.zoom,
            })
            .collect(),
    }
}

//! `/api/v1/drive`: where the camera points, turning it, and the presets that it can be sent to by name.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};

use super::camera_settings::stored;
use super::{App, Problem};
use crate::camera::chosen::MOST_PRESETS;
use crate::camera::drive::{Axis, NoDrive, Pointing, Stance, Turn};
use crate::camera::panel::Nature;
use crate::fleet::Name;

/// Where the camera points. Pan and tilt are arc seconds to the right and upwards (the unit of V4L2's controls), zoom
/// is in the camera's own unit; none for an axis that there is not.
#[derive(Serialize)]
pub struct Drive {
    pan: Option<i32>,
    tilt: Option<i32>,
    zoom: Option<i32>,
    limits: Limits,
    source: Mover,
    presets: Vec<Preset>,
}

/// How far each axis goes.
#[derive(Default, Serialize)]
struct Limits {
    pan: Option<Ends>,
    tilt: Option<Ends>,
    zoom: Option<Ends>,
}

/// Both included.
#[derive(Serialize)]
struct Ends {
    min: i32,
    max: i32,
}

/// What moves.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Mover {
    None,
    Simulated,
    V4l,
}

/// A position with a name.
#[derive(Serialize)]
struct Preset {
    name: Name,
    pan: Option<i32>,
    tilt: Option<i32>,
    zoom: Option<i32>,
}

/// Where to.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Command {
    /// A position.
    To(Angles),
    /// A step.
    By(Angles),
    /// A stored position.
    Preset(String),
    /// Straight ahead.
    Home,
}

/// An axis that is left out stays where it is.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Angles {
    pan: Option<i64>,
    tilt: Option<i64>,
    zoom: Option<i64>,
}

impl From<Angles> for Stance {
    /// Further than any motor goes is as far as it goes.
    fn from(angles: Angles) -> Self {
        let near = |n: i64| n.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        Self {
            pan: angles.pan.map(near),
            tilt: angles.tilt.map(near),
            zoom: angles.zoom.map(near),
        }
    }
}

/// `GET`: where it points, and how far it can be turned.
pub async fn show(app: Data<App>) -> Result<Json<Drive>, Problem> {
    let pointing = pointing(&app).await?;
    Ok(Json(drive(&app, pointing)))
}

/// `POST {"to": {"pan": …}}`, `{"by": …}`, `{"preset": "…"}` or `"home"`: turns it, and says where it points then.
pub async fn turn(app: Data<App>, command: Json<Command>) -> Result<Json<Drive>, Problem> {
    let turn = match command.into_inner() {
        Command::To(angles) => Turn::To(angles.into()),
        Command::By(angles) => Turn::By(angles.into()),
        Command::Home => Turn::Home,
        Command::Preset(name) => {
            let name = named(&name)?;
            let chosen = app.cells.camera.chosen.borrow();
            let stance = chosen.presets.get(&name).ok_or_else(|| unknown(&name))?;
            Turn::Back(*stance)
        }
    };
    let desk = &app.cells.camera.desk;
    let pointing = desk.ask(move |attendant| attendant.turn(turn)).await?;
    Ok(Json(drive(&app, Some(pointing))))
}

/// `PUT /api/v1/drive/presets/{name}`: where it points now gets this name.
pub async fn store(app: Data<App>, name: Path<String>) -> Result<Json<Drive>, Problem> {
    let name = named(&name)?;
    let pointing = pointing(&app).await?;
    let stance = pointing
        .as_ref()
        .map(Pointing::stance)
        .ok_or(crate::camera::desk::Trouble::NoDrive(NoDrive::Nothing))?;
    let mut is_full = false;
    let kept = app.cells.choose(|chosen| {
        is_full = chosen.presets.len() >= MOST_PRESETS && !chosen.presets.contains_key(&name);
        if !is_full {
            chosen.presets.insert(name, stance);
        }
    });
    if is_full {
        let why = format!("there are {MOST_PRESETS} presets already, and no more are kept");
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    stored(kept).await?;
    Ok(Json(drive(&app, pointing)))
}

/// `DELETE /api/v1/drive/presets/{name}`.
pub async fn forget(app: Data<App>, name: Path<String>) -> Result<HttpResponse, Problem> {
    let name = named(&name)?;
    let mut was_there = false;
    let kept = app
        .cells
        .choose(|chosen| was_there = chosen.presets.remove(&name).is_some());
    if !was_there {
        return Err(unknown(&name));
    }
    stored(kept).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn pointing(app: &App) -> Result<Option<Pointing>, Problem> {
    let desk = &app.cells.camera.desk;
    Ok(desk.ask(|attendant| attendant.pointing()).await?)
}

fn named(text: &str) -> Result<Name, Problem> {
    Name::new(text)
        .map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("preset: {why}")))
}

fn unknown(name: &Name) -> Problem {
    let why = format!("there is no preset \"{name}\"");
    Problem::new(StatusCode::NOT_FOUND, why)
}

fn drive(app: &App, pointing: Option<Pointing>) -> Drive {
    let stance = pointing.as_ref().map(Pointing::stance).unwrap_or_default();
    let ends = |axis| {
        let reach = pointing.as_ref()?.axis(axis)?;
        Some(Ends {
            min: reach.least,
            max: reach.most,
        })
    };
    let chosen = app.cells.camera.chosen.borrow();
    let presets = chosen.presets.iter();
    Drive {
        pan: stance.pan,
        tilt: stance.tilt,
        zoom: stance.zoom,
        limits: Limits {
            pan: ends(Axis::Pan),
            tilt: ends(Axis::Tilt),
            zoom: ends(Axis::Zoom),
        },
        source: match pointing.map(|pointing| pointing.nature) {
            None => Mover::None,
            Some(Nature::TestPattern) => Mover::Simulated,
            Some(Nature::Device) => Mover::V4l,
        },
        presets: presets
            .map(|(name, stance)| Preset {
                name: name.clone(),
                pan: stance.pan,
                tilt: stance.tilt,
                zoom: stance.zoom,
            })
            .collect(),
    }
}

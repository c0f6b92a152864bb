//! The loop that speaks with a camera's controls: it takes one errand after the other from the [`Desk`].
//!
//! A call into a driver may take seconds (a motor that turns, a camera on a bad cable) or for ever, so this is a
//! thread of its own: neither the picture nor anybody else's request waits for it. The device is opened for each
//! errand and closed again; that starts no stream and lights no lamp.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::capture::POLL;
use super::control::{self, Change, Control, Kind, Refused};
use super::desk::{Desk, Errand, Trouble};
use super::drive::{NoDrive, Pointing, Turn};
use super::knobs::PatternRig;
use super::modes::Mode;
use super::panel::{Nature, Panel, PanelOpener, Plug};
use super::source::SourceError;
use crate::config::DriveSource;
use porthole_durable::Kept;

/// No errand goes on with another call after so long.
pub const WORK: Duration = Duration::from_secs(5);

/// Keeps what people set, beyond the end of the program.
pub trait Memory: Send {
    /// What was set on this camera.
    fn of(&self, camera: &str) -> Vec<Change>;

    /// Adds to it.
    fn remember(&self, camera: &str, set: &[Change]) -> Kept;
}

/// What the camera offers; nothing before it was asked.
pub type Offered = Option<Arc<[Mode]>>;

/// See the module.
pub struct Attendant {
    /// Opens the camera.
    pub panels: Box<dyn PanelOpener>,
    /// What the settings say about the drive.
    pub drive: DriveSource,
    /// The simulated one.
    pub rig: PatternRig,
    /// What was set before.
    pub memory: Box<dyn Memory>,
    /// Where it is told what the camera offers.
    pub offered: watch::Sender<Offered>,
    /// The plugging-in whose controls are as they were set; begin with `None`.
    pub settled: Option<Plug>,
}

impl Attendant {
    /// Runs until `keep_going` says no; it is asked between two errands. Blocks; meant for a thread of its own, and
    /// may be called again after a panic.
    pub fn run(&mut self, desk: &Desk, keep_going: &dyn Fn() -> bool) {
        while keep_going() {
            match desk.next(POLL) {
                Some(Errand::Opened) => self.opened(),
                Some(Errand::Asked(job)) => job(self),
                None => {}
            }
        }
    }

    /// The camera's controls, as they are now.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn controls(&mut self) -> Result<Vec<Control>, Trouble> {
        let until = Instant::now() + WORK;
        Ok(self.panel(until)?.controls(until)?)
    }

    /// What the camera offers, asked now.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn look(&mut self) -> Result<(), Trouble> {
        self.panel(Instant::now() + WORK).map(drop)
    }

    /// Sets controls, in this order, and says what all are then. All are looked at before the first is set; should the
    /// device refuse one all the same, those before it are set.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn set(&mut self, changes: &[Change]) -> Result<(Vec<Control>, Kept), Trouble> {
        let until = Instant::now() + WORK;
        let panel = self.panel(until)?;
        control::check(&panel.controls(until)?, changes)?;
        let mut lasting = Vec::new();
        let mut outcome = Ok(());
        for change in changes {
            match make(&*panel, *change, until) {
                Ok(Kind::Button) => {}
                Ok(_) if change.id.moves_the_camera() => {}
                Ok(_) => lasting.push(*change),
                Err(trouble) => {
                    outcome = Err(trouble);
                    break;
                }
            }
        }
        let kept = self.memory.remember(panel.camera(), &lasting);
        outcome?;
        Ok((panel.controls(until)?, kept))
    }

    /// Where the camera points; nothing where nothing moves.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn pointing(&mut self) -> Result<Option<Pointing>, Trouble> {
        let panel = self.motors(Instant::now() + WORK)?;
        let pointing = panel.as_deref().map(pointing).transpose()?;
        Ok(pointing.filter(Pointing::moves))
    }

    /// Turns it, and says where it points then, as far as its motors have come.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn turn(&mut self, turn: Turn) -> Result<Pointing, Trouble> {
        let until = Instant::now() + WORK;
        let panel = self.motors(until)?.ok_or(NoDrive::Nothing)?;
        for (axis, to) in pointing(&*panel)?.goals(turn)? {
            let id = axis.control();
            make(&*panel, Change { id, value: to }, until)?;
        }
        pointing(&*panel)
    }

    /// What moves, as the settings say; nothing where that is nothing.
    fn motors(&mut self, until: Instant) -> Result<Option<Box<dyn Panel>>, Trouble> {
        Ok(match self.drive {
            DriveSource::None => None,
            DriveSource::Simulated => Some(Box::new(self.rig.clone())),
            DriveSource::Auto => Some(self.panel(until)?),
            DriveSource::V4l => {
                let panel = self.panel(until)?;
                (panel.nature() == Nature::Device).then_some(panel)
            }
        })
    }

    /// Opens the camera. One that was plugged in since the last time is brought to what was set before.
    fn panel(&mut self, until: Instant) -> Result<Box<dyn Panel>, Trouble> {
        let panel = self.panels.panel()?;
        if self.settled != Some(panel.plug()) {
            self.offered.send_replace(Some(panel.modes(until).into()));
            restore(&*panel, self.memory.of(panel.camera()), until);
            self.settled = Some(panel.plug());
        }
        Ok(panel)
    }

    /// The camera is open for viewers: some forget at that what was set.
    fn opened(&mut self) {
        self.settled = None;
        if let Err(why) = self.panel(Instant::now() + WORK) {
            // Whoever watches sees it on the picture.
            tracing::debug!(%why, "the camera's controls are not brought back");
        }
    }
}

/// Makes one change; the kind of the control tells what it was.
fn make(panel: &dyn Panel, change: Change, until: Instant) -> Result<Kind, Trouble> {
    let Change { id, value } = change;
    if Instant::now() > until {
        return Err(Trouble::Late);
    }
    let control = panel.control(id)?.ok_or(Refused::Unknown(id))?;
    control.takes(value)?;
    control.is_active()?;
    let not_taken = |why: String| Trouble::NotTaken {
        name: control.name.clone(),
        why,
    };
    panel.set(id, value).map_err(|error| match error {
        SourceError::Busy => not_taken("it is busy".to_owned()),
        SourceError::Io { source, .. } => not_taken(source.to_string()),
        other => other.into(),
    })?;
    Ok(control.kind)
}

/// Sets again what was set before and is no longer so. What depends on another control may only go the second time.
fn restore(panel: &dyn Panel, mut changes: Vec<Change>, until: Instant) {
    for _ in 0..2 {
        changes.retain(|change| {
            let is_so = match panel.control(change.id) {
                Ok(Some(control)) => control.value == Some(change.value),
                Ok(None) | Err(_) => false,
            };
            !is_so && make(panel, *change, until).is_err()
        });
    }
    for left in changes {
        tracing::warn!(control = %left.id, value = left.value, camera = panel.camera(), "a control is not as it was set");
    }
}

fn pointing(panel: &dyn Panel) -> Result<Pointing, Trouble> {
    Ok(Pointing::read(panel.nature(), |id| panel.control(id))?)
}

#[cfg(test)]
#[path = "attendant_tests.rs"]
mod tests;

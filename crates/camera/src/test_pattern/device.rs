//! The controls of the test pattern: of the same kinds as on a camera, so that pages and programs
//! have something to set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Instant;

use super::drive::{Position, SimulatedDrive};
use crate::control::{Access, Control, ControlId, ControlKind};
use crate::control_device::{ConnectionId, ControlDevice, ControlDeviceOpener, DeviceKind};
use crate::modes::{COMMON_RATES, COMMON_SIZES, Mode, ModeCollector};
use crate::source::SourceError;

const BRIGHTNESS: ControlId = ControlId(0x0098_0900);
// V4L2_CID_PRIVATE_BASE: numbers that mean something on this camera alone.
const SPEED: ControlId = ControlId(0x0800_0000);
const CAPTION: ControlId = ControlId(0x0800_0001);

/// The values of the test pattern's own controls. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct TestPatternControls(Arc<Values>);

#[derive(Debug)]
struct Values {
    brightness: AtomicI32,
    speed: AtomicI32,
    caption: AtomicI32,
}

impl Default for TestPatternControls {
    fn default() -> Self {
        Self(Arc::new(Values {
            brightness: 0.into(),
            speed: 100.into(),
            caption: 1.into(),
        }))
    }
}

impl TestPatternControls {
    /// What is added to each pixel's luma.
    pub(crate) fn brightness(&self) -> i16 {
        let value = self.0.brightness.load(Ordering::Relaxed);
        i16::try_from(value).unwrap_or(0)
    }

    /// How fast clouds and balloon go: 1 is their own pace.
    pub(crate) fn speed(&self) -> f32 {
        self.0.speed.load(Ordering::Relaxed) as f32 / 100.0
    }

    /// Whether name and clock are drawn.
    pub(crate) fn has_caption(&self) -> bool {
        self.0.caption.load(Ordering::Relaxed) != 0
    }
}

/// The test pattern as a device with controls. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct TestPatternDevice {
    /// Its pan and tilt.
    pub(crate) drive: SimulatedDrive,
    /// Brightness, speed and caption.
    pub(crate) controls: TestPatternControls,
}

impl TestPatternDevice {
    fn all(&self) -> [Control; 5] {
        let at = self.drive.position();
        let limits = SimulatedDrive::LIMITS;
        let values = &self.controls.0;
        let control = |id, name: &str, kind, value: i32, (min, max, default)| Control {
            id,
            name: name.to_owned(),
            kind,
            value: Some(value),
            min,
            max,
            step: 1,
            default,
            options: Vec::new(),
            access: Access::Writable,
        };
        let load = |value: &AtomicI32| value.load(Ordering::Relaxed);
        let integer = ControlKind::Integer;
        let (pan, tilt) = (
            (limits.min.pan, limits.max.pan, 0),
            (limits.min.tilt, limits.max.tilt, 0),
        );
        [
            control(
                BRIGHTNESS,
                "Brightness",
                integer,
                load(&values.brightness),
                (-100, 100, 0),
            ),
            control(ControlId::PAN, "Pan, Absolute", integer, at.pan, pan),
            control(ControlId::TILT, "Tilt, Absolute", integer, at.tilt, tilt),
            control(
                SPEED,
                "Speed of the Clouds",
                integer,
                load(&values.speed),
                (0, 400, 100),
            ),
            control(
                CAPTION,
                "Name and Clock",
                ControlKind::Boolean,
                load(&values.caption),
                (0, 1, 1),
            ),
        ]
    }
}

impl ControlDeviceOpener for TestPatternDevice {
    fn open_control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError> {
        Ok(Box::new(self.clone()))
    }
}

impl ControlDevice for TestPatternDevice {
    fn camera(&self) -> &'static str {
        "test pattern"
    }

    fn kind(&self) -> DeviceKind {
        DeviceKind::TestPattern
    }

    fn connection(&self) -> ConnectionId {
        ConnectionId(0)
    }

    fn controls(&self, _: Instant) -> Result<Vec<Control>, SourceError> {
        Ok(self.all().to_vec())
    }

    fn control(&self, id: ControlId) -> Result<Option<Control>, SourceError> {
        Ok(self.all().into_iter().find(|control| control.id == id))
    }

    fn set(&self, id: ControlId, value: i32) -> Result<(), SourceError> {
        let values = &self.controls.0;
        let at = self.drive.position();
        match id {
            BRIGHTNESS => values.brightness.store(value, Ordering::Relaxed),
            SPEED => values.speed.store(value, Ordering::Relaxed),
            CAPTION => values.caption.store(value, Ordering::Relaxed),
            ControlId::PAN => drop(self.drive.move_to(Position { pan: value, ..at })),
            ControlId::TILT => drop(self.drive.move_to(Position { tilt: value, ..at })),
            _ => {}
        }
        Ok(())
    }

    fn modes(&self, _: Instant) -> Vec<Mode> {
        let mut collector = ModeCollector::default();
        for size in COMMON_SIZES {
            collector.add(size, COMMON_RATES.map(f64::from));
        }
        collector.modes()
    }
}

//! What people chose for this camera over HTTP. It is kept over restarts, and goes before the
//! settings file. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::control::{ControlChange, ControlId, MAX_CONTROLS};
use super::drive::Pose;
use super::jpeg::Quality;
use super::settings::CameraSettings;
use super::source::RequestedMode;
use crate::config::{CameraConfig, FPS, QUALITY, SIDE};
use porthole_types::Name;

/// Presets that a camera keeps.
pub const MAX_PRESETS: usize = 32;

/// Everything that people chose for this camera.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserOverrides {
    /// Size, rate and quality.
    #[serde(default)]
    pub picture: PictureOverrides,
    /// The controls of a device.
    #[serde(default)]
    pub controls: ControlOverrides,
    /// Where the drive can be sent by name.
    #[serde(default)]
    pub presets: BTreeMap<Name, Pose>,
}

/// Size, rate and quality, each as chosen or, with `None`, as in the settings file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureOverrides {
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
    #[serde(default)]
    fps: Option<u32>,
    #[serde(default)]
    quality: Option<u32>,
}

/// A number that people can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureField {
    /// Width in pixels.
    Width,
    /// Height in pixels (lines).
    Height,
    /// Frames per second.
    Fps,
    /// JPEG quality from 1 to 100.
    Quality,
}

/// A change of some of the numbers: to a new value, or with `None` back to the settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PicturePatch(Vec<(PictureField, Option<u32>)>);

/// Why a patch is not valid: what is wrong, each time with the field, if there is such a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPatch(Vec<(Option<PictureField>, String)>);

/// Values by control, for the camera that they were chosen for: another one plugged in its place
/// has its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlOverrides {
    camera: String,
    values: BTreeMap<ControlId, i32>,
}

impl PictureField {
    /// All fields, in the order of the API.
    pub const ALL: [Self; 4] = [Self::Width, Self::Height, Self::Fps, Self::Quality];

    /// The field's name in the API and the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Width => "width",
            Self::Height => "height",
            Self::Fps => "fps",
            Self::Quality => "quality",
        }
    }

    /// The values that the API and the settings accept.
    pub fn allowed(self) -> RangeInclusive<u32> {
        match self {
            Self::Width | Self::Height => SIDE,
            Self::Fps => FPS,
            Self::Quality => u32::from(*QUALITY.start())..=u32::from(*QUALITY.end()),
        }
    }
}

impl PictureOverrides {
    fn field(&mut self, field: PictureField) -> &mut Option<u32> {
        match field {
            PictureField::Width => &mut self.width,
            PictureField::Height => &mut self.height,
            PictureField::Fps => &mut self.fps,
            PictureField::Quality => &mut self.quality,
        }
    }

    /// Applies a patch; fields that it does not name stay.
    pub fn apply(&mut self, patch: &PicturePatch) {
        for (field, value) in &patch.0 {
            *self.field(*field) = *value;
        }
    }

    /// The settings that result over those of the file. A number out of its range, which can only
    /// come from a state file that was edited by hand, does not count.
    pub fn over(mut self, configured: &CameraConfig) -> CameraSettings {
        let mut or = |field: PictureField, configured: u32| {
            let chosen = self.field(field).filter(|n| field.allowed().contains(n));
            chosen.unwrap_or(configured)
        };
        let requested = RequestedMode {
            width: or(PictureField::Width, configured.width),
            height: or(PictureField::Height, configured.height),
            fps: or(PictureField::Fps, configured.fps),
        };
        let quality = or(PictureField::Quality, configured.quality.into());
        CameraSettings {
            requested,
            quality: u8::try_from(quality)
                .ok()
                .and_then(Quality::new)
                .unwrap_or(Quality::STREAM),
            idle_close: configured.idle_close,
        }
    }
}

impl PicturePatch {
    /// Reads a patch from a JSON object: numbers, or `null` to give one back to the settings.
    ///
    /// # Errors
    /// Everything that is wrong with it: unknown names, values that are not allowed.
    pub fn read(body: &Map<String, Value>) -> Result<Self, InvalidPatch> {
        let (mut patch, mut wrong) = (Vec::new(), Vec::new());
        for (name, value) in body {
            let Some(field) = PictureField::ALL
                .into_iter()
                .find(|field| field.name() == name)
            else {
                let names = PictureField::ALL.map(PictureField::name).join(", ");
                let words = format!("there is no {}: there are {names}", short(name));
                wrong.push((None, words));
                continue;
            };
            let allowed = field.allowed();
            // To JSON 640.0 is a whole number, too. A larger one than fits becomes the largest,
            // which no field allows.
            let number = value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0);
            match number
                .map(|n| n as u32)
                .filter(|number| allowed.contains(number))
            {
                Some(number) => patch.push((field, Some(number))),
                None if value.is_null() => patch.push((field, None)),
                None => wrong.push((
                    Some(field),
                    format!(
                        "{name} is {}: allowed are whole numbers from {} to {}, \
                         or null for what the settings say",
                        short(&value.to_string()),
                        allowed.start(),
                        allowed.end()
                    ),
                )),
            }
        }
        if wrong.is_empty() {
            Ok(Self(patch))
        } else {
            wrong.truncate(8); // a body may hold thousands
            Err(InvalidPatch(wrong))
        }
    }
}

/// Text from a request, cut to 40 characters.
fn short(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        format!("{shown}…")
    } else {
        shown
    }
}

impl InvalidPatch {
    /// The first known field whose value is wrong.
    pub fn field(&self) -> Option<PictureField> {
        self.0.iter().find_map(|(field, _)| *field)
    }
}

impl fmt::Display for InvalidPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|(_, words)| words.as_str()).collect();
        f.write_str(&words.join("; "))
    }
}

impl ControlOverrides {
    /// Remembers what was set on `camera`. What was chosen for another one is forgotten.
    pub fn remember(&mut self, camera: &str, set: &[ControlChange]) {
        if self.camera != camera {
            *self = Self {
                camera: camera.to_owned(),
                values: BTreeMap::new(),
            };
        }
        for change in set {
            if self.values.len() < MAX_CONTROLS || self.values.contains_key(&change.id) {
                self.values.insert(change.id, change.value);
            }
        }
    }

    /// What was chosen for `camera`, in the order of their numbers. So a control that switches an
    /// automatic mode comes before those that it governs: V4L2 numbers the common ones so.
    pub fn of(&self, camera: &str) -> Vec<ControlChange> {
        if self.camera != camera {
            return Vec::new();
        }
        let values = self.values.iter();
        values
            .map(|(&id, &value)| ControlChange { id, value })
            .take(MAX_CONTROLS)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config::CameraSource;

    fn configured() -> CameraConfig {
        CameraConfig {
            source: CameraSource::Test,
            width: 1280,
            height: 720,
            fps: 30,
            quality: 80,
            idle_close: Duration::from_secs(10),
        }
    }

    fn read(body: &Value) -> Result<PicturePatch, InvalidPatch> {
        PicturePatch::read(body.as_object().unwrap())
    }

    fn numbers(choice: PictureOverrides) -> (u32, u32, u32, Quality) {
        let settings = choice.over(&configured());
        let RequestedMode { width, height, fps } = settings.requested;
        (width, height, fps, settings.quality)
    }

    #[test]
    fn what_is_chosen_goes_before_the_settings_and_the_rest_stays() {
        let mut choice = PictureOverrides::default();
        let quality = |q| Quality::new(q).unwrap();
        assert_eq!(numbers(choice), (1280, 720, 30, quality(80)));
        choice.apply(&read(&json!({"width": 640.0, "height": 480})).unwrap());
        choice.apply(&read(&json!({"quality": 50})).unwrap());
        assert_eq!(numbers(choice), (640, 480, 30, quality(50)));
        choice.apply(&read(&json!({"width": null, "fps": 5})).unwrap());
        assert_eq!(numbers(choice), (1280, 480, 5, quality(50)));
    }

    #[test]
    fn a_patch_that_is_wrong_names_each_field_its_value_and_what_is_allowed() {
        let body = json!({"width": 8, "fps": "fast", "qualty": 1, "quality": 80.5, "height": -1});
        let words = read(&body).unwrap_err().to_string();
        for part in [
            "width is 8: allowed are whole numbers from 16 to 8192",
            "fps is \"fast\"",
            "from 1 to 240",
            "there is no qualty",
            "quality is 80.5",
            "height is -1",
        ] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }

    #[test]
    fn the_ends_of_each_range_are_allowed_and_what_is_beyond_is_not() {
        for field in PictureField::ALL {
            let (least, most) = field.allowed().into_inner();
            for (value, is_good) in [
                (least - 1, false),
                (least, true),
                (most, true),
                (most + 1, false),
            ] {
                let patch = read(&json!({field.name(): value}));
                assert_eq!(patch.is_ok(), is_good, "{field:?} {value}");
            }
        }
    }

    #[test]
    fn a_state_file_with_impossible_numbers_does_no_harm() {
        let text = r#"{"picture":{"width":0,"fps":4000000000,"quality":300,"height":600}}"#;
        let user_overrides: UserOverrides = serde_json::from_str(text).unwrap();
        let expected = (1280, 600, 30, Quality::new(80).unwrap());
        assert_eq!(numbers(user_overrides.picture), expected);
    }

    #[test]
    fn controls_are_remembered_for_the_camera_that_they_were_set_on() {
        let change = |id, value| ControlChange {
            id: ControlId(id),
            value,
        };
        let mut choice = ControlOverrides::default();
        choice.remember("vivid", &[change(2, 5), change(1, 7)]);
        choice.remember("vivid", &[change(2, 6)]);
        assert_eq!(choice.of("vivid"), [change(1, 7), change(2, 6)]);
        assert_eq!(choice.of("another"), []);
        let text = serde_json::to_string(&choice).unwrap();
        assert_eq!(
            serde_json::from_str::<ControlOverrides>(&text).unwrap(),
            choice
        );
        choice.remember("another", &[change(1, 1)]);
        assert_eq!(choice.of("vivid"), []);
        let many: Vec<ControlChange> = (0..1000).map(|id| change(id, 0)).collect();
        choice.remember("another", &many);
        assert_eq!(choice.of("another").len(), MAX_CONTROLS);
    }

    proptest! {
        #[test]
        fn no_body_makes_a_size_or_rate_that_the_settings_would_refuse(
            name in "width|height|fps|quality|other",
            value in prop_oneof![
                any::<i64>().prop_map(Value::from),
                any::<f64>().prop_map(Value::from),
                Just(Value::Null)
            ],
        ) {
            let mut choice = PictureOverrides::default();
            if let Ok(patch) = read(&json!({name: value})) {
                choice.apply(&patch);
            }
            let RequestedMode { width, height, fps } = choice.over(&configured()).requested;
            prop_assert!(SIDE.contains(&width) && SIDE.contains(&height) && FPS.contains(&fps));
        }
    }
}

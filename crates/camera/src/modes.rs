//! The sizes and rates that a camera offers, listed for people to choose from. Pure.

use std::collections::BTreeMap;

/// Sizes of one camera that are listed; more are left out.
const MAX_SIZES: usize = 64;
/// Rates of one size that are listed; more are left out.
const MAX_RATES: usize = 16;

/// A size, and the rates at which the camera delivers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels (lines).
    pub height: u32,
    /// Frames per second, rising; empty where the camera does not say.
    pub fps: Vec<f64>,
}

/// Well-known sizes, listed for cameras that take any size in a range.
pub(crate) const COMMON_SIZES: [(u32, u32); 10] = [
    (160, 120),
    (320, 240),
    (640, 360),
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 720),
    (1280, 960),
    (1920, 1080),
    (3840, 2160),
];

/// Rates listed for cameras that take any rate in a range, per second.
pub(crate) const COMMON_RATES: [u32; 8] = [1, 5, 10, 15, 25, 30, 50, 60];

/// Collects what one camera offers in several pixel formats: each size once, with all its rates.
#[derive(Default)]
pub(crate) struct ModeCollector(BTreeMap<(u32, u32), Vec<f64>>);

impl ModeCollector {
    /// Adds a size with its rates per second.
    pub(crate) fn add(&mut self, size: (u32, u32), rates: impl IntoIterator<Item = f64>) {
        if self.0.len() >= MAX_SIZES && !self.0.contains_key(&size) {
            return;
        }
        let known = self.0.entry(size).or_default();
        for rate in rates {
            // Two decimals are enough to tell 29.97 from 30.
            let rate = (rate * 100.0).round() / 100.0;
            if known.len() < MAX_RATES && rate.is_finite() && !known.contains(&rate) {
                known.push(rate);
            }
        }
    }

    /// Whether another size would still be listed.
    pub(crate) fn has_room(&self) -> bool {
        self.0.len() < MAX_SIZES
    }

    /// The modes, from small to large.
    pub(crate) fn modes(self) -> Vec<Mode> {
        let mut modes: Vec<Mode> = self
            .0
            .into_iter()
            .map(|((width, height), mut fps)| {
                fps.sort_by(f64::total_cmp);
                Mode { width, height, fps }
            })
            .collect();
        modes.sort_by_key(|mode| u64::from(mode.width) * u64::from(mode.height));
        modes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_is_listed_once_with_the_rates_of_all_formats() {
        let mut collector = ModeCollector::default();
        collector.add((1280, 720), [30.0, 12.5]);
        collector.add((640, 480), [25.0]);
        collector.add((1280, 720), [30.0, 10.0]);
        let mode = |width, height, fps: &[f64]| Mode {
            width,
            height,
            fps: fps.to_vec(),
        };
        assert_eq!(
            collector.modes(),
            [
                mode(640, 480, &[25.0]),
                mode(1280, 720, &[10.0, 12.5, 30.0])
            ]
        );
    }

    #[test]
    fn of_a_camera_that_offers_thousands_only_some_are_listed() {
        let mut collector = ModeCollector::default();
        for side in 1..5000 {
            collector.add((side, side), (1..100).map(f64::from).chain([f64::INFINITY]));
        }
        let modes = collector.modes();
        assert_eq!((modes.len(), modes[0].fps.len()), (MAX_SIZES, MAX_RATES));
    }
}

//! Which of a device's formats, sizes and rates comes nearest to what is wanted. Pure.

use std::cmp::Reverse;
use std::fmt;

use crate::format::{MAX_SIDE, PixelFormat};
use crate::source::RequestedMode;

/// A pixel format that the device offers and we can serve.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// The device's own code, which may be a synonym (`JPEG` for `MJPG`).
    pub(super) fourcc: [u8; 4],
    pub(super) pixel: PixelFormat,
    /// Empty when the device does not say.
    pub(super) sizes: Vec<Sizes>,
}

/// One entry of the device's list of sizes, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sizes {
    One(u32, u32),
    Range { width: Span, height: Span },
}

/// Numbers from `min` to `max`, `step` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    min: u32,
    max: u32,
    step: u32,
}

impl Span {
    /// A driver may say that the step is 0 (it means 1), or mix up the ends.
    pub(super) fn new(min: u32, max: u32, step: u32) -> Self {
        Self {
            min,
            max: max.max(min),
            step: step.max(1),
        }
    }

    pub(super) const fn max(self) -> u32 {
        self.max
    }

    /// Whether it is one of the numbers.
    pub(super) const fn holds(self, number: u32) -> bool {
        self.min <= number && number <= self.max && (number - self.min).is_multiple_of(self.step)
    }

    fn nearest(self, wanted: u32) -> u32 {
        let over = wanted.clamp(self.min, self.max) - self.min;
        let below = self.min + over / self.step * self.step;
        match below.checked_add(self.step) {
            Some(above) if above <= self.max && above.abs_diff(wanted) < below.abs_diff(wanted) => {
                above
            }
            _ => below,
        }
    }
}

impl Sizes {
    fn nearest(self, wanted: &RequestedMode) -> (u32, u32) {
        match self {
            Self::One(width, height) => (width, height),
            Self::Range { width, height } => {
                (width.nearest(wanted.width), height.nearest(wanted.height))
            }
        }
    }
}

/// A format and size to ask the device for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FormatRequest {
    pub(super) fourcc: [u8; 4],
    pub(super) pixel: PixelFormat,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// One request for each offer, the best first: the nearest size counts most, then how cheap it is
/// to serve (MJPEG needs no encoder, YUYV no conversion), and colour before grey.
pub(super) fn ranked(offers: &[Offer], wanted: &RequestedMode) -> Vec<FormatRequest> {
    let mut choices: Vec<FormatRequest> = offers
        .iter()
        .filter_map(|offer| {
            let (width, height) = nearest_size(&offer.sizes, wanted)?;
            Some(FormatRequest {
                fourcc: offer.fourcc,
                pixel: offer.pixel,
                width,
                height,
            })
        })
        .collect();
    choices.sort_by_key(|c| (distance((c.width, c.height), wanted), preference(c.pixel)));
    choices
}

fn preference(pixel: PixelFormat) -> (bool, Option<usize>) {
    let place = PixelFormat::ALL.iter().position(|&p| p == pixel);
    (pixel == PixelFormat::Grey, place)
}

/// The size nearest to the wanted one, the larger of two that are equally near; the wanted one
/// itself when the device does not say; nothing when it offers only sizes that no JPEG has.
fn nearest_size(sizes: &[Sizes], wanted: &RequestedMode) -> Option<(u32, u32)> {
    if sizes.is_empty() {
        return Some((wanted.width, wanted.height));
    }
    sizes
        .iter()
        .map(|sizes| sizes.nearest(wanted))
        .filter(|(w, h)| (1..=MAX_SIDE).contains(w) && (1..=MAX_SIDE).contains(h))
        .min_by_key(|&size| (distance(size, wanted), Reverse(size)))
}

const fn distance((width, height): (u32, u32), wanted: &RequestedMode) -> u64 {
    width.abs_diff(wanted.width) as u64 + height.abs_diff(wanted.height) as u64
}

/// Seconds from frame to frame, as a fraction: 2/25 is 12.5 frames a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) numerator: u32,
    pub(super) denominator: u32,
}

impl Interval {
    pub(super) const fn is_sound(self) -> bool {
        self.numerator > 0 && self.denominator > 0
    }

    /// Frames a second, where it is sound.
    pub(super) fn rate(self) -> Option<f64> {
        self.is_sound()
            .then(|| f64::from(self.denominator) / f64::from(self.numerator))
    }

    /// How far from `fps` frames a second, as a fraction of frames a second.
    const fn miss(self, fps: u32) -> (u64, u64) {
        let frames = self.denominator as u64;
        let wanted = fps as u64 * self.numerator as u64;
        (frames.abs_diff(wanted), self.numerator as u64)
    }

    /// Whether it lets more frames through than `other`.
    const fn is_faster(self, other: Self) -> bool {
        self.denominator as u64 * other.numerator as u64
            > other.denominator as u64 * self.numerator as u64
    }

    fn is_nearer(self, other: Self, fps: u32) -> bool {
        let ((a, a_by), (b, b_by)) = (self.miss(fps), other.miss(fps));
        let (a, b) = (
            u128::from(a) * u128::from(b_by),
            u128::from(b) * u128::from(a_by),
        );
        a < b || (a == b && self.is_faster(other))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = f64::from(self.denominator) / f64::from(self.numerator);
        // At most two digits after the point, and none that say nothing.
        write!(f, "{}/s", (rate * 100.0).round() / 100.0)
    }
}

/// One entry of the device's list of intervals.
#[derive(Clone, Copy, Debug)]
pub(super) enum Intervals {
    One(Interval),
    Range {
        shortest: Interval,
        longest: Interval,
    },
}

/// The interval to ask for: the offered one whose rate is nearest to `fps`, the faster of two that
/// are equally near; exactly `fps` when the device does not say what it has.
pub(super) fn interval(offered: &[Intervals], fps: u32) -> Interval {
    let asked = Interval {
        numerator: 1,
        denominator: fps.max(1),
    };
    let nearest = |intervals: Intervals| match intervals {
        Intervals::One(interval) => interval,
        Intervals::Range { shortest, longest } => {
            if shortest.is_sound() && asked.is_faster(shortest) {
                shortest
            } else if longest.is_sound() && longest.is_faster(asked) {
                longest
            } else {
                asked
            }
        }
    };
    offered
        .iter()
        .copied()
        .map(nearest)
        .filter(|i| i.is_sound())
        .reduce(|best, next| {
            if next.is_nearer(best, fps) {
                next
            } else {
                best
            }
        })
        .unwrap_or(asked)
}

#[cfg(test)]
mod tests;

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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VGA: RequestedMode = RequestedMode {
        width: 640,
        height: 480,
        fps: 30,
    };

    fn offer(pixel: PixelFormat, sizes: &[Sizes]) -> Offer {
        Offer {
            fourcc: pixel.fourcc(),
            pixel,
            sizes: sizes.to_vec(),
        }
    }

    fn best(offers: &[Offer], wanted: &RequestedMode) -> (PixelFormat, u32, u32) {
        let first = ranked(offers, wanted)[0];
        (first.pixel, first.width, first.height)
    }

    #[test]
    fn mjpeg_is_taken_where_it_has_the_wanted_size() {
        let offers = [
            offer(PixelFormat::Yuyv, &[Sizes::One(640, 480)]),
            offer(
                PixelFormat::Mjpeg,
                &[Sizes::One(1280, 720), Sizes::One(640, 480)],
            ),
        ];
        assert_eq!(best(&offers, &VGA), (PixelFormat::Mjpeg, 640, 480));
    }

    #[test]
    fn yuyv_at_the_wanted_size_beats_mjpeg_at_another() {
        let offers = [
            offer(PixelFormat::Mjpeg, &[Sizes::One(1280, 720)]),
            offer(PixelFormat::Nv12, &[Sizes::One(640, 480)]),
            offer(PixelFormat::Yuyv, &[Sizes::One(640, 480)]),
        ];
        assert_eq!(best(&offers, &VGA), (PixelFormat::Yuyv, 640, 480));
    }

    #[test]
    fn colour_is_taken_before_grey() {
        let offers = [
            offer(PixelFormat::Grey, &[Sizes::One(640, 480)]),
            offer(PixelFormat::Bgr24, &[Sizes::One(640, 480)]),
        ];
        assert_eq!(best(&offers, &VGA).0, PixelFormat::Bgr24);
    }

    #[test]
    fn of_sizes_that_are_not_the_wanted_one_the_nearest_is_taken_and_of_two_the_larger() {
        let sizes = [
            Sizes::One(320, 240),
            Sizes::One(800, 600),
            Sizes::One(1920, 1080),
        ];
        assert_eq!(best(&[offer(PixelFormat::Yuyv, &sizes)], &VGA).1, 800);
        let either = [Sizes::One(620, 480), Sizes::One(660, 480)];
        assert_eq!(best(&[offer(PixelFormat::Yuyv, &either)], &VGA).1, 660);
    }

    #[test]
    fn a_device_that_names_no_sizes_is_asked_for_the_wanted_one() {
        assert_eq!(
            best(&[offer(PixelFormat::Yuyv, &[])], &VGA),
            (PixelFormat::Yuyv, 640, 480)
        );
    }

    #[test]
    fn sizes_that_no_jpeg_has_are_not_chosen() {
        let impossible = [Sizes::One(0, 480), Sizes::One(640, 70_000)];
        assert!(ranked(&[offer(PixelFormat::Yuyv, &impossible)], &VGA).is_empty());
    }

    fn every(numerator: u32, denominator: u32) -> Intervals {
        Intervals::One(Interval {
            numerator,
            denominator,
        })
    }

    fn rate(offered: &[Intervals], fps: u32) -> (u32, u32) {
        let Interval {
            numerator,
            denominator,
        } = interval(offered, fps);
        (numerator, denominator)
    }

    #[test]
    fn an_interval_whose_numerator_is_not_1_is_compared_by_its_rate() {
        // vivid at 1280x720: 1, 2, 4, 5, 10 and 12.5 frames a second.
        let offered = [every(1, 1), every(1, 10), every(2, 25)];
        assert_eq!(rate(&offered, 30), (2, 25));
        assert_eq!(rate(&offered, 11), (1, 10));
        // NTSC.
        assert_eq!(rate(&[every(1001, 30000), every(1, 25)], 30), (1001, 30000));
    }

    #[test]
    fn of_two_rates_equally_near_the_faster_is_taken() {
        assert_eq!(rate(&[every(1, 20), every(1, 30)], 25), (1, 30));
    }

    #[test]
    fn a_range_of_intervals_gives_the_wanted_rate_or_its_nearer_end() {
        let range = [Intervals::Range {
            shortest: Interval {
                numerator: 1,
                denominator: 60,
            },
            longest: Interval {
                numerator: 1,
                denominator: 5,
            },
        }];
        assert_eq!(rate(&range, 30), (1, 30));
        assert_eq!(rate(&range, 120), (1, 60));
        assert_eq!(rate(&range, 1), (1, 5));
    }

    #[test]
    fn without_rates_or_with_impossible_ones_the_wanted_rate_is_asked_for() {
        assert_eq!(rate(&[], 30), (1, 30));
        assert_eq!(rate(&[every(0, 30), every(1, 0)], 30), (1, 30));
        assert_eq!(rate(&[], 0), (1, 1));
    }

    #[test]
    fn a_rate_is_shown_without_idle_digits() {
        let shown = |n, d| {
            Interval {
                numerator: n,
                denominator: d,
            }
            .to_string()
        };
        assert_eq!(shown(1, 25), "25/s");
        assert_eq!(shown(2, 25), "12.5/s");
        assert_eq!(shown(1001, 30000), "29.97/s");
    }

    proptest! {
        #[test]
        fn a_span_gives_the_member_nearest_to_the_wanted_number(
            min in 0u32..5000, length in 0u32..5000, step in 0u32..70, wanted in any::<u32>()
        ) {
            let span = Span::new(min, min + length, step);
            let got = span.nearest(wanted);
            let nearest = (min..=min + length)
                .step_by(step.max(1) as usize)
                .map(|n| n.abs_diff(wanted))
                .min();
            prop_assert_eq!(Some(got.abs_diff(wanted)), nearest);
            prop_assert_eq!((got - min) % step.max(1), 0);
        }

        #[test]
        fn no_numbers_of_a_driver_make_the_choice_panic(
            a in any::<u32>(), b in any::<u32>(), c in any::<u32>(), fps in any::<u32>()
        ) {
            let span = Span::new(a, b, c);
            let range = Sizes::Range { width: span, height: span };
            let wanted = RequestedMode { width: c, height: a, fps };
            let _ = ranked(&[offer(PixelFormat::Yuyv, &[range, Sizes::One(b, c)])], &wanted);
            prop_assert!(interval(&[every(a, b), every(b, c)], fps).is_sound());
        }
    }
}

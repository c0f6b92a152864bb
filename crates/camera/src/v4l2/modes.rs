//! Which sizes and rates a device offers, in the formats that we serve.

use std::time::Instant;

use v4l::Device;

use super::capabilities;
use super::choose::{Intervals, Sizes};
use crate::format::PixelFormat;
use crate::modes::{COMMON_RATES, COMMON_SIZES, Mode, ModeCollector};

/// What the device offers, as far as it has said by `until`.
pub(super) fn of(device: &Device, until: Instant) -> Vec<Mode> {
    let mut collector = ModeCollector::default();
    let formats = capabilities::offered(device).unwrap_or_default();
    let served = formats
        .into_iter()
        .filter(|&fourcc| PixelFormat::from_fourcc(fourcc).is_some());
    for fourcc in served {
        for size in capabilities::sizes(device, fourcc)
            .into_iter()
            .flat_map(listed)
        {
            if Instant::now() > until || !collector.has_room() {
                return collector.modes();
            }
            let intervals = capabilities::intervals(device, fourcc, size);
            collector.add(size, intervals.into_iter().flat_map(rates));
        }
    }
    collector.modes()
}

/// A size, or the common ones of a range with its greatest.
fn listed(sizes: Sizes) -> Vec<(u32, u32)> {
    match sizes {
        Sizes::One(width, height) => vec![(width, height)],
        Sizes::Range { width, height } => {
            let common = COMMON_SIZES.into_iter();
            let fits = common.filter(|&(w, h)| width.holds(w) && height.holds(h));
            fits.chain([(width.max(), height.max())]).collect()
        }
    }
}

/// A rate, or the common ones of a range with its highest.
fn rates(intervals: Intervals) -> Vec<f64> {
    match intervals {
        Intervals::One(one) => one.rate().into_iter().collect(),
        Intervals::Range { shortest, longest } => {
            let (Some(most), Some(least)) = (shortest.rate(), longest.rate()) else {
                return Vec::new();
            };
            let common = COMMON_RATES.map(f64::from).into_iter();
            common
                .filter(|rate| (least..=most).contains(rate))
                .chain([most])
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::choose::{Interval, Span};
    use super::*;

    #[test]
    fn ranges_are_listed_as_common_sizes_and_rates() {
        let sizes = Sizes::Range {
            width: Span::new(32, 1920, 8),
            height: Span::new(32, 1080, 2),
        };
        let listed = listed(sizes);
        assert!(listed.contains(&(640, 480)) && listed.ends_with(&[(1920, 1080)]));
        assert!(!listed.contains(&(3840, 2160)));
        let interval = |numerator, denominator| Interval {
            numerator,
            denominator,
        };
        let range = |longest| Intervals::Range {
            shortest: interval(2, 25),
            longest,
        };
        assert_eq!(rates(range(interval(1, 1))), [1.0, 5.0, 10.0, 12.5]);
        assert_eq!(rates(range(interval(0, 0))), [0.0; 0]);
        assert_eq!(rates(Intervals::One(interval(1001, 30000))).len(), 1);
    }
}

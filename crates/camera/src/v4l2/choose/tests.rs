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

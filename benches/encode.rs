//! How fast a YUYV frame becomes a JPEG, beside libjpeg-turbo on the same frames.
//!
//! libjpeg-turbo gets the same planes by the same kind of loop, the same quality and the same
//! subsampling. Criterion measures each alone; the ratio printed at the end comes from taking
//! turns, so that a busy machine slows both alike. The goal is 1.1.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use criterion::{BenchmarkId, Criterion, Throughput};
use porthole_camera::format::{FrameFormat, PixelFormat};
use porthole_camera::frame::RawFrame;
use porthole_camera::jpeg::{Encoder, Quality};
use porthole_camera::source::{RequestedMode, Source};
use porthole_camera::test_pattern::{TestPattern, TestPatternDevice};
use tokio::sync::watch;
use turbojpeg::{Compressor, OutputBuf, Subsamp, YuvPlanesImage};

const SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];
const ROUNDS: usize = 150;

/// A frame of the test pattern with noise on it: a smooth picture would flatter both encoders.
fn frame(width: u32, height: u32) -> RawFrame {
    let wanted = RequestedMode {
        width,
        height,
        fps: 120,
    };
    let (_, name) = watch::channel("bench".to_owned());
    let mut pattern = TestPattern::new(&wanted, name, TestPatternDevice::default());
    let drawn = pattern.next_frame(Duration::from_secs(1));
    let drawn = drawn
        .expect("the pattern never fails")
        .expect("due at once");
    let mut noise = 0x2545_f491_u32;
    let data: Vec<u8> = drawn
        .data
        .iter()
        .map(|&sample| {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            sample.saturating_add((noise >> 24) as u8 % 13)
        })
        .collect();
    RawFrame {
        format: FrameFormat::tight(PixelFormat::Yuyv, width, height),
        data: data.into(),
        captured_at: SystemTime::now(),
        captured: Instant::now(),
        sequence: 1,
    }
}

/// libjpeg-turbo with everything it needs kept between frames, as our own encoder keeps it.
struct Turbo {
    compressor: Compressor,
    planes: [Vec<u8>; 3],
    output: OutputBuf<'static>,
}

impl Turbo {
    fn new(quality: Quality) -> Self {
        let mut compressor = Compressor::new().expect("libjpeg-turbo starts");
        compressor
            .set_quality(quality.get().into())
            .expect("a quality it knows");
        Self {
            compressor,
            planes: [vec![], vec![], vec![]],
            output: OutputBuf::new_owned(),
        }
    }

    fn encode(&mut self, frame: &RawFrame) -> usize {
        let (width, height) = (frame.format.width as usize, frame.format.height as usize);
        let [y, cb, cr] = &mut self.planes;
        y.resize(width * height, 0);
        cb.resize(width / 2 * height, 0);
        cr.resize(width / 2 * height, 0);
        for (pair, y) in frame.data.chunks_exact(2).zip(y.iter_mut()) {
            *y = pair[0];
        }
        for (quad, cb) in frame.data.chunks_exact(4).zip(cb.iter_mut()) {
            *cb = quad[1];
        }
        for (quad, cr) in frame.data.chunks_exact(4).zip(cr.iter_mut()) {
            *cr = quad[3];
        }
        let image = YuvPlanesImage {
            y_plane: &y[..],
            y_stride: width,
            u_plane: &cb[..],
            u_stride: width / 2,
            v_plane: &cr[..],
            v_stride: width / 2,
            width,
            height,
            subsamp: Subsamp::Sub2x1,
        };
        self.compressor
            .compress_yuv_planes(&image, &mut self.output)
            .expect("a sound image");
        self.output.len()
    }
}

fn each_alone(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode_yuyv");
    for (width, height) in SIZES {
        let frame = frame(width, height);
        let size = format!("{width}x{height}");
        group.throughput(Throughput::Elements(1));
        let mut encoder = Encoder::new();
        group.bench_function(BenchmarkId::new("porthole", &size), |bencher| {
            bencher.iter(|| encoder.encode(black_box(&frame), Quality::STREAM));
        });
        let mut turbo = Turbo::new(Quality::STREAM);
        group.bench_function(BenchmarkId::new("libjpeg-turbo", &size), |bencher| {
            bencher.iter(|| turbo.encode(black_box(&frame)));
        });
    }
    group.finish();
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn taking_turns() {
    println!("\ntaking turns, median of {ROUNDS} frames each:");
    for (width, height) in SIZES {
        let frame = frame(width, height);
        let (mut encoder, mut turbo) = (Encoder::new(), Turbo::new(Quality::STREAM));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (mut our_bytes, mut their_bytes) = (0, 0);
        for _ in 0..ROUNDS {
            ours.push(timed(|| {
                let jpeg = encoder.encode(black_box(&frame), Quality::STREAM);
                our_bytes = jpeg.map_or(0, |jpeg| jpeg.len());
            }));
            theirs.push(timed(|| their_bytes = turbo.encode(black_box(&frame))));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "  {width}x{height}: porthole {:.2} ms ({our_bytes} bytes), \
             libjpeg-turbo {:.2} ms ({their_bytes} bytes), ratio {:.2}",
            ours.as_secs_f64() * 1e3,
            theirs.as_secs_f64() * 1e3,
            ours.as_secs_f64() / theirs.as_secs_f64(),
        );
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    each_alone(&mut criterion);
    criterion.final_summary();
    taking_turns();
}

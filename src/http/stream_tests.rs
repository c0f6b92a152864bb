//! Streams over real sockets: an actix server on loopback, a reader of bytes.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant as Now;

use actix_web::{App, HttpServer, web};

use super::*;
use crate::camera::frame::PictureKind;
use crate::camera::slot::{Picture, PictureSlot};
use crate::camera::viewing::Audience;
use crate::http::snapshot::snapshot;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Studio {
    address: SocketAddr,
    audience: Arc<Audience>,
    pictures: Arc<PictureSlot>,
    metrics: Metrics,
    server: actix_web::dev::ServerHandle,
}

impl Studio {
    fn open(seats: usize) -> Self {
        let audience = Arc::new(Audience::new(seats));
        let pictures = Arc::new(PictureSlot::new());
        let metrics = Metrics::new();
        let viewing = Viewing::new(audience.clone(), pictures.clone());
        let (tell, told) = std::sync::mpsc::channel();
        let data = (viewing, metrics.clone());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let (for_stream, for_still) = (data.clone(), data.clone());
                    App::new()
                        .route(
                            "/stream.mjpg",
                            web::get().to(move |request: HttpRequest| {
                                let answer = stream(&request, &for_stream.0, &for_stream.1);
                                async { answer }
                            }),
                        )
                        .route(
                            "/snapshot.jpg",
                            web::route().to(move |request: HttpRequest| {
                                let viewing = for_still.0.clone();
                                async move { snapshot(&request, &viewing).await }
                            }),
                        )
                })
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")
                .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server) = told.recv().unwrap();
        Self {
            address,
            audience,
            pictures,
            metrics,
            server,
        }
    }

    fn show(&self, bytes: &'static [u8], width: u32) {
        let session = self.pictures.begin();
        let picture = Picture {
            bytes: Bytes::from_static(bytes),
            width,
            height: 1,
            captured_at: UNIX_EPOCH + Duration::from_micros(1_500_000),
            captured: Now::now(),
            kind: PictureKind::Live,
        };
        self.pictures.publish(session, picture);
    }

    fn ask(&self, method: &str, path: &str) -> BufReader<TcpStream> {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(socket, "{method} {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
        BufReader::new(socket)
    }

    fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let end = Now::now() + PATIENCE;
        while !is(self) {
            assert!(Now::now() < end, "never came: {what}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// The lines of a head up to the empty one, lower case.
fn head_of(reader: &mut impl BufRead) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        assert!(
            reader.read_line(&mut line).unwrap() > 0,
            "ended within a head: {lines:?}"
        );
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return lines;
        }
        lines.push(line);
    }
}

/// One part: its head and its picture, told apart by the stated length alone.
fn part_of(reader: &mut impl BufRead) -> (Vec<String>, Vec<u8>) {
    let mut boundary = String::new();
    while boundary.trim().is_empty() {
        boundary.clear();
        assert!(
            reader.read_line(&mut boundary).unwrap() > 0,
            "the stream has ended"
        );
    }
    assert_eq!(boundary.trim_end(), format!("--{BOUNDARY}"));
    let head = head_of(reader);
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut picture = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut picture).unwrap();
    (head, picture)
}

#[test]
fn parts_have_their_exact_length_and_time_and_the_next_boundary_follows_at_once() {
    let studio = Studio::open(4);
    studio.show(b"first", 1);
    let mut reader = studio.ask("GET", "/stream.mjpg");
    let head = head_of(&mut reader);
    assert!(head.contains(&format!(
        "content-type: multipart/x-mixed-replace;boundary={BOUNDARY}"
    )));
    assert!(
        head.iter()
            .any(|line| line.starts_with("cache-control: no-store")),
        "{head:?}"
    );
    let (head, picture) = part_of(&mut reader);
    assert_eq!(picture, b"first");
    assert!(
        head.contains(&"x-timestamp: 1.500000".to_owned()),
        "{head:?}"
    );
    // Without another picture yet, the boundary that says that this one is whole is there already.
    let mut boundary = vec![0; BOUNDARY.len() + 6];
    reader.read_exact(&mut boundary).unwrap();
    assert_eq!(boundary, format!("\r\n--{BOUNDARY}\r\n").as_bytes());
}

#[test]
fn the_last_picture_is_repeated_when_no_new_one_comes() {
    let studio = Studio::open(4);
    studio.show(b"still", 1);
    let mut reader = studio.ask("GET", "/stream.mjpg");
    head_of(&mut reader);
    for _ in 0..2 {
        assert_eq!(part_of(&mut reader).1, b"still");
    }
}

#[test]
fn the_stream_ends_when_the_size_changes() {
    let studio = Studio::open(4);
    studio.show(b"small", 1);
    let mut reader = studio.ask("GET", "/stream.mjpg");
    head_of(&mut reader);
    assert_eq!(part_of(&mut reader).1, b"small");
    studio.show(b"large", 2);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    let large = rest.windows(5).any(|bytes| bytes == b"large");
    assert!(!large, "a part of another size went into the same stream");
}

#[test]
fn a_viewer_that_stalls_skips_whole_frames_and_holds_up_nobody() {
    const FRAME: usize = 256 * 1024;
    let studio = Studio::open(4);
    let frame = |fill: u8| -> &'static [u8] { Box::leak(vec![fill; FRAME].into_boxed_slice()) };
    studio.show(frame(0), 1);
    let mut slow = studio.ask("GET", "/stream.mjpg");
    let mut quick = studio.ask("GET", "/stream.mjpg");
    head_of(&mut slow);
    head_of(&mut quick);
    studio.until("both watch", |studio| studio.audience.viewers() == 2);
    part_of(&mut quick);
    // 50 MiB: more than any socket buffers. The slow one reads none of it meanwhile.
    for fill in 1..=200 {
        studio.show(frame(fill), 1);
        while part_of(&mut quick).1[0] != fill {}
    }
    let mut fills = Vec::new();
    while fills.last() != Some(&200) {
        let (_, picture) = part_of(&mut slow);
        assert!(
            picture.iter().all(|byte| *byte == picture[0]),
            "a frame was cut"
        );
        fills.push(picture[0]);
    }
    assert!(fills.len() < 200, "nothing was skipped");
    assert!(fills.is_sorted(), "frames came out of order: {fills:?}");
    assert!(studio.metrics.stream_frames_skipped_total.get() > 0);
}

#[test]
fn a_viewer_may_ask_for_fewer_frames() {
    let studio = Studio::open(4);
    studio.show(b"0", 1);
    let mut slow = studio.ask("GET", "/stream.mjpg?fps=1");
    let mut quick = studio.ask("GET", "/stream.mjpg");
    head_of(&mut slow);
    head_of(&mut quick);
    assert_eq!(part_of(&mut slow).1, b"0");
    let had = Now::now();
    assert_eq!(part_of(&mut quick).1, b"0");
    for picture in [b"1", b"2", b"3"] {
        studio.show(picture, 1);
        while part_of(&mut quick).1 != picture {}
    }
    let next = part_of(&mut slow).1;
    // A bound from below: however slow the machine, it is never sooner than asked for.
    assert!(had.elapsed() > Duration::from_millis(800), "{:?} after the first", had.elapsed());
    assert_ne!(next, b"0");
    while part_of(&mut slow).1 != b"3" {}
}

#[test]
fn an_impossible_rate_is_refused_in_words() {
    let studio = Studio::open(4);
    for wish in ["0", "-1", "nan", "many", "1000"] {
        let mut reader = studio.ask("GET", &format!("/stream.mjpg?fps={wish}"));
        let mut answer = String::new();
        reader.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 400"), "{wish}: {answer}");
        assert!(answer.contains("0.1 to 240"), "{answer}");
    }
}

#[test]
fn one_viewer_too_many_is_told_when_to_try_again() {
    let studio = Studio::open(1);
    studio.show(b"x", 1);
    let mut first = studio.ask("GET", "/stream.mjpg");
    head_of(&mut first);
    for path in ["/stream.mjpg", "/snapshot.jpg"] {
        let head = head_of(&mut studio.ask("GET", path));
        assert!(head[0].contains("503"), "{head:?}");
        assert!(head.contains(&"retry-after: 5".to_owned()), "{head:?}");
    }
    drop(first);
    studio.until("the first has left", |studio| {
        studio.audience.viewers() == 0
    });
    assert_eq!(studio.metrics.stream_clients.get(), 0);
}

#[test]
fn a_snapshot_is_one_whole_picture_and_a_head_asks_nothing_of_the_camera() {
    let studio = Studio::open(1);
    let head = head_of(&mut studio.ask("HEAD", "/snapshot.jpg"));
    assert!(head[0].contains("200"), "{head:?}");
    assert_eq!(studio.audience.viewers(), 0);
    assert!(
        !studio.audience.empty_for().is_zero(),
        "a HEAD was taken for a viewer"
    );
    studio.show(b"snap", 1);
    let mut reader = studio.ask("GET", "/snapshot.jpg");
    let head = head_of(&mut reader);
    assert!(head.contains(&"content-length: 4".to_owned()), "{head:?}");
    assert!(
        head.contains(&"x-timestamp: 1.500000".to_owned()),
        "{head:?}"
    );
    let mut picture = Vec::new();
    reader.read_to_end(&mut picture).unwrap();
    assert_eq!(picture, b"snap");
}

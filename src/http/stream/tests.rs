//! Streams over real connections to a real server; the pictures are published by the test.

use std::sync::atomic::Ordering;

use actix_web::rt;
use tokio::time::timeout;

use super::*;
use crate::http::test_server::{Client, LIMIT, Server, length};
use porthole_camera::frame::PictureKind;

async fn streaming(server: &Server, path: &str) -> Client {
    let mut client = Client::ask(server, "GET", path).await;
    let head = client.head().await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(client.exactly(FIRST_BOUNDARY.len()).await, FIRST_BOUNDARY);
    client
}

#[actix_web::test]
async fn the_answer_has_the_headers_that_browsers_and_proxies_need() {
    let server = Server::start(2);
    let mut client =
        Client::ask_with(&server, "GET", "/stream.mjpg", "Accept-Encoding: gzip\r\n").await;
    let head = client.head().await;
    for line in [
        "content-type: multipart/x-mixed-replace;boundary=porthole-frame\r\n",
        "cache-control: no-store, no-cache, must-revalidate, max-age=0\r\n",
        "pragma: no-cache\r\n",
        "connection: close\r\n",
        "x-accel-buffering: no\r\n",
    ] {
        assert!(head.contains(line), "{line} is missing in {head}");
    }
    assert!(
        !head.contains("chunked") && !head.contains("gzip"),
        "{head}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn each_part_has_its_exact_length_and_time_and_is_closed_at_once() {
    let server = Server::start(2);
    let mut client = streaming(&server, "/stream.mjpg").await;
    for picture in [&b"first picture"[..], b"2", &vec![0xFF; 70_000]] {
        server.show(picture);
        // `part` ends with the boundary: it comes without another picture.
        let (head, jpeg) = client.part().await;
        assert_eq!(jpeg, picture);
        assert!(head.contains("content-type: image/jpeg\r\n"));
        assert!(
            head.contains("x-timestamp: 1700000000.000042\r\n"),
            "{head}"
        );
    }
    assert_eq!(server.counts.skipped.load(Ordering::SeqCst), 0);
    server.stop().await;
}

#[actix_web::test]
async fn a_picture_that_stays_is_sent_again() {
    let server = Server::start(2);
    let mut client = streaming(&server, "/stream.mjpg").await;
    server.show(b"still");
    for _ in 0..2 {
        assert_eq!(client.part().await.1, b"still");
    }
    server.stop().await;
}

#[actix_web::test]
async fn another_size_closes_the_stream() {
    let server = Server::start(2);
    let mut client = streaming(&server, "/stream.mjpg").await;
    server.show(b"small");
    client.part().await;
    server.publish(b"large".to_vec(), 128, PictureKind::Live);
    assert!(client.at_end().await);
    server.viewers(0).await;
    server.stop().await;
}

#[actix_web::test]
async fn a_slow_reader_skips_whole_frames_and_gets_the_newest() {
    let server = Server::start(2);
    let mut client = streaming(&server, "/stream.mjpg").await;
    // More than the kernel's buffers on both sides hold, each frame filled with its own number.
    let frame = |number: u8| vec![number; 1_000_000];
    let mut published = 0;
    let stuck = timeout(LIMIT, async {
        // Frames go out until the connection is full; from then on they are skipped.
        let mut unmoved = 0;
        while unmoved < 20 {
            let sent = server.counts.sent.load(Ordering::SeqCst);
            published += 1;
            server.publish(frame(published), 64, PictureKind::Live);
            tokio::time::sleep(Duration::from_millis(5)).await;
            let moved = server.counts.sent.load(Ordering::SeqCst) > sent;
            unmoved = if moved { 0 } else { unmoved + 1 };
        }
    });
    stuck.await.expect("the connection never filled up");
    let mut seen = Vec::new();
    while seen.last() != Some(&published) {
        let (_, jpeg) = client.part().await;
        assert_eq!(jpeg.len(), 1_000_000);
        assert!(jpeg.iter().all(|&b| b == jpeg[0]), "two frames in one part");
        seen.push(jpeg[0]);
    }
    assert!(
        seen.is_sorted() && seen.len() + 15 < usize::from(published),
        "{seen:?}"
    );
    assert!(server.counts.skipped.load(Ordering::SeqCst) >= 15);
    server.stop().await;
}

#[actix_web::test]
async fn a_reader_that_stops_reading_is_closed() {
    let server = Server::start(2);
    let client = streaming(&server, "/stream.mjpg").await;
    server.viewers(1).await;
    let feeding = timeout(LIMIT, async {
        while server.viewer_count.viewers() > 0 {
            server.show(&vec![7; 1_000_000]);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    feeding.await.expect("a stalled connection was kept");
    drop(client);
    server.stop().await;
}

#[actix_web::test]
async fn a_viewer_who_leaves_is_noticed() {
    let server = Server::start(2);
    let client = streaming(&server, "/stream.mjpg").await;
    server.viewers(1).await;
    drop(client);
    server.viewers(0).await;
    assert_eq!(server.counts.joined.load(Ordering::SeqCst), 1);
    assert_eq!(server.counts.left.load(Ordering::SeqCst), 1);
    server.stop().await;
}

#[actix_web::test]
async fn a_lower_rate_per_viewer_leaves_pictures_out() {
    let server = Arc::new(Server::start(2));
    let mut limited = streaming(&server, "/stream.mjpg?fps=5").await;
    let mut free = streaming(&server, "/stream.mjpg").await;
    server.viewers(2).await;
    let camera = rt::spawn({
        let server = server.clone();
        async move {
            loop {
                server.show(b"picture");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    // Both are read for as long as the limited one takes for five parts.
    let unlimited = rt::spawn(async move {
        let mut parts: u32 = 0;
        while !free.part().await.1.is_empty() {
            parts += 1;
        }
        parts
    });
    for _ in 0..5 {
        limited.part().await;
    }
    camera.abort();
    assert!(camera.await.unwrap_err().is_cancelled());
    server.show(b"");
    let unlimited = unlimited.await.unwrap();
    assert!(unlimited > 10, "the other viewer got {unlimited} parts");
    server.handle.stop(false).await;
}

#[actix_web::test]
async fn one_viewer_too_many_is_told_when_to_come_back() {
    let server = Server::start(1);
    let first = streaming(&server, "/stream.mjpg").await;
    let mut second = Client::ask(&server, "GET", "/stream.mjpg").await;
    let head = second.head().await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(head.contains("retry-after: 5\r\n") && head.contains("application/problem+json"));
    drop(first);
    server.viewers(0).await;
    streaming(&server, "/stream.mjpg").await;
    server.stop().await;
}

#[actix_web::test]
async fn a_rate_that_cannot_be_is_refused_by_name() {
    let server = Server::start(1);
    for bad in ["0", "-1", "nan", "inf", "1000", "fast"] {
        let mut client = Client::ask(&server, "GET", &format!("/stream.mjpg?fps={bad}")).await;
        let head = client.head().await;
        assert!(head.starts_with("http/1.1 400"), "{bad}: {head}");
        let length = length(&head);
        let body = String::from_utf8(client.exactly(length).await).unwrap();
        assert!(
            body.contains("from 0.1 to 240") && body.contains(bad),
            "{body}"
        );
    }
    assert_eq!(server.viewer_count.viewers(), 0);
    server.stop().await;
}

#[test]
fn the_rates_that_can_be_asked_for_are_those_of_the_document() {
    let document = include_str!("../../../docs/ref/api.md");
    let section = document
        .split("\n### ")
        .find(|s| s.starts_with("`GET /stream.mjpg`"));
    let section = section.expect("a section of the stream").replace('\n', " ");
    let (_, rates) = section.split_once("so many frames a second (").unwrap();
    let (rates, _) = rates.split_once(';').unwrap();
    let (least, most) = rates.split_once(" to ").unwrap();
    for rate in [least, most] {
        let interval = frame_interval(&format!("fps={rate}")).unwrap();
        let expected = Duration::from_secs_f32(rate.parse::<f32>().unwrap().recip());
        assert_eq!(interval, Some(expected), "{rate}");
    }
    let beyond = [
        least.parse::<f32>().unwrap() * 0.99,
        most.parse::<f32>().unwrap() * 1.01,
    ];
    for rate in beyond {
        assert!(frame_interval(&format!("fps={rate}")).is_err(), "{rate}");
    }
}

#[actix_web::test]
async fn head_and_options_leave_the_camera_alone() {
    let server = Server::start(1);
    for path in ["/stream.mjpg", "/snapshot.jpg"] {
        for (method, status) in [("HEAD", "200"), ("OPTIONS", "204"), ("POST", "405")] {
            let mut client = Client::ask(&server, method, path).await;
            let head = client.head().await;
            assert!(
                head.starts_with(&format!("http/1.1 {status}")),
                "{method}: {head}"
            );
        }
    }
    assert!(server.viewer_count.idle_for() > Duration::ZERO);
    assert_eq!(server.counts.joined.load(Ordering::SeqCst), 0);
    server.stop().await;
}

//! Snapshots over real connections.

use crate::http::test_server::{Client, Server, length};
use porthole_camera::frame::PictureKind;

#[actix_web::test]
async fn a_snapshot_is_the_whole_picture_and_never_cached() {
    let server = Server::start(1);
    let mut client = Client::ask(&server, "GET", "/snapshot.jpg").await;
    server.viewers(1).await;
    server.publish(b"a picture".to_vec(), 64, PictureKind::Live);
    let head = client.head().await;
    for line in [
        "http/1.1 200",
        "content-type: image/jpeg\r\n",
        "cache-control: no-store",
        "x-timestamp: 1700000000.000042\r\n",
        "x-porthole-picture: live\r\n",
    ] {
        assert!(head.contains(line), "{line} is missing in {head}");
    }
    assert_eq!(client.exactly(length(&head)).await, b"a picture");
    server.viewers(0).await;
    server.stop().await;
}

#[actix_web::test]
async fn a_placeholder_is_marked_as_one() {
    let server = Server::start(1);
    server.publish(b"drawn".to_vec(), 64, PictureKind::Placeholder);
    let mut client = Client::ask(&server, "GET", "/snapshot.jpg").await;
    let head = client.head().await;
    assert!(
        head.contains("x-porthole-picture: placeholder\r\n"),
        "{head}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn a_camera_that_sends_nothing_ends_the_wait_with_a_problem() {
    let server = Server::start(1);
    let mut client = Client::ask(&server, "GET", "/snapshot.jpg").await;
    let head = client.head().await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(head.contains("application/problem+json") && head.contains("retry-after"));
    let body = client.exactly(length(&head)).await;
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["status"], 503);
    assert_eq!(
        problem["detail"],
        "the camera has sent no picture within 5 s"
    );
    server.viewers(0).await;
    server.stop().await;
}

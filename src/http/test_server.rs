//! For the tests of stream and snapshot: a real server whose pictures the test publishes, and a
//! client with a connection to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, rt, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::camera_feed::{CameraFeed, StreamObserver};
use super::snapshot::snapshot;
use super::socket_options::set_socket_options;
use super::stream::{NEXT_BOUNDARY, stream};
use porthole_camera::frame::PictureKind;
use porthole_camera::slot::{CaptureSession, NewPicture, PictureSlot, Published};
use porthole_camera::viewers::{PictureFeed, ViewerCount};

pub const LIMIT: Duration = Duration::from_secs(40);

#[derive(Default)]
pub struct Counts {
    pub joined: AtomicU64,
    pub left: AtomicU64,
    pub sent: AtomicU64,
    pub skipped: AtomicU64,
}

impl StreamObserver for Counts {
    fn joined(&self) {
        self.joined.fetch_add(1, Ordering::SeqCst);
    }
    fn left(&self) {
        self.left.fetch_add(1, Ordering::SeqCst);
    }
    fn sent(&self, _: usize) {
        self.sent.fetch_add(1, Ordering::SeqCst);
    }
    fn skipped(&self, pictures: u64) {
        self.skipped.fetch_add(pictures, Ordering::SeqCst);
    }
}

/// A server with both handlers, and the slot that the camera would fill.
pub struct Server {
    pub address: SocketAddr,
    pub viewer_count: Arc<ViewerCount>,
    pub counts: Arc<Counts>,
    slot: Arc<PictureSlot>,
    session: CaptureSession,
    pub handle: ServerHandle,
}

impl Server {
    pub fn start(most: usize) -> Self {
        let (viewer_count, slot) = (
            Arc::new(ViewerCount::new(most)),
            Arc::new(PictureSlot::new()),
        );
        let counts = Arc::new(Counts::default());
        let feed = web::Data::new(CameraFeed {
            feed: PictureFeed::new(viewer_count.clone(), slot.clone()),
            observer: counts.clone(),
        });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(feed.clone())
                .wrap(actix_web::middleware::Compress::default())
                .route("/stream.mjpg", web::route().to(stream))
                .route("/snapshot.jpg", web::route().to(snapshot))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(0)
        .h1_allow_half_closed(false)
        .on_connect(|connection, _| {
            let connection = connection.downcast_ref().expect("a TCP connection");
            set_socket_options(connection, Duration::from_secs(1));
        })
        .bind("127.0.0.1:0")
        .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        rt::spawn(server);
        Self {
            address,
            viewer_count,
            counts,
            session: slot.begin(),
            slot,
            handle,
        }
    }

    pub fn publish(&self, bytes: Vec<u8>, width: u32, kind: PictureKind) {
        let published = self.slot.publish(
            self.session,
            NewPicture {
                bytes: bytes.into(),
                width,
                height: 48,
                captured_at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_042),
                captured: std::time::Instant::now(),
                kind,
            },
        );
        assert_eq!(published, Published::Shown);
    }

    pub fn show(&self, bytes: &[u8]) {
        self.publish(bytes.to_vec(), 64, PictureKind::Live);
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }

    /// Waits until so many watch.
    pub async fn viewers(&self, wanted: usize) {
        let reached = timeout(LIMIT, async {
            while self.viewer_count.viewers() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        reached
            .await
            .unwrap_or_else(|_| panic!("there never were {wanted} viewers"));
    }
}

pub struct Client(TcpStream);

impl Client {
    pub async fn ask(server: &Server, method: &str, path: &str) -> Self {
        Self::ask_with(server, method, path, "").await
    }

    pub async fn ask_with(server: &Server, method: &str, path: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: camera\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        Self(socket)
    }

    /// Everything up to and with an empty line, in lower case.
    pub async fn head(&mut self) -> String {
        let mut head = Vec::new();
        let read = timeout(LIMIT, async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.unwrap());
            }
        });
        read.await.expect("the headers did not come");
        String::from_utf8(head).unwrap().to_lowercase()
    }

    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = timeout(LIMIT, self.0.read_exact(&mut bytes)).await;
        read.expect("the bytes did not come").unwrap();
        bytes
    }

    /// One part: its headers and its JPEG, with the boundary after it read and checked.
    pub async fn part(&mut self) -> (String, Vec<u8>) {
        let head = self.head().await;
        let jpeg = self.exactly(length(&head)).await;
        assert_eq!(self.exactly(NEXT_BOUNDARY.len()).await, NEXT_BOUNDARY);
        (head, jpeg)
    }

    pub async fn at_end(&mut self) -> bool {
        let read = timeout(LIMIT, self.0.read_u8()).await;
        read.expect("the connection stayed open").is_err()
    }
}

pub fn length(head: &str) -> usize {
    let line = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "));
    line.expect("a length").parse().unwrap()
}

//! Connections that are held without need: slow, silent, many.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::attacker::{addresses, connect, guess, send, target};
use crate::bystander::Scene;
use crate::support::lab::PATIENCE;
use crate::support::wait::{ensure, eventually};

/// The limits that `docs/ref/limits.md` tells.
const OF_ONE_ADDRESS: f64 = 64.0;
const OF_ALL: f64 = 512.0;
const FOR_STRANGERS: f64 = 512.0 - 128.0;

/// Longer than any deadline of the server.
const DEADLINE: Duration = Duration::from_mins(1);

/// Opens so many connections, so many from each address, and sends the same on each.
fn crowd(scene: &Scene, all: usize, of_each: usize, bytes: &[u8]) -> Vec<TcpStream> {
    crowd_at(target(&scene.camera), all, of_each, bytes)
}

/// The same at this address.
pub(crate) fn crowd_at(
    to: SocketAddrV4,
    all: usize,
    of_each: usize,
    bytes: &[u8],
) -> Vec<TcpStream> {
    // As many as this test holds: the usual limit is 1,024.
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        ..limits
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let sources = addresses().flat_map(|from| std::iter::repeat_n(from, of_each));
    let opened: Vec<_> = sources
        .take(all)
        .filter_map(|from| {
            let mut stream = connect(from, to).ok()?;
            // Who was refused already is no less an attacker.
            let _ = stream.write_all(bytes);
            Some(stream)
        })
        .collect();
    assert!(opened.len() > all * 9 / 10, "{} of {all}", opened.len());
    opened
}

fn head(scene: &Scene, request: &str) -> String {
    format!("{request} HTTP/1.1\r\nHost: {}\r\n", target(&scene.camera))
}

#[test]
fn one_address_with_a_thousand_slow_bodies_shuts_nobody_out() {
    let scene = Scene::new(false);
    let request = head(&scene, "POST /login") + "Content-Length: 1000\r\n\r\nx";
    let crowd = crowd(&scene, 1024, 1024, request.as_bytes());
    let open = scene.metric("porthole_connections");
    assert!(open <= OF_ONE_ADDRESS + 2.0, "{open} are open");
    assert!(scene.ended("displaced") >= 1024.0 - OF_ONE_ADDRESS);
    scene.during("1,024 slow bodies of one address", crowd);
}

#[test]
fn slow_heads_and_slow_bodies_of_many_addresses_shut_nobody_out() {
    let scene = Scene::new(false);
    let request = head(&scene, "GET /");
    let heads = crowd(&scene, 1500, 50, request.as_bytes());
    let open = scene.metric("porthole_connections");
    assert!(open <= OF_ALL, "{open} are open");
    scene.during("1,500 slow heads of 30 addresses", heads);
    let request = head(&scene, "POST /login") + "Content-Length: 1000\r\n\r\nx";
    let bodies = crowd(&scene, 1500, 50, request.as_bytes());
    scene.during("1,500 slow bodies of 30 addresses", bodies);
}

#[test]
fn five_thousand_idle_and_half_closed_connections_shut_nobody_out() {
    let scene = Scene::new(false);
    let half: Vec<_> = crowd(&scene, 1000, 50, b"GET");
    for stream in &half {
        // Its peer may have closed it already.
        let _ = stream.shutdown(Shutdown::Write);
    }
    scene.during("1,000 half-closed connections of 20 addresses", half);
    let idle = crowd(&scene, 5000, 50, b"");
    let open = scene.metric("porthole_connections");
    assert!(open <= OF_ALL, "{open} are open");
    assert!(scene.ended("displaced") >= 5000.0 - OF_ALL);
    scene.during("5,000 idle connections of 100 addresses", idle);
}

#[test]
fn a_crowd_on_the_internet_leaves_room_for_the_lan_and_for_who_has_logged_in() {
    let scene = Scene::behind_a_router();
    let request = head(&scene, "POST /login") + "Content-Length: 1000\r\n\r\nx";
    // The simulated router forwards 512 connections, and the bystander is to pass it, too.
    let crowd = crowd_at(scene.outside(), 450, 50, request.as_bytes());
    eventually("some had to go", PATIENCE, || {
        let displaced = scene.ended("displaced");
        ensure(displaced >= 450.0 - FOR_STRANGERS, displaced)
    });
    let open = scene.metric("porthole_connections");
    assert!(open <= FOR_STRANGERS + 4.0, "{open} are open");
    scene.look_from_outside();
    scene.during("450 slow bodies through the router", crowd);
}

#[test]
fn whoever_keeps_the_server_waiting_is_let_go() {
    let scene = Scene::new(false);
    let from = addresses().next().unwrap();
    let open = || {
        let stream = connect(from, target(&scene.camera)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    };
    let rest = |mut stream: TcpStream| {
        let mut answer = Vec::new();
        // However it ends: a time-out of the read is the only error that is not its end.
        match stream.read_to_end(&mut answer) {
            Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => panic!("still open"),
            _ => String::from_utf8_lossy(&answer).into_owned(),
        }
    };
    let mut slow_body = open();
    let request = head(&scene, "POST /login")
        + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    slow_body.write_all(request.as_bytes()).unwrap();
    let mut slow_head = open();
    slow_head
        .write_all(head(&scene, "GET /login").as_bytes())
        .unwrap();
    // The first request is whole; the head of the second never is.
    let mut slow_second = open();
    let request = head(&scene, "GET /healthz") + "\r\n";
    slow_second.write_all(request.as_bytes()).unwrap();
    let mut first = Vec::new();
    while !first.ends_with(b"ok\n") {
        let mut byte = [0];
        slow_second.read_exact(&mut byte).unwrap();
        first.extend(byte);
    }
    slow_second
        .write_all(head(&scene, "GET /healthz").as_bytes())
        .unwrap();

    let answer = rest(slow_body);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("did not come within"), "{answer}");
    rest(slow_head);
    rest(slow_second);
    assert!(scene.ended("timed_out") >= 1.0);
}

/// Threads that attack again and again until this is dropped.
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
    began: Instant,
}

impl Flood {
    fn of(threads: usize, attack: impl Fn(u64) + Clone + Send + 'static) -> Self {
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let threads = (0..threads)
            .map(|_| {
                let (stop, sent, attack) = (Arc::clone(&stop), Arc::clone(&sent), attack.clone());
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        attack(sent.fetch_add(1, Ordering::Relaxed));
                    }
                })
            })
            .collect();
        Self {
            stop,
            sent,
            threads,
            began: Instant::now(),
        }
    }
}

impl Flood {
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many a second, until now.
    fn rate(&self) -> f64 {
        self.sent() as f64 / self.began.elapsed().as_secs_f64()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        println!("   ({:.0} requests a second)", self.rate());
    }
}

/// What no client sends, from 200 addresses, again and again.
pub(crate) fn nonsense(to: SocketAddrV4) -> Flood {
    let sources: Vec<_> = addresses().take(200).collect();
    Flood::of(4, move |number| {
        let from = sources[number as usize % sources.len()];
        let nonsense: &[u8] = match number % 4 {
            0 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            1 => b"GET /../../etc/passwd HTTP/9.9\r\n\r\n",
            2 => b"BREW /pot HTTP/1.1\r\nHost: coffee\r\nConnection: close\r\n\r\n",
            _ => b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n: :\r\nConnection: close\r\n\r\n",
        };
        // Whatever becomes of it: nobody waits for an answer.
        if let Ok(mut stream) = connect(from, to) {
            let _ = stream.write_all(nonsense);
        }
    })
}

#[test]
fn a_flood_of_nonsense_shuts_nobody_out() {
    let scene = Scene::new(false);
    let flood = nonsense(target(&scene.camera));
    let what = "10,000 times nonsense from 200 addresses, as fast as it goes";
    scene.during_until(what, flood, |flood| flood.sent() > 10_000);
}

#[test]
fn guessing_from_one_and_from_two_hundred_addresses_shuts_nobody_out() {
    let scene = Scene::new(false);
    let to = target(&scene.camera);
    for (many, enough) in [(1, 200), (200, 50)] {
        let sources: Vec<_> = addresses().take(many).collect();
        let flood = Flood::of(8, move |number| {
            let from = sources[number as usize % sources.len()];
            let _ = send(from, to, guess(to, "not this one").as_bytes());
        });
        let what = format!("guessing passwords from {many} address(es), eight at a time");
        scene.during_until(&what, flood, |flood| flood.sent() > enough);
    }
}

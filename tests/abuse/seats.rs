//! Seats that somebody takes and does not give back, on streams and on events.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use crate::attacker::{addresses, connect, target};
use crate::bystander::Scene;
use crate::support::lab::PATIENCE;
use crate::support::wait::{ensure, eventually};

/// The limits that `docs/ref/limits.md` tells: of one address, of all but admins, of all.
const OF_ONE_ADDRESS: usize = 16;
const NOT_FOR_ADMINS: usize = 60;

/// Asks for something without end; the status code, and the connection, which is read no further.
fn ask(scene: &Scene, from: Ipv4Addr, path: &str, headers: &str) -> (u16, TcpStream) {
    let to = target(&scene.camera);
    let mut stream = connect(from, to).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    let code = String::from_utf8_lossy(&line[9..]).parse().unwrap();
    (code, stream)
}

#[track_caller]
fn an_admin_displaces_whoever_only_watches(kind: &str, path: &str) {
    let scene = Scene::new(true);
    let taken = || scene.metric(&format!("porthole_seats{{kind=\"{kind}\"}}"));
    let lost = |outcome: &str| {
        let labels = format!("{{kind=\"{kind}\",outcome=\"{outcome}\"}}");
        scene.metric(&format!("porthole_seats_lost_total{labels}"))
    };
    let mut viewers = Vec::new();
    let [greedy, other] = [0, 1].map(|n| addresses().nth(n).unwrap());
    for _ in 0..OF_ONE_ADDRESS {
        let (code, viewer) = ask(&scene, greedy, path, "");
        assert_eq!(code, 200);
        viewers.push(viewer);
    }
    let (code, mut refused) = ask(&scene, greedy, path, "Connection: close\r\n");
    let mut words = String::new();
    refused.read_to_string(&mut words).unwrap();
    assert_eq!(code, 503, "{words}");
    assert!(words.contains("from your address"), "{words}");
    assert!(words.to_lowercase().contains("retry-after: "), "{words}");
    assert_eq!(
        ask(&scene, other, path, "").0,
        200,
        "others are not kept out"
    );

    let others = addresses().skip(2);
    for from in others.flat_map(|from| std::iter::repeat_n(from, OF_ONE_ADDRESS)) {
        let (code, viewer) = ask(&scene, from, path, "");
        viewers.push(viewer);
        if code == 503 {
            break;
        }
        assert_eq!(code, 200);
    }
    assert!(lost("refused") >= 2.0);
    assert!(taken() >= (NOT_FOR_ADMINS - 1) as f64, "{}", taken());

    // Four seats are the admin's own; the fifth and the sixth were somebody else's.
    let admins: Vec<_> = (0..6)
        .map(|_| ask(&scene, Ipv4Addr::LOCALHOST, path, &scene.cookie_header()))
        .collect();
    assert!(admins.iter().all(|(code, _)| *code == 200));
    assert!(lost("displaced") >= 1.0);
    let mut oldest = viewers.remove(0);
    // It ends, although nobody has read it.
    oldest.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    let end = oldest.read_to_end(&mut rest);
    assert!(
        !matches!(end, Err(why) if why.kind() == std::io::ErrorKind::WouldBlock),
        "it still watches"
    );
    drop(admins);
    scene.during(
        &format!("{} who take all {kind}, and never read", viewers.len()),
        viewers,
    );
    eventually("all seats are free again", PATIENCE, || {
        ensure(taken() < 1.0, taken())
    });
}

#[test]
fn an_admin_has_pictures_whoever_watches() {
    an_admin_displaces_whoever_only_watches("pictures", "/stream.mjpg?fps=0.1");
}

#[test]
fn an_admin_has_events_whoever_listens() {
    an_admin_displaces_whoever_only_watches("events", "/api/v1/events");
}

//! TLS: a certificate of the camera's own and one in files, what else comes to that port, and links
//! from camera to camera.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use porthole_sim_router::Quirks;
use serde_json::Value;

use crate::curl::{Viewer, await_tls, curl, json, secure, status};
use crate::support::lab::{Camera, CameraSetup, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed, porthole};

fn self_signed(testbed: &Testbed, number: u8, name: &str) -> CameraSetup {
    testbed
        .camera(number, name)
        .set("http", "tls", "self-signed")
}

/// The standard output of a shell script, without blanks around it.
fn shell(script: &str) -> String {
    let ran = Command::new("sh").args(["-c", script]).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{script}: {told}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

/// The fingerprint as openssl knows it.
fn fingerprint(certificate: &Path) -> String {
    let file = certificate.display();
    let said = shell(&format!(
        "openssl x509 -in {file} -noout -fingerprint -sha256"
    ));
    said.split_once('=').expect(&said).1.to_owned()
}

fn own_certificate(camera: &Camera) -> PathBuf {
    camera.data().join("tls/certificate.pem")
}

#[test]
fn the_certificate_of_its_own_is_the_one_that_status_log_and_openssl_tell_of_and_stays() {
    let testbed = Testbed::without_router();
    let mut camera = self_signed(&testbed, 2, "Front door").start();
    let tls = &await_tls(&camera)["tls"];
    let file = own_certificate(&camera);
    let known = fingerprint(&file);
    assert_eq!(tls["fingerprint"], *known);
    assert_eq!(tls["self_signed"], true);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let years = (tls["expires_at"].as_f64().unwrap() - now.unwrap().as_secs_f64()) / 31_557_600.0;
    assert!((9.0..11.0).contains(&years), "{years} years");
    assert!(camera.log_text().contains(&known), "{}", camera.log_text());

    // Whoever has the certificate trusts it for this address; whoever has pinned its key gets in
    // with that key alone.
    let (page, file) = (secure(&camera, "/"), file.display().to_string());
    curl(&["--cacert", &file, &page]).unwrap();
    let pin = shell(&format!(
        "openssl x509 -in {file} -noout -pubkey | openssl pkey -pubin -outform der \
         | openssl dgst -sha256 -binary | base64"
    ));
    let pinned = |pin: &str| {
        curl(&[
            "--insecure",
            "--pinnedpubkey",
            &format!("sha256//{pin}"),
            &page,
        ])
    };
    pinned(&pin).unwrap();
    pinned("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap_err();
    curl(&[&page]).expect_err("nobody trusts it unasked");
    let version = curl(&[
        "--insecure",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_version}",
        &page,
    ]);
    assert_eq!(version.unwrap(), "1.1");

    camera.terminate();
    camera.start();
    assert_eq!(await_tls(&camera)["tls"]["fingerprint"], *known);
}

#[test]
fn without_tls_status_says_so() {
    let testbed = Testbed::without_router();
    let camera = testbed.camera(2, "Front door").start();
    let status = eventually("it answers", PATIENCE, || {
        camera.get("/api/v1/status")?.json()
    });
    let status: Value = status;
    assert_eq!(status["tls"], Value::Null);
    let url = format!("http://{}:8080/", camera.address());
    assert_eq!(status["lan_url"], *url);
}

#[test]
fn pictures_stream_through_tls_and_a_viewer_that_sleeps_is_given_up() {
    let testbed = Testbed::without_router();
    let camera = self_signed(&testbed, 2, "Front door")
        .set("camera", "width", 1280)
        .set("camera", "height", 720)
        .set("camera", "fps", 30)
        .start();
    await_tls(&camera);
    let mut viewer = Viewer::watch(&secure(&camera, "/stream.mjpg"));
    viewer.see(5);
    let viewers = || Ok::<_, String>(status(&camera)?["camera"]["viewers"].clone());
    assert_eq!(viewers().unwrap(), 1);
    viewer.fall_asleep();
    eventually("nobody watches any more", 3 * PATIENCE, || {
        let viewers = viewers()?;
        ensure(viewers == 0, viewers)
    });
}

#[test]
fn healthcheck_takes_any_certificate_of_a_server_that_lives() {
    let testbed = Testbed::without_router();
    let mut camera = self_signed(&testbed, 2, "Front door").install();
    assert_eq!(
        porthole("healthcheck", &camera.settings()).status.code(),
        Some(1)
    );
    camera.start();
    await_tls(&camera);
    let ran = porthole("healthcheck", &camera.settings());
    assert_eq!(
        ran.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// What comes back for these bytes on a connection of their own, until the server closes it.
fn answer_to(camera: &Camera, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect((camera.address(), 8080)).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    connection
        .read_to_end(&mut answer)
        .expect("it is closed in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn plain_http_on_the_tls_port_is_shown_the_way_and_only_to_this_camera() {
    let testbed = Testbed::without_router();
    let camera = self_signed(&testbed, 2, "Front door").start();
    await_tls(&camera);
    let host = format!("{}:8080", camera.address());
    let ask = |head: &str| answer_to(&camera, format!("{head}\r\n\r\n").as_bytes());

    let sent_on = ask(&format!("GET /camera?a=b HTTP/1.1\r\nHost: {host}"));
    assert!(sent_on.starts_with("HTTP/1.1 307 "), "{sent_on}");
    let location = format!("\r\nLocation: https://{host}/camera?a=b\r\n");
    assert!(sent_on.contains(&location), "{sent_on}");
    let page = curl(&["--insecure", "--location", &format!("http://{host}/camera")]);
    assert!(page.unwrap().contains("Front door"));

    for (what, head) in [
        (
            "a form",
            format!("POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0"),
        ),
        (
            "a foreign name",
            "GET / HTTP/1.1\r\nHost: evil.example".to_owned(),
        ),
        ("no host", "GET / HTTP/1.1".to_owned()),
        (
            "two hosts",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}"),
        ),
        (
            "another's address",
            format!("GET http://evil.example/ HTTP/1.1\r\nHost: {host}"),
        ),
        ("mud", "mud".to_owned()),
    ] {
        let answer = ask(&head);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{what}: {answer}");
        assert!(!answer.contains("Location"), "{what}: {answer}");
    }
}

#[test]
fn handshakes_that_never_end_are_cut_off_and_keep_nobody_out() {
    let testbed = Testbed::without_router();
    let camera = self_signed(&testbed, 2, "Front door").start();
    await_tls(&camera);
    // Nothing at all, half a record, the head of a request in the clear that has no end.
    let beginnings: [&[u8]; 3] = [b"", &[0x16, 3, 1, 2, 0, 1], b"GET / HTTP/1.1\r\nX: "];
    let connections: Vec<_> = beginnings
        .iter()
        .cycle()
        .take(90)
        .map(|beginning| {
            let mut connection = TcpStream::connect((camera.address(), 8080)).unwrap();
            connection.write_all(beginning).unwrap();
            connection
        })
        .collect();
    status(&camera).expect("others get in meanwhile");
    for mut connection in connections {
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        // An alert may come before the end.
        if let Err(why) = connection.read_to_end(&mut Vec::new()) {
            assert_eq!(why.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    status(&camera).expect("and afterwards");
}

/// A certificate for this name that ends so long from now (or ended, in days), and its key, in
/// files.
fn files(folder: &Path, name: &str, days: i64) -> (String, String) {
    let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let day = Duration::from_hours(24);
    let end = rcgen::date_time_ymd(1970, 1, 1) + now;
    params.not_after = if days < 0 {
        end - day * days.unsigned_abs() as u32
    } else {
        end + day * days.unsigned_abs() as u32
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let place = |end: &str| folder.join(format!("{name}.{end}"));
    fs::write(place("pem"), certificate.pem()).unwrap();
    fs::write(place("key"), key.serialize_pem()).unwrap();
    let text = |end| place(end).display().to_string();
    (text("pem"), text("key"))
}

#[test]
fn a_certificate_in_files_is_shown_and_browsers_are_told_to_come_by_tls() {
    let testbed = Testbed::without_router();
    let folder = tempfile::tempdir().unwrap();
    let name = "camera.example.org";
    let (certificate, key) = files(folder.path(), name, 90);
    let camera = testbed
        .camera(2, "Front door")
        .set("http", "tls", "files")
        .set("http", "tls_certificate", &*certificate)
        .set("http", "tls_key", &*key)
        .set("http", "hosts", vec![name])
        .start();
    let tls = &await_tls(&camera)["tls"];
    assert_eq!(tls["fingerprint"], *fingerprint(Path::new(&certificate)));
    assert_eq!(tls["self_signed"], false);
    let here = format!("{name}:8080:{}", camera.address());
    let page = format!("https://{name}:8080/");
    let head = curl(&[
        "--cacert",
        &certificate,
        "--resolve",
        &here,
        "--include",
        &page,
    ])
    .unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let head = head.to_lowercase();
    assert!(
        head.contains("\r\nstrict-transport-security: max-age="),
        "{head}"
    );
}

#[test]
fn files_that_cannot_be_used_end_the_start_with_setting_file_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = files(folder.path(), "a.example", 90);
    let (expired, its_key) = files(folder.path(), "b.example", -3);
    let missing = folder.path().join("none.pem").display().to_string();
    for (certificate, key, setting, file, why) in [
        (
            &certificate,
            &its_key,
            "http.tls_key",
            &its_key,
            "not the key of the certificate",
        ),
        (
            &expired,
            &its_key,
            "http.tls_certificate",
            &expired,
            "expired",
        ),
        (
            &missing,
            &key,
            "http.tls_certificate",
            &missing,
            "No such file",
        ),
        (
            &certificate,
            &missing,
            "http.tls_key",
            &missing,
            "No such file",
        ),
        (&key, &key, "http.tls_certificate", &key, "no certificate"),
        (
            &certificate,
            &certificate,
            "http.tls_key",
            &certificate,
            "no private key",
        ),
    ] {
        let settings = folder.path().join("porthole.toml");
        let data = folder.path().join("data");
        let text = format!(
            "[node]\ndata_dir = {data:?}\n[http]\ntls = \"files\"\n\
             tls_certificate = {certificate:?}\ntls_key = {key:?}\n"
        );
        fs::write(&settings, text).unwrap();
        let ran = porthole("run", &settings);
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{said}");
        for part in [setting, file, why] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    }
}

/// Sets the LAN of a site up for cameras that tell each other how they are spoken to.
fn on_the_lan(setup: CameraSetup, testbed: &Testbed, port: u16) -> CameraSetup {
    let peers: Vec<String> = (2..5)
        .map(|number| testbed.address(number).to_string())
        .collect();
    setup
        .set("lan", "enabled", true)
        .set("lan", "transport", "unicast")
        .set("lan", "group", format!("{}:{port}", testbed.address(2)))
        .set("lan", "peers", peers)
        .set("lan", "heartbeat", "1s")
}

#[test]
fn a_mixed_fleet_links_each_camera_as_it_is_spoken_to_on_the_lan_and_outside() {
    let testbed = Testbed::with(Quirks::igd2());
    let port = testbed.free_port();
    let setup = |setup| on_the_lan(setup, &testbed, port);
    let first = setup(self_signed(&testbed, 2, "Front door")).start();
    eventually("the representative port", PATIENCE, || {
        let status = status(&first)?;
        ensure(status["role"] == "representative", status)
    });
    let second = setup(self_signed(&testbed, 3, "Garden")).start();
    eventually("a port", PATIENCE, || {
        let url = status(&second)?["external_url"].clone();
        ensure(url.as_str().is_some_and(|url| url.ends_with(":8081/")), url)
    });
    let plain = setup(testbed.camera(4, "Barn")).start();
    plain.await_port(8082);

    for (place, url) in [
        ("the LAN", secure(&first, "/api/v1/cameras")),
        (
            "outside",
            format!(
                "https://{}:{REPRESENTATIVE_PORT}/api/v1/cameras",
                testbed.address(1)
            ),
        ),
    ] {
        eventually(&format!("links for {place}"), PATIENCE, || {
            let answer = json(&url)?;
            let cameras = answer["cameras"].as_array().ok_or("no cameras")?;
            for (name, address, scheme) in [
                ("Front door", first.address(), "https"),
                ("Garden", second.address(), "https"),
                ("Barn", plain.address(), "http"),
            ] {
                let camera = cameras.iter().find(|camera| camera["name"] == name);
                let camera = camera.ok_or(format!("no {name} in {answer}"))?;
                let lan = format!("{scheme}://{address}:8080/");
                ensure(camera["lan_url"] == *lan, &answer)?;
                let begins = |key: &str| {
                    let url = camera[key].as_str().unwrap_or_default();
                    ensure(url.starts_with(&format!("{scheme}://")), &answer)
                };
                begins("external_url").and_then(|()| begins("url"))?;
            }
            Ok::<_, String>(())
        });
    }
    let garden = json(&format!(
        "https://{}:8081/api/v1/status",
        testbed.address(1)
    ));
    assert_eq!(garden.unwrap()["name"], "Garden", "the way from outside");
}

#[test]
fn when_the_port_changes_a_stream_through_tls_goes_on() {
    let testbed = Testbed::with(Quirks::igd2());
    let common =
        |number, name| self_signed(&testbed, number, name).set("router", "port_mode", "common");
    let mut first = common(2, "Front door").start();
    let at =
        |camera: &Camera, port: u16| format!("https://{}:{port}/api/v1/status", camera.address());
    eventually("the representative port", PATIENCE, || {
        let status = json(&at(&first, REPRESENTATIVE_PORT))?;
        ensure(status["role"] == "representative", status)
    });
    let second = common(3, "Garden").start();
    eventually("a port of its own", PATIENCE, || json(&at(&second, 8081)));
    let mut viewer = Viewer::watch(&format!("https://{}:8081/stream.mjpg", second.address()));
    viewer.see(3);
    first.terminate();
    eventually("the other port", 2 * PATIENCE, || {
        json(&at(&second, REPRESENTATIVE_PORT))
    });
    eventually("the old port is closed", PATIENCE, || {
        match json(&at(&second, 8081)) {
            Ok(answer) => Err(answer.to_string()),
            Err(_) => Ok(()),
        }
    });
    viewer.see_later_than(SystemTime::now());
}

//! Debian's nginx in front of a camera, set up as `docs/guide/proxy.md` says: on loopback, with a
//! configuration and a folder of its own.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::curl::curl;
use crate::people::{FORM, PAGE, anybody, ask, cookie, header, setup, start, url};
use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE, installed};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{Testbed, await_log};

/// nginx, in front of one camera. Dropping it ends it.
struct Nginx {
    process: Child,
    folder: TempDir,
    address: Ipv4Addr,
}

/// The settings between the guide's braces, for this camera.
fn guides_location(camera: &Camera) -> String {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide/proxy.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, nginx) = guide.split_once("```nginx\n").expect("nginx's settings");
    let (nginx, _) = nginx.split_once("```").unwrap();
    let (_, location) = nginx.split_once("    location / {").expect("a location");
    let (location, _) = location.split_once("    }").unwrap();
    let there = format!("http://{}:8080", camera.address());
    let location = location.replace("http://192.168.1.20:8080", &there);
    assert!(location.contains(&there), "{location}");
    location
}

impl Nginx {
    /// At this address, and asking the camera from there.
    fn start(address: Ipv4Addr, camera: &Camera) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Its workers run as another user when the test runs as root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};\n", at(kind)))
            .concat();
        let location = guides_location(camera);
        let below_a_path = location.replace(":8080;", ":8080/;\nproxy_redirect / /cams/;");
        let configuration = format!(
            "daemon off;\npid {};\nerror_log {};\nworker_processes 1;\n\
             events {{ worker_connections 64; }}\n\
             http {{\naccess_log off;\n{temporary}\
             server {{\nlisten {address}:8443;\nserver_name cams.example.org;\n\
             proxy_bind {address};\nlocation / {{{location}}}\n\
             location /cams/ {{{below_a_path}}}\n}}\n}}\n",
            at("nginx.pid"),
            at("error.log"),
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let process = Command::new(program())
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let nginx = Self {
            process,
            folder,
            address,
        };
        eventually("nginx answers", PATIENCE, || {
            let answer = anybody().get(&nginx.url("/healthz"));
            let told = || fs::read_to_string(nginx.folder.path().join("error.log"));
            let answer = answer.map_err(|why| format!("{why}: {}", told().unwrap_or_default()))?;
            ensure(answer.status == 200, answer.status)
        });
        nginx
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}:8443{path}", self.address)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with the master, which is asked to; a kill would leave them.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.process.wait();
    }
}

/// Debian keeps it where only root's path leads.
fn program() -> &'static str {
    let debians = "/usr/sbin/nginx";
    if Path::new(debians).exists() {
        debians
    } else {
        "nginx"
    }
}

#[test]
fn people_and_players_come_through_nginx_as_the_guide_has_it() {
    const NAME: &str = "cams.example.org:8443";
    if !installed("nginx") {
        println!(
            "skipped: people_and_players_come_through_nginx_as_the_guide_has_it: no nginx here"
        );
        return;
    }
    let testbed = Testbed::without_router();
    let proxy = testbed.address(5);
    let camera = setup(&testbed, 2)
        .set("http", "hosts", vec!["cams.example.org"])
        .set("http", "trusted_proxies", vec![proxy.to_string()]);
    let camera = start(camera);
    let nginx = Nginx::start(proxy, &camera);
    let host = ("host", NAME);

    // A browser names the page that it sends the form from, as it knows it.
    let password = ADMIN_PASSWORD.replace(' ', "+");
    let form = format!("user=admin&password={password}&next=/camera");
    let own = ("origin", "http://cams.example.org:8443");
    let answer = ask(
        "POST",
        &nginx.url("/login"),
        &[host, own, FORM, PAGE],
        &form,
    );
    assert_eq!(
        (answer.status, header(&answer, "location")),
        (303, "/camera"),
        "{}",
        answer.text()
    );
    let session = cookie(&answer);
    let other = ("origin", "http://evil.example");
    let answer = ask("POST", &nginx.url("/login"), &[host, other, FORM], &form);
    assert_eq!(answer.status, 403);
    let page = ask(
        "GET",
        &nginx.url("/camera"),
        &[host, ("cookie", &session)],
        "",
    );
    assert_eq!(page.status, 200);
    assert!(page.text().contains("stream.mjpg"), "{}", page.text());

    // Below a path, too: everything that the page names is there, and a login leads back.
    let unknown = ask("GET", &nginx.url("/cams/camera"), &[host, PAGE], "");
    let login = "/cams/login?next=%2Fcamera";
    let location = header(&unknown, "location");
    assert!(location.ends_with(login), "{location}");
    let login = [host, own, FORM, PAGE];
    let back = ask("POST", &nginx.url("/cams/login"), &login, &form);
    let location = header(&back, "location");
    assert!(location.ends_with("/cams/camera"), "{location}");
    for path in ["", "camera", "settings", "login"] {
        let seen = [host, ("cookie", &*session)];
        let page = ask("GET", &nginx.url(&format!("/cams/{path}")), &seen, "");
        assert_eq!(page.status, 200, "{path}");
        let html = page.text();
        for attribute in ["href=\"", "src=\"", "action=\""] {
            for named in html.split(attribute).skip(1) {
                let named = named.split('"').next().unwrap();
                assert!(!named.starts_with('/'), "{path} names {named}");
            }
        }
        let style = html.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
        let style = format!("/cams/{}", style.split('"').next().unwrap());
        let style = ask("GET", &nginx.url(&style), &[host], "");
        assert_eq!(header(&style, "content-type"), "text/css; charset=utf-8");
    }

    // The client's own address is in the log, and nobody is on the LAN.
    let client = testbed.address(6).to_string();
    let from = ["--interface", &client, "--header", &format!("Host: {NAME}")];
    let credentials = format!("admin:{ADMIN_PASSWORD}");
    let guess = ["--user", "admin:a guess", &*nginx.url("/snapshot.jpg")];
    curl(&[&from[..], &guess].concat()).unwrap();
    await_log(&camera, &format!("\"from\":\"{client}\""));
    assert_eq!(anybody().get(&nginx.url("/metrics")).unwrap().status, 403);

    // A player that is asked first.
    let picture = testbed.address(2).to_string() + ".jpg";
    let picture = nginx.folder.path().join(picture).display().to_string();
    let still = ["--anyauth", "--user", &credentials, "--output", &picture];
    curl(&[&from[..], &still, &[&*nginx.url("/snapshot.jpg")]].concat()).unwrap();
    assert!(fs::read(&picture).unwrap().starts_with(&[0xff, 0xd8]));
    // Without buffers the first pictures come while the stream goes on.
    let viewer = anybody().as_admin();
    let stream = viewer.watch(&nginx.url("/stream.mjpg")).unwrap();
    eventually("pictures", PATIENCE, || {
        let seen = stream.seen();
        ensure(seen.parts > 2, format!("{:?}", seen.end))
    });
    let direct = url(&camera, "/api/v1/status");
    assert_eq!(viewer.get(&direct).unwrap().status, 200);
}

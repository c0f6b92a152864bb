//! mDNS among real programs: avahi sees the fleet, works beside a camera on one machine, and what
//! it remembers of a camera that was killed keeps nobody on the page.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::lab::{Camera, Host, Lab, LabConfig, PATIENCE, installed};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{NAMES, cameras};

const PORTHOLE: &str = "_porthole._tcp";
const HTTP: &str = "_http._tcp";

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=BUS</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"#;

const DAEMON: &str = "[server]
use-ipv6=no
allow-interfaces=eth0
[wide-area]
enable-wide-area=no
";

/// The avahi daemon of one host, with a message bus of its own.
struct Avahi {
    host: Host,
    folder: TempDir,
    programs: Vec<Child>,
}

/// Something that avahi knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    address: Ipv4Addr,
    port: u16,
    txt: String,
}

impl Avahi {
    /// Starts it; or says what is missing, and gives nothing.
    fn start(host: &Host) -> Option<Self> {
        for (program, package) in [
            ("avahi-daemon", "avahi-daemon"),
            ("avahi-browse", "avahi-utils"),
            ("dbus-daemon", "dbus-daemon"),
        ] {
            if !installed(program) {
                let required = std::env::var_os("PORTHOLE_LAB").is_some();
                assert!(!required, "PORTHOLE_LAB is set, but {package} is missing");
                println!("skipped: needs {program} (Debian package {package})");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let mut avahi = Self {
            host: host.clone(),
            folder,
            programs: Vec::new(),
        };
        let (bus, bus_file) = (avahi.path("bus"), avahi.path("bus.conf"));
        fs::write(&bus_file, BUS.replace("BUS", &bus)).unwrap();
        fs::write(avahi.path("avahi.conf"), DAEMON).unwrap();
        let config = format!("--config-file={bus_file}");
        avahi.spawn("dbus-daemon", &[&config, "--nofork", "--nopidfile"]);
        eventually("the bus is there", PATIENCE, || {
            ensure(fs::exists(&bus).unwrap_or(false), "no socket")
        });
        // Its process file is where every avahi of the machine has it: this one gets a place of its
        // own.
        fs::create_dir_all("/run/avahi-daemon").unwrap();
        let run = format!(
            "mount -t tmpfs none /run/avahi-daemon && \
             exec avahi-daemon -f {} --no-drop-root --no-chroot --no-rlimits",
            avahi.path("avahi.conf")
        );
        avahi.spawn("unshare", &["--mount", "sh", "-c", &run]);
        eventually("avahi answers", PATIENCE, || {
            avahi.try_browse(HTTP, "-t").map(drop)
        });
        Some(avahi)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn bus(&self) -> String {
        format!("DBUS_SYSTEM_BUS_ADDRESS=unix:path={}", self.path("bus"))
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let mut command = Command::new("env");
        command.arg(self.bus()).arg(program).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = self.host.namespace.run(|| command.spawn());
        self.programs.push(child.unwrap());
    }

    /// What it finds of this type, by name.
    fn browse(&self, kind: &str) -> Result<BTreeMap<String, Found>, String> {
        self.try_browse(kind, "-t")
    }

    /// The names of this type that it remembers, without asking anybody.
    fn remembers(&self, kind: &str) -> Vec<String> {
        let lines = self.lines(&["-cpk", kind]).unwrap();
        let names = lines.iter().filter_map(|line| line.split(';').nth(3));
        names.map(unescaped).collect()
    }

    fn try_browse(&self, kind: &str, how: &str) -> Result<BTreeMap<String, Found>, String> {
        let lines = self.lines(&[how, "-rpk", kind])?;
        Ok(lines.iter().filter_map(|line| found(line)).collect())
    }

    fn lines(&self, arguments: &[&str]) -> Result<Vec<String>, String> {
        let bus = self.bus();
        let all = [&[bus.as_str(), "avahi-browse"], arguments].concat();
        let ran = self.host.namespace.output("env", &all);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        ensure(ran.status.success(), said)?;
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        Ok(text.lines().map(str::to_owned).collect())
    }
}

impl Drop for Avahi {
    fn drop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// `=;eth0;IPv4;<name>;<type>;local;<host>;<address>;<port>;<txt>`
fn found(line: &str) -> Option<(String, Found)> {
    let fields: Vec<_> = line.splitn(10, ';').collect();
    let [_, _, _, name, _, _, _, address, port, txt] = fields[..] else {
        return None;
    };
    let found = Found {
        address: address.parse().ok()?,
        port: port.parse().ok()?,
        txt: txt.to_owned(),
    };
    line.starts_with('=').then(|| (unescaped(name), found))
}

/// avahi writes each byte that is no letter or digit as a backslash and three decimal digits, or as
/// itself.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail
            .get(..3)
            .and_then(|three| std::str::from_utf8(three).ok());
        match digits
            .and_then(|three| three.parse().ok())
            .filter(|_| *first == b'\\')
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn what_avahi_escapes_is_read() {
    assert_eq!(
        unescaped(r"K\195\188che\032\040Porthole\041"),
        "Küche (Porthole)"
    );
}

/// The others in the list of this camera, by name.
fn others(camera: &Camera) -> Result<BTreeMap<String, Value>, String> {
    let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
    let cameras = fleet["cameras"].as_array().ok_or("no cameras")?;
    let others = cameras.iter().filter(|one| one["self"] == false);
    let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
    Ok(others.map(|one| (name(one), one.clone())).collect())
}

#[test]
fn avahi_sees_the_fleet_hears_a_goodbye_at_once_and_keeps_no_killed_camera_on_the_page() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let Some(avahi) = Avahi::start(lab.neighbour()) else {
        return;
    };
    let mut fleet = cameras(&lab, 3, |setup| {
        setup
            .set("lan", "mdns", true)
            .set("lan", "heartbeat", "500ms")
            .set("router", "read_table", false)
    });
    let found = eventually("avahi finds three cameras", PATIENCE, || {
        let found = avahi.browse(PORTHOLE)?;
        let named = NAMES.iter().all(|name| {
            let txt = format!("\"name={name}\"");
            found
                .values()
                .any(|one| one.txt.contains(&txt) && one.txt.contains("\"external="))
        });
        ensure(named, format!("{found:?}")).map(|()| found)
    });
    for camera in &fleet {
        let id = camera.status().unwrap().id;
        let one = &found[&format!("porthole-{id}")];
        assert_eq!((one.address, one.port), (camera.address(), 8080), "{one:?}");
        assert!(one.txt.contains("\"scheme=http\""), "{one:?}");
    }
    let http = eventually("and three web servers", PATIENCE, || {
        let found = avahi.browse(HTTP)?;
        ensure(found.len() == 3, format!("{found:?}")).map(|()| found)
    });
    for (name, camera) in NAMES.iter().zip(&fleet) {
        assert_eq!(
            http[&format!("{name} (Porthole)")].address,
            camera.address()
        );
    }

    let id = fleet[1].status().unwrap().id;
    let renamed = json!({ "name": "Küche" });
    let answer = fleet[0].send("PATCH", &format!("/api/v1/cameras/{id}"), &renamed);
    assert_eq!(answer.unwrap().status, 200);
    eventually("its web server has the new name alone", PATIENCE, || {
        let found = avahi.browse(HTTP)?;
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        let expected = [
            "Front door (Porthole)",
            "Küche (Porthole)",
            "Till (Porthole)",
        ];
        ensure(names == expected, format!("{names:?}"))
    });

    // Its entry would stay for more than a minute.
    let mut third = fleet.pop().unwrap();
    let entry = format!("porthole-{}", third.status().unwrap().id);
    assert!(third.terminate().success());
    eventually("the goodbye is heard", PATIENCE, || {
        let left = avahi.remembers(PORTHOLE);
        ensure(!left.contains(&entry), format!("{left:?}"))
    });

    let mut second = fleet.pop().unwrap();
    let first = fleet.pop().unwrap();
    let entry = format!("porthole-{}", second.status().unwrap().id);
    let inquiries = "porthole_lan_messages_total{direction=\"sent\",kind=\"inquiry\"}";
    // Each goes out twice.
    let heartbeats = || first.metric(inquiries).unwrap() / 2.0;
    let before = heartbeats();
    second.kill();
    eventually("the killed one has left the page", PATIENCE, || {
        let left = others(&first)?;
        ensure(left.is_empty(), format!("{left:?}"))
    });
    let missed = heartbeats() - before;
    println!("a killed camera left the page after {missed} heartbeats");
    assert!((4.0..20.0).contains(&missed), "{missed} heartbeats");
    let left = avahi.remembers(PORTHOLE);
    assert!(left.contains(&entry), "only the page knows: {left:?}");
}

#[test]
fn by_mdns_alone_and_beside_avahi_cameras_are_listed_as_unverified() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let host = lab.host(21);
    let Some(avahi) = Avahi::start(&host) else {
        return;
    };
    let alone = |setup: crate::support::lab::CameraSetup| {
        setup
            .set("lan", "enabled", false)
            .set("lan", "mdns", true)
            .set("router", "read_table", false)
            .start()
    };
    let first = alone(lab.camera_on(host, "Front door"));
    first.await_port(8080);
    let second = alone(lab.camera(22, "Küche"));
    second.await_port(8081);
    for (camera, other) in [(&first, "Küche"), (&second, "Front door")] {
        let one = eventually("the other is listed", PATIENCE, || {
            let others = others(camera)?;
            others.get(other).cloned().ok_or(format!("{others:?}"))
        });
        assert_eq!(one["verified"], false, "{one}");
        let sources: Vec<_> = one["sources"].as_object().unwrap().keys().collect();
        assert_eq!(sources, ["mdns"], "{one}");
    }
    eventually("avahi finds both", PATIENCE, || {
        let found = avahi.browse(HTTP)?;
        let named = ["Front door (Porthole)", "Küche (Porthole)"];
        let there = named.iter().all(|name| found.contains_key(*name));
        ensure(there, format!("{found:?}"))
    });
}

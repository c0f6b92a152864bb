//! Two routers on one LAN: the default gateway, and a box that offers to map ports as well (an
//! access point, say).
//!
//! The default gateway is the real daemon, the other one the simulated router on a host of its own.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::lab::{Camera, Lab, LabConfig, PATIENCE, RouterState};
use crate::support::wait::{ensure, eventually};

/// The address of the lab's own router.
const DEFAULT: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

/// Four searches and the growing waits between them, with time to spare.
const SETTLED: Duration = Duration::from_mins(2);

/// The other router, until it is dropped.
struct OtherRouter {
    address: Ipv4Addr,
    process: Child,
    folder: TempDir,
}

impl OtherRouter {
    /// Plugs it in at 192.168.77.`number`, and waits until it answers.
    fn plug_in(lab: &Lab, number: u8) -> Self {
        let host = lab.host(number);
        let address = host.address.to_string();
        let folder = TempDir::with_prefix("porthole-box-").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_porthole"));
        command
            .args(["sim-router", "--lan", &address, "--wan", &address])
            .args(["--ssdp", "239.255.255.250:1900", "--http-port", "5000"])
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("changes")).unwrap())
            .stderr(Stdio::null());
        let process = host.namespace.run(|| command.spawn()).unwrap();
        let plugged_in = Self {
            address: host.address,
            process,
            folder,
        };
        let url = format!("http://{address}:5000/rootDesc.xml");
        eventually("the other router answers", PATIENCE, || {
            let answer = lab.inside().get(&url)?;
            ensure(answer.status == 200, answer.status)
        });
        plugged_in
    }

    fn changes(&self) -> PathBuf {
        self.folder.path().join("changes")
    }

    /// Every change of its table so far.
    fn changed(&self) -> String {
        let said = fs::read_to_string(self.changes()).unwrap();
        let (_introduction, changes) = said.split_once("Changes of its table:").unwrap();
        changes.trim().to_owned()
    }
}

impl Drop for OtherRouter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the camera uses the router at this address, and represents the others there.
#[track_caller]
fn await_leadership_at(camera: &Camera, router: Ipv4Addr) {
    let what = format!("the router at {router} is used");
    eventually(&what, SETTLED, || {
        let status: Value = camera.get("/api/v1/status")?.json()?;
        let uses = &status["router"]["address"];
        let found = status["router"]["state"] == "found";
        ensure(
            found && *uses == router.to_string(),
            status["router"].to_string(),
        )
    });
    camera.await_leadership();
}

#[test]
fn of_two_routers_the_default_gateway_is_used_and_waited_for_and_gone_back_to() {
    let Some(mut lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let other = OtherRouter::plug_in(&lab, 2);
    let camera = lab.camera(11, "Front door").start();
    await_leadership_at(&camera, DEFAULT);

    // Away for a moment, as in a reboot: nobody moves to the other one.
    lab.router.stop();
    camera.await_status("has lost the router", PATIENCE, |status| {
        status.router.state == RouterState::Lost
    });
    lab.router.forget();
    lab.router.start();
    await_leadership_at(&camera, DEFAULT);
    assert_eq!(other.changed(), "", "the other router was left alone");

    // Away for good: then the other one is better than none.
    lab.router.stop();
    await_leadership_at(&camera, other.address);
    assert!(other.changed().contains("8080"), "{}", other.changed());

    // Back again: visitors come in there.
    lab.router.forget();
    lab.router.start();
    await_leadership_at(&camera, DEFAULT);
    let url = format!("{}/healthz", lab.external_url(8080));
    eventually("reached from outside", PATIENCE, || {
        let answer = lab.outside().get(&url)?;
        ensure(answer.status == 200, answer.status)
    });
}

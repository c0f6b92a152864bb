//! A small Internet for the tests: a real router daemon, cameras and visitors in network
//! namespaces.
//!
//! ```text
//!   visitor from outside        60.120.76.1   [wan]
//!                                   |
//!   the router (miniupnpd)      60.120.76.64  [router]
//!                               192.168.77.1
//!                                   |
//!   the switch (a bridge)                     [switch]
//!                   +---------------+---------------+
//!   cameras         192.168.77.11  .12 …      the neighbour 192.168.77.200
//!   [host11] [host12] …                       [host200]
//! ```
//! The neighbour is some other device of the testbed: it visits the cameras from the LAN, maps
//! ports of its own and reads the router's table. Nothing leaves the namespaces; everything goes
//! when the [`Lab`] is dropped.

// Each test program uses a part of this.
#![allow(unused_imports)]

mod camera;
mod client;
mod netns;
mod place;
mod port_watch;
mod router;
mod rules;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) use camera::{ADMIN_PASSWORD, Camera, CameraSetup, PATIENCE, Role, RouterState, Status};
pub(crate) use client::{Answer, Client, Seen, Stream, picture_size};
use netns::LabName;
pub(crate) use netns::Namespace;
pub(crate) use place::Place;
pub(crate) use port_watch::{Answered, PortWatch};
pub(crate) use router::{Entry, Router, TableReader};
pub(crate) use rules::{RuleWatch, Tenure};

/// The number of the neighbour's host.
const NEIGHBOUR: u8 = 200;

/// Whether the router lets a host map and unmap only for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecureMode {
    /// As most routers do it: another host's mapping is refused with 718, its deletion with 606.
    On,
    /// Anybody may do anything.
    Off,
}

/// What address the router has on the Internet side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wan {
    /// 60.120.76.64, the seed patent's own example.
    Public,
    /// 192.168.1.64: the router stands behind another one (double NAT) and refuses to map.
    Private,
}

impl Wan {
    /// The router's address on this network.
    pub(crate) const fn router(self) -> Ipv4Addr {
        match self {
            Self::Public => Ipv4Addr::new(60, 120, 76, 64),
            Self::Private => Ipv4Addr::new(192, 168, 1, 64),
        }
    }

    /// The outside visitor's address on this network.
    const fn visitor(self) -> Ipv4Addr {
        match self {
            Self::Public => Ipv4Addr::new(60, 120, 76, 1),
            Self::Private => Ipv4Addr::new(192, 168, 1, 1),
        }
    }
}

/// How a lab is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabConfig {
    pub(crate) secure_mode: SecureMode,
    pub(crate) wan: Wan,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            secure_mode: SecureMode::On,
            wan: Wan::Public,
        }
    }
}

/// One lab. Declare the cameras after it, so that they are dropped first.
pub(crate) struct Lab {
    name: LabName,
    dir: TempDir,
    wan: Namespace,
    switch: Namespace,
    neighbour: Host,
    pub(crate) router: Router,
}

impl Lab {
    /// Sets up the networks and starts the router; or says why it cannot, and gives nothing.
    ///
    /// With the environment variable `PORTHOLE_LAB=required` (continuous integration), that fails
    /// the test instead.
    pub(crate) fn open(config: LabConfig) -> Option<Self> {
        Self::open_with(config, Router::start)
    }

    /// The same with the router's daemon not yet running.
    pub(crate) fn open_without_router(config: LabConfig) -> Option<Self> {
        Self::open_with(config, |_| ())
    }

    fn open_with(config: LabConfig, start: impl FnOnce(&mut Router)) -> Option<Self> {
        match Self::build(config) {
            Ok(mut lab) => {
                start(&mut lab.router);
                Some(lab)
            }
            Err(why) => {
                let thread = std::thread::current();
                let test = thread.name().unwrap_or("a test");
                assert!(
                    std::env::var_os("PORTHOLE_LAB").is_none(),
                    "PORTHOLE_LAB is set, but {test} {why}"
                );
                println!("skipped: {test}: {why}");
                None
            }
        }
    }

    fn build(config: LabConfig) -> Result<Self, String> {
        for (program, package) in [
            ("ip", "iproute2"),
            ("nft", "nftables"),
            ("miniupnpd", "miniupnpd-nftables"),
            ("upnpc", "miniupnpc"),
        ] {
            if !installed(program) {
                return Err(format!("needs {program} (Debian package {package})"));
            }
        }
        let name = LabName::unique();
        let wan = name.namespace("wan");
        wan.create()
            .map_err(|said| format!("needs root for network namespaces ({said})"))?;
        let inside = name.namespace("router");
        let switch = name.namespace("switch");
        let dir = TempDir::with_prefix("porthole-lab-").expect("a temporary folder");
        inside.create().expect("a namespace for the router");
        switch.create().expect("a namespace for the switch");

        join(&wan, "eth0", &inside, router::WAN_INTERFACE);
        wan.ip(&format!("addr add {}/24 dev eth0", config.wan.visitor()));
        wan.ip("link set eth0 up");
        switch.ip("link add br0 type bridge mcast_snooping 0");
        switch.ip("link set br0 up");
        join(&inside, router::LAN_INTERFACE, &switch, "router");
        plug_in(&switch, "router");

        let neighbour = Host::new(&name, &switch, NEIGHBOUR);
        neighbour.take_address(neighbour.address);
        let router = Router::new(inside, &neighbour.namespace, dir.path(), config);
        Ok(Self {
            name,
            dir,
            wan,
            switch,
            neighbour,
            router,
        })
    }

    /// A new host on the LAN at 192.168.77.`number`.
    pub(crate) fn host(&self, number: u8) -> Host {
        let host = self.host_without_address(number);
        host.take_address(host.address);
        host
    }

    /// A new host whose cable is in but which has no address yet.
    pub(crate) fn host_without_address(&self, number: u8) -> Host {
        Host::new(&self.name, &self.switch, number)
    }

    /// A camera on a new host at 192.168.77.`number`, to be set up and started.
    pub(crate) fn camera(&self, number: u8, name: &str) -> CameraSetup {
        self.camera_on(self.host(number), name)
    }

    /// A camera on a given host.
    pub(crate) fn camera_on(&self, host: Host, name: &str) -> CameraSetup {
        CameraSetup::new(host, name, &self.folder(), self.inside())
    }

    /// A visitor on the Internet.
    pub(crate) fn outside(&self) -> Client {
        Client::new(self.wan.clone())
    }

    /// A visitor on the LAN.
    pub(crate) fn inside(&self) -> Client {
        Client::new(self.neighbour.namespace.clone())
    }

    /// The other device of the testbed.
    pub(crate) fn neighbour(&self) -> &Host {
        &self.neighbour
    }

    /// Watches from the Internet who answers at this port of the router.
    pub(crate) fn watch_port(&self, port: u16) -> PortWatch {
        let url = format!("{}/api/v1/status", self.external_url(port));
        self.router.drop_unanswered_after(1);
        PortWatch::start(&self.wan.clone().into(), &url)
    }

    /// `http://<the router's Internet address>:<port>`.
    pub(crate) fn external_url(&self, port: u16) -> String {
        format!("http://{}:{port}", self.router.wan_address())
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().to_owned()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.router.finish();
        self.name.remove();
    }
}

/// A device on the LAN: a namespace with `eth0` plugged into the switch.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    pub(crate) address: Ipv4Addr,
    switch: Namespace,
    socket: String,
}

impl Host {
    fn new(lab: &LabName, switch: &Namespace, number: u8) -> Self {
        let host = Self {
            namespace: lab.namespace(&format!("host{number}")),
            address: router::lan_address(number),
            switch: switch.clone(),
            socket: format!("p{number}"),
        };
        host.namespace.create().expect("a namespace for a host");
        join(&host.namespace, "eth0", switch, &host.socket);
        host.namespace.ip("link set eth0 up");
        plug_in(switch, &host.socket);
        host
    }

    /// Gives the interface this address alone, and the router as its way out.
    pub(crate) fn take_address(&self, address: Ipv4Addr) {
        self.namespace.ip("addr flush dev eth0");
        self.namespace
            .ip(&format!("addr add {address}/24 dev eth0"));
        self.namespace.ip(&format!(
            "route replace default via {}",
            router::lan_address(1)
        ));
    }

    /// Pulls the cable.
    pub(crate) fn unplug(&self) {
        self.switch.ip(&format!("link set {} down", self.socket));
    }

    /// Lets nothing through though the cable is in, as when another switch between is off.
    pub(crate) fn cut_off(&self) {
        self.switch
            .ip(&format!("link set {} nomaster", self.socket));
    }

    /// Lets everything through again.
    pub(crate) fn reconnect(&self) {
        plug_in(&self.switch, &self.socket);
    }

    /// Puts the cable back.
    pub(crate) fn plug_in(&self) {
        self.switch.ip(&format!("link set {} up", self.socket));
    }
}

/// A cable between two namespaces.
fn join(one: &Namespace, interface: &str, other: &Namespace, peer: &str) {
    one.ip(&format!(
        "link add {interface} type veth peer name {peer} netns {}",
        other.name()
    ));
}

fn plug_in(switch: &Namespace, socket: &str) {
    switch.ip(&format!("link set {socket} master br0 up"));
}

/// Whether a program is on the search path, or where Debian keeps those for root.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .any(|folder| Path::new(&folder).join(program).is_file())
}

//! The settings as the program uses them: one struct per section of `config/default.toml`,
//! every value checked. What the defaults are is said there, once.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::values::{PortMode, Secret, Transport};
use porthole_camera::config::{CameraConfig, DriveSource};
use porthole_election::{Detection, MissedLimit, Succession};
use porthole_types::PortRange;
use porthole_types::{ExternalPort, InternalPort};

/// All settings of one server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name, data directory and interface of this server.
    pub node: Node,
    /// The web server.
    pub http: Http,
    /// What it asks of the router.
    pub router: Router,
    /// Messages to the other servers, and mDNS.
    pub lan: Lan,
    /// How a representative is replaced.
    pub election: Election,
    /// What all servers of a site share.
    pub site: Site,
    /// Passwords, and whether watching needs one.
    pub auth: Auth,
    /// Source and picture.
    pub camera: CameraConfig,
    /// Pan, tilt and zoom.
    pub drive: Drive,
    /// What only tests and the demo switch on.
    pub debug: Debug,
}

/// `[node]`: name, data directory and interface of this server.
#[derive(Clone, Debug)]
pub struct Node {
    /// What people call it, at most 64 characters; empty: "server N".
    pub name: String,
    /// The folder of the state file.
    pub data_dir: PathBuf,
    /// The LAN interface; none: the one of the default route.
    pub interface: Option<String>,
}

/// `[http]`: the web server.
#[derive(Clone, Debug)]
pub struct Http {
    /// The address to listen on; `0.0.0.0`: all.
    pub bind: Ipv4Addr,
    /// The internal port, also the one that clients on the LAN use.
    pub port: InternalPort,
    /// Where the assets are; none: those built into the program.
    pub static_dir: Option<PathBuf>,
    /// Whether connections are encrypted, and with which certificate.
    pub tls: Tls,
    /// Names by which this camera may be addressed, besides those that it knows to be its own; in
    /// lower case.
    pub hosts: Vec<String>,
    /// The reverse proxies that are believed for whom they ask; none of them everybody.
    pub trusted_proxies: Vec<IpNet>,
}

/// `http.tls`, with what it needs: where its certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// No TLS: pictures and passwords are sent unencrypted.
    Off,
    /// From this program itself, made at its first start.
    SelfSigned,
    /// From files, PEM (RFC 7468).
    Files {
        /// `http.tls_certificate`: the certificate, and those between it and its root.
        certificate: PathBuf,
        /// `http.tls_key`: its private key.
        key: PathBuf,
    },
}

/// `[router]`: what this server asks of the router.
#[derive(Clone, Debug)]
pub struct Router {
    /// Whether to ask for ports at all.
    pub enabled: bool,
    /// Whoever it is mapped to is the representative (the patent's predetermined port); never
    /// inside `port_range`.
    pub representative_port: ExternalPort,
    /// Ports for everybody else.
    pub port_range: PortRange,
    /// Fig. 8A or 8B.
    pub port_mode: PortMode,
    /// Lease of the representative's mapping: whole seconds, 4 s to 7 days.
    pub representative_lease: Duration,
    /// Lease of all other mappings: whole seconds, 4 s to 7 days.
    pub lease: Duration,
    /// Time between two readings of the router's table, 100 ms to 1 h.
    pub poll_interval: Duration,
    /// Domain name or address for links from outside (¶44, ¶51); none: the router's external
    /// address.
    pub external_host: Option<String>,
    /// Where SSDP searches are sent.
    pub ssdp_address: SocketAddrV4,
    /// Whether to learn of other servers from the router's table (Embodiments 1 and 3).
    pub read_table: bool,
}

/// `[lan]`: messages to the other servers, and mDNS.
#[derive(Clone, Debug)]
pub struct Lan {
    /// Whether to send and receive messages at all.
    pub enabled: bool,
    /// Whether to register and browse by mDNS.
    pub mdns: bool,
    /// How messages travel.
    pub transport: Transport,
    /// The multicast group; its port is that of every transport.
    pub group: SocketAddrV4,
    /// Peers to send to besides those that are found; the port is the group's where none is given.
    pub peers: Vec<SocketAddrV4>,
    /// Time between two Inquiries of the representative, 100 ms to 1 h.
    pub heartbeat: Duration,
}

/// `[election]`: how a representative is replaced.
#[derive(Clone, Debug)]
pub struct Election {
    /// What counts as a sign that it is gone; at least one.
    pub detection: BTreeSet<Detection>,
    /// Who takes its place.
    pub succession: Succession,
    /// Heartbeats (or probes) missed in a row before acting.
    pub missed_limit: MissedLimit,
}

/// `[site]`: what all servers of a site share.
#[derive(Clone, Debug)]
pub struct Site {
    /// Signs messages and session cookies; none: the LAN is trusted.
    pub key: Option<Secret>,
    /// Also accepted while the key is being changed; only with `key`.
    pub previous_key: Option<Secret>,
}

/// `[auth]`: passwords, and whether watching needs one.
#[derive(Clone, Debug)]
pub struct Auth {
    /// The password of the user `viewer`; none: nobody logs in as viewer.
    pub viewer_password: Option<Secret>,
    /// The password of the user `admin`; none: one is made at the first start.
    pub admin_password: Option<Secret>,
    /// Whether anybody may watch without a password.
    pub public_view: bool,
}

/// `[drive]`: pan, tilt and zoom.
#[derive(Clone, Debug)]
pub struct Drive {
    /// The motors that are driven.
    pub source: DriveSource,
}

/// `[debug]`: for tests.
#[derive(Clone, Debug)]
pub struct Debug {
    /// Whether an actor can be made to panic over HTTP.
    pub allow_crash: bool,
    /// Where the demo's "pull the plug" button posts to; only the demo sets it.
    pub demo_control: Option<String>,
}

//! What each setting allows, section by section, and what settings demand of each other.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::reader::{ReadResult, Reader};
use super::types::{Auth, Debug, Drive, Election, Http, Lan, Node, Router, Settings, Site, Tls};
use super::values::{TlsMode, Transport};
use porthole_camera::config::{CameraConfig, CameraSource, FPS, QUALITY, SIDE};
use porthole_election::MissedLimit;
use porthole_types::PortRange;
use porthole_types::{ExternalPort, InternalPort};

const HOUR: Duration = Duration::from_hours(1);
/// Routers count in seconds and a lease is renewed every quarter of it, so this is the shortest
/// with a renewal each second.
const SHORTEST_LEASE: Duration = Duration::from_secs(4);
/// The longest lease that version 2 of the service knows (UPnP WANIPConnection:2,
/// `PortMappingLeaseDuration`).
const LONGEST_LEASE: Duration = Duration::from_hours(7 * 24);
const SHORTEST_POLL: Duration = Duration::from_millis(100);
/// In characters. Passwords are guessed over the network, one a second at most; a site key at home,
/// against a cookie or a datagram that was overheard, as fast as a computer can.
pub(super) const SHORTEST_PASSWORD: usize = 8;
pub(super) const SHORTEST_SITE_KEY: usize = 16;

/// All settings; every error is left with the reader.
pub(super) fn settings(r: &mut Reader) -> ReadResult<Settings> {
    let (node, http, router, lan) = (node(r), http(r), router(r), lan(r));
    let (election, site, auth) = (election(r), site(r), auth(r));
    let (camera, drive, debug) = (camera(r), drive(r), debug(r));
    Ok(Settings {
        node: node?,
        http: http?,
        router: router?,
        lan: lan?,
        election: election?,
        site: site?,
        auth: auth?,
        camera: camera?,
        drive: drive?,
        debug: debug?,
    })
}

fn node(r: &mut Reader) -> ReadResult<Node> {
    let name = r.text(
        "node.name",
        "at most 64 characters, none of them a control character",
        |text| {
            let fits = text.chars().count() <= 64 && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
        },
    );
    let data_dir = r.text("node.data_dir", "a folder", |text| {
        (!text.is_empty()).then(|| PathBuf::from(text))
    });
    let interface = r.optional("node.interface", "the name of an interface", |text| {
        // IFNAMSIZ less its zero; the kernel refuses these characters in names.
        let fits = text.len() <= 15 && !text.contains(|c: char| c == '/' || c.is_whitespace());
        fits.then(|| text.to_owned())
    });
    Ok(Node {
        name: name?,
        data_dir: data_dir?,
        interface: interface?,
    })
}

fn http(r: &mut Reader) -> ReadResult<Http> {
    let bind = r.text("http.bind", "an IPv4 address such as \"0.0.0.0\"", |text| {
        text.parse().ok()
    });
    let port = r.port("http.port").map(InternalPort);
    let static_dir = r.optional("http.static_dir", "a folder", |text| {
        Some(PathBuf::from(text))
    });
    let tls = tls(r);
    let hosts = r.list(
        "http.hosts",
        "a list of domain names, without \"http://\" and without ports",
        |text| host(text).map(|name| name.to_ascii_lowercase()),
    );
    let trusted_proxies = r.list(
        "http.trusted_proxies",
        "a list of IP addresses and networks, such as \"192.168.1.5\" or \"10.0.0.0/24\", but not \
         all addresses there are",
        network,
    );
    Ok(Http {
        bind: bind?,
        port: port?,
        static_dir: static_dir?,
        tls: tls?,
        hosts: hosts?,
        trusted_proxies: trusted_proxies?,
    })
}

/// The three settings about TLS make sense together only.
fn tls(r: &mut Reader) -> ReadResult<Tls> {
    let mode = r.choice("http.tls");
    // A key pasted in place of its file is refused here, and the error does not show it.
    let path = |text: &str| (!text.contains('\n')).then(|| PathBuf::from(text));
    let certificate = r.optional("http.tls_certificate", "a file", path);
    let key = r.optional("http.tls_key", "a file", path);
    match (mode?, certificate?, key?) {
        (TlsMode::Off, None, None) => Ok(Tls::Off),
        (TlsMode::SelfSigned, None, None) => Ok(Tls::SelfSigned),
        (TlsMode::Files, Some(certificate), Some(key)) => Ok(Tls::Files { certificate, key }),
        (TlsMode::Files, None, _) => Err(r.refuse(
            "http.tls_certificate",
            "the file of the certificate (PEM), since http.tls is \"files\"",
        )),
        (TlsMode::Files, Some(_), None) => Err(r.refuse(
            "http.tls_key",
            "the file of the private key (PEM), since http.tls is \"files\"",
        )),
        (TlsMode::Off | TlsMode::SelfSigned, _, _) => Err(r.refuse(
            "http.tls",
            "\"files\" when http.tls_certificate or http.tls_key is given",
        )),
    }
}

fn router(r: &mut Reader) -> ReadResult<Router> {
    let leases = SHORTEST_LEASE..=LONGEST_LEASE;
    let enabled = r.flag("router.enabled");
    let representative_port = r.port("router.representative_port").map(ExternalPort);
    let port_range = r.text(
        "router.port_range",
        "two ports, the lower first, such as \"8081-8180\"",
        port_range,
    );
    let port_mode = r.choice("router.port_mode");
    let representative_lease = r.lease("router.representative_lease", leases.clone());
    let lease = r.lease("router.lease", leases);
    let poll_interval = r.duration("router.poll_interval", SHORTEST_POLL..=HOUR);
    let external_host = r.optional(
        "router.external_host",
        "a domain name or an IPv4 address, without \"http://\" and without a port",
        host,
    );
    let ssdp_address = r.text(
        "router.ssdp_address",
        "an IPv4 address and a port",
        |text| text.parse().ok(),
    );
    let read_table = r.flag("router.read_table");
    let (representative_port, port_range) = (representative_port?, port_range?);
    if port_range.contains(representative_port) {
        return Err(r.refuse(
            "router.representative_port",
            &format!("outside router.port_range, which is {port_range}"),
        ));
    }
    Ok(Router {
        enabled: enabled?,
        representative_port,
        port_range,
        port_mode: port_mode?,
        representative_lease: representative_lease?,
        lease: lease?,
        poll_interval: poll_interval?,
        external_host: external_host?,
        ssdp_address: ssdp_address?,
        read_table: read_table?,
    })
}

fn lan(r: &mut Reader) -> ReadResult<Lan> {
    let enabled = r.flag("lan.enabled");
    let mdns = r.flag("lan.mdns");
    let transport = r.choice("lan.transport");
    let group: ReadResult<SocketAddrV4> =
        r.text("lan.group", "an IPv4 address and a port", |text| {
            text.parse().ok()
        });
    let heartbeat = r.duration("lan.heartbeat", SHORTEST_POLL..=HOUR);
    let default_port = group.as_ref().map_or(0, SocketAddrV4::port);
    let peers = r.list(
        "lan.peers",
        "a list of IPv4 addresses, each with a port or without",
        |text| {
            let alone = |ip: Ipv4Addr| SocketAddrV4::new(ip, default_port);
            text.parse().ok().or_else(|| text.parse().ok().map(alone))
        },
    );
    let (transport, group) = (transport?, group?);
    if group.port() == 0 {
        return Err(r.refuse("lan.group", "an address with a port other than 0"));
    }
    if transport == Transport::Multicast && !group.ip().is_multicast() {
        return Err(r.refuse(
            "lan.group",
            "a multicast address (224.0.0.0 to 239.255.255.255) and a port",
        ));
    }
    Ok(Lan {
        enabled: enabled?,
        mdns: mdns?,
        transport,
        group,
        peers: peers?,
        heartbeat: heartbeat?,
    })
}

fn election(r: &mut Reader) -> ReadResult<Election> {
    let detection = r.choices("election.detection");
    let succession = r.choice("election.succession");
    let missed_limit = r
        .number("election.missed_limit", 2..=3u8)
        .map(|limit| match limit {
            3 => MissedLimit::Three,
            _ => MissedLimit::Two,
        });
    Ok(Election {
        detection: detection?,
        succession: succession?,
        missed_limit: missed_limit?,
    })
}

fn site(r: &mut Reader) -> ReadResult<Site> {
    let key = r.long_secret(
        "site.key",
        SHORTEST_SITE_KEY,
        "\"openssl rand -hex 32\" makes a good one, the same for all cameras",
    );
    // One that is too short is exchanged for a better one with its help.
    let previous_key = r.secret("site.previous_key");
    let (key, previous_key) = (key?, previous_key?);
    if key.is_none() && previous_key.is_some() {
        return Err(r.refuse("site.previous_key", "empty while site.key is empty"));
    }
    Ok(Site { key, previous_key })
}

fn auth(r: &mut Reader) -> ReadResult<Auth> {
    let mut password = |key| {
        let advice = "four words that do not belong together make a good one";
        r.long_secret(key, SHORTEST_PASSWORD, advice)
    };
    let viewer = password("auth.viewer_password");
    let admin = password("auth.admin_password");
    let public_view = r.flag("auth.public_view");
    Ok(Auth {
        viewer_password: viewer?,
        admin_password: admin?,
        public_view: public_view?,
    })
}

fn camera(r: &mut Reader) -> ReadResult<CameraConfig> {
    let source = r.text(
        "camera.source",
        "\"auto\", \"test\" or a device such as \"v4l:/dev/video0\"",
        |text| match text {
            "auto" => Some(CameraSource::Auto),
            "test" => Some(CameraSource::Test),
            _ => {
                let device = Path::new(text.strip_prefix("v4l:")?);
                device
                    .is_absolute()
                    .then(|| CameraSource::V4l(device.to_owned()))
            }
        },
    );
    let (width, height) = (
        r.number("camera.width", SIDE),
        r.number("camera.height", SIDE),
    );
    let (fps, quality) = (
        r.number("camera.fps", FPS),
        r.number("camera.quality", QUALITY),
    );
    let idle_close = r.duration("camera.idle_close", Duration::ZERO..=HOUR * 24);
    Ok(CameraConfig {
        source: source?,
        width: width?,
        height: height?,
        fps: fps?,
        quality: quality?,
        idle_close: idle_close?,
    })
}

fn drive(r: &mut Reader) -> ReadResult<Drive> {
    r.choice("drive.source").map(|source| Drive { source })
}

fn debug(r: &mut Reader) -> ReadResult<Debug> {
    let allow_crash = r.flag("debug.allow_crash");
    let demo_control = r.optional(
        "debug.demo_control",
        "an http address on loopback",
        |text| text.starts_with("http://127.").then(|| text.to_owned()),
    );
    Ok(Debug {
        allow_crash: allow_crash?,
        demo_control: demo_control?,
    })
}

/// The first and the last port of a text such as `8081-8180`.
fn port_range(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-')?;
    let port = |text: &str| text.trim().parse().ok().and_then(ExternalPort::new);
    PortRange::new(port(first)?, port(last)?)
}

/// An address, or a network that is not everybody.
fn network(text: &str) -> Option<IpNet> {
    let network: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .ok()?;
    (network.prefix_len() > 0).then(|| network.trunc())
}

/// A host name (RFC 1123 §2.1) or an IPv4 address.
fn host(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let mut labels = name.split('.');
    // A last label of digits only would be read as an address by every browser.
    let like_address = name.rsplit('.').next()?.bytes().all(|b| b.is_ascii_digit());
    let fits = name.len() <= 253 && labels.all(label);
    (fits && (!like_address || name.parse::<Ipv4Addr>().is_ok())).then(|| name.to_owned())
}

//! Answers to M-SEARCH (UPnP Device Architecture §1.3.2–1.3.3): "a gateway is here".
//!
//! On a unicast address it answers what is sent there, which keeps a simulation on loopback to
//! itself; on the group address it joins the group and answers from the LAN address, as a router
//! does. Unless its habits say otherwise, answers go out at once, not spread over MX seconds, and
//! nothing is announced unasked: a client has to ask.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::interval;
use tracing::debug;

use super::description::SERVER_NAME;
use super::description::{Part, ROOT_PATH, gateway_device, unique_name};
use super::services::{INTERFACE_SERVICE, connection_types};
use crate::quirks::{AnswerSource, Quirks, SearchAnswers};

/// Real searches are under 200 bytes.
const MAX_DATAGRAM: usize = 2048;
/// Pause after a receive that failed, so that a lasting failure does not spin.
const RECEIVE_PAUSE: Duration = Duration::from_millis(100);
/// How often a router announces itself that answers no searches.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(10);
/// Searches whose answers wait; those of more are not sent.
const MAX_WAITING: usize = 256;

/// What the answers say.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) lan: Ipv4Addr,
    pub(super) quirks: Quirks,
}

impl Identity {
    /// The answers to a datagram; none where it is no search, or is not for a gateway.
    pub(super) fn answers(&self, datagram: &[u8], http: SocketAddrV4) -> Vec<String> {
        let Some(target) = search_target(datagram) else {
            return vec![];
        };
        let heard = match self.quirks.search_answers {
            SearchAnswers::All => true,
            SearchAnswers::RootDeviceOnly => target == "upnp:rootdevice",
            SearchAnswers::AllOnly => target == "ssdp:all",
            SearchAnswers::NotifyOnly => false,
        };
        self.offers()
            .into_iter()
            .filter(|(offer, _)| heard && (target == "ssdp:all" || target == offer))
            .map(|(target, part)| {
                let name = self.unique_service_name(&target, part);
                format!(
                    "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nEXT:\r\n\
                     LOCATION: http://{http}{ROOT_PATH}\r\nSERVER: {SERVER_NAME}\r\n\
                     ST: {target}\r\nUSN: {name}\r\n\r\n"
                )
            })
            .collect()
    }

    /// What tells the group that the router is there (UPnP Device Architecture §1.2.2).
    fn announcements(&self, group: SocketAddrV4, http: SocketAddrV4) -> Vec<String> {
        self.offers()
            .into_iter()
            .map(|(target, part)| {
                let name = self.unique_service_name(&target, part);
                format!(
                    "NOTIFY * HTTP/1.1\r\nHOST: {group}\r\nCACHE-CONTROL: max-age=120\r\n\
                     LOCATION: http://{http}{ROOT_PATH}\r\nSERVER: {SERVER_NAME}\r\n\
                     NT: {target}\r\nNTS: ssdp:alive\r\nUSN: {name}\r\n\r\n"
                )
            })
            .collect()
    }

    fn unique_service_name(&self, target: &str, part: Part) -> String {
        let device = unique_name(self.lan, part);
        if target == unique_name(self.lan, Part::Root) {
            device
        } else {
            format!("{device}::{target}")
        }
    }

    /// Search targets, each with the device that it is found in. A version 2 is found as version 1
    /// too.
    fn offers(&self) -> Vec<(String, Part)> {
        let mut offers = vec![
            ("upnp:rootdevice".to_owned(), Part::Root),
            (unique_name(self.lan, Part::Root), Part::Root),
            (INTERFACE_SERVICE.to_owned(), Part::Wan),
        ];
        for version in 1..=self.quirks.generation.version() {
            offers.push((gateway_device(version), Part::Root));
        }
        for service in connection_types(&self.quirks) {
            offers.push((service, Part::Connection));
        }
        offers
    }
}

/// The ST of an M-SEARCH with `MAN: "ssdp:discover"`.
fn search_target(datagram: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(datagram).ok()?;
    let mut lines = text.lines();
    if !lines.next()?.starts_with("M-SEARCH * HTTP/1.") {
        return None;
    }
    let header = |wanted: &str| {
        lines.clone().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.trim())
        })
    };
    (header("MAN")? == "\"ssdp:discover\"").then(|| header("ST"))?
}

/// The sockets that searches come in by and answers leave by.
#[derive(Debug)]
pub(super) struct Sockets {
    /// On the LAN address.
    unicast: Arc<UdpSocket>,
    /// On the group address, where it is one.
    group: Option<UdpSocket>,
    /// All answers leave here: mostly the same as `unicast`.
    answers: Arc<UdpSocket>,
    address: SocketAddrV4,
}

impl Sockets {
    /// Binds `address`: the LAN address itself, or a group, with a port; port 0 is a free one.
    ///
    /// # Errors
    /// When an address cannot be bound or the group cannot be joined.
    pub(super) fn bind(
        lan: Ipv4Addr,
        address: SocketAddrV4,
        source: AnswerSource,
    ) -> io::Result<Self> {
        let (unicast, group) = if address.ip().is_multicast() {
            let group = bind(address, Sharing::Shared)?;
            group.join_multicast_v4(*address.ip(), lan)?;
            let port = group.local_addr()?.port();
            let unicast = bind(SocketAddrV4::new(lan, port), Sharing::Shared)?;
            (unicast, Some(group))
        } else {
            (bind(address, Sharing::Sole)?, None)
        };
        let unicast = Arc::new(unicast);
        let port = unicast.local_addr()?.port();
        let answers = match source {
            AnswerSource::Own => Arc::clone(&unicast),
            AnswerSource::Neighbour => {
                let next = Ipv4Addr::from_bits(lan.to_bits().wrapping_add(1));
                Arc::new(bind(SocketAddrV4::new(next, port), Sharing::Shared)?)
            }
        };
        Ok(Self {
            unicast,
            group,
            answers,
            address: SocketAddrV4::new(*address.ip(), port),
        })
    }

    /// Where searches are to be sent.
    pub(super) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Answers searches, or announces the router, until dropped; `http` is where the web server is
    /// just now.
    pub(super) async fn answer_searches(
        self,
        identity: Identity,
        http: watch::Receiver<SocketAddrV4>,
    ) {
        let mut unicast_buffer = [0; MAX_DATAGRAM];
        let mut group_buffer = [0; MAX_DATAGRAM];
        let mut waiting = JoinSet::new();
        let mut announce = interval(ANNOUNCE_INTERVAL);
        let announces = identity.quirks.search_answers == SearchAnswers::NotifyOnly
            && self.address.ip().is_multicast();
        loop {
            let received = tokio::select! {
                received = self.unicast.recv_from(&mut unicast_buffer) => {
                    received.map(|(length, from)| (&unicast_buffer[..length], from))
                }
                received = receive(self.group.as_ref(), &mut group_buffer) => {
                    received.map(|(length, from)| (&group_buffer[..length], from))
                }
                Some(_) = waiting.join_next() => continue,
                _ = announce.tick(), if announces => {
                    let http = *http.borrow();
                    let news = identity.announcements(self.address, http);
                    send(&self.answers, &news, self.address.into()).await;
                    continue;
                }
            };
            match received {
                Ok((datagram, from)) => {
                    let answers = identity.answers(datagram, *http.borrow());
                    let delay = identity.quirks.search_delay;
                    if delay.is_zero() {
                        send(&self.answers, &answers, from).await;
                    } else if !answers.is_empty() && waiting.len() < MAX_WAITING {
                        let socket = Arc::clone(&self.answers);
                        waiting.spawn(async move {
                            tokio::time::sleep(delay).await;
                            send(&socket, &answers, from).await;
                        });
                    }
                }
                Err(error) => {
                    debug!(%error, "receiving a search");
                    tokio::time::sleep(RECEIVE_PAUSE).await;
                }
            }
        }
    }
}

async fn send(socket: &UdpSocket, datagrams: &[String], to: SocketAddr) {
    for datagram in datagrams {
        if let Err(error) = socket.send_to(datagram.as_bytes(), to).await {
            debug!(%error, %to, "answering a search, or announcing the router");
        }
    }
}

async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(buffer).await,
        None => std::future::pending().await,
    }
}

/// Whether other programs may have the same port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// They may not: two simulated routers on one address are a mistake.
    Sole,
    /// They may: everything on a machine that speaks SSDP is on the group's port.
    Shared,
}

fn bind(address: SocketAddrV4, sharing: Sharing) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    if sharing == Sharing::Shared {
        socket.set_reuse_address(true)?;
        // Only what comes in by the interface joined on, not by every one that some other program
        // joined on.
        socket.set_multicast_all_v4(false)?;
        if !address.ip().is_multicast() {
            socket.set_multicast_if_v4(address.ip())?;
        }
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

    fn search(target: &str) -> String {
        format!(
            "M-SEARCH * HTTP/1.1\r\nHost:239.255.255.250:1900\r\nST:{target}\r\n\
             Man:\"ssdp:discover\"\r\nMX:3\r\n\r\n"
        )
    }

    fn answers(quirks: Quirks, datagram: &str) -> Vec<String> {
        let identity = Identity { lan: LAN, quirks };
        identity.answers(datagram.as_bytes(), SocketAddrV4::new(LAN, 5000))
    }

    #[test]
    fn a_version_2_gateway_answers_searches_for_both_versions() {
        for target in [
            "upnp:rootdevice",
            "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
            "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
            "urn:schemas-upnp-org:service:WANIPConnection:1",
            "urn:schemas-upnp-org:service:WANIPConnection:2",
        ] {
            let answers = answers(Quirks::igd2(), &search(target));
            assert_eq!(answers.len(), 1, "{target}");
            assert!(answers[0].starts_with("HTTP/1.1 200 OK\r\n"));
            assert!(answers[0].contains(&format!("\r\nST: {target}\r\n")));
            assert!(answers[0].contains("\r\nLOCATION: http://192.168.77.1:5000/rootDesc.xml\r\n"));
            assert!(answers[0].ends_with("\r\n\r\n"));
        }
    }

    #[test]
    fn a_version_1_gateway_is_no_version_2() {
        for (target, count) in [
            ("urn:schemas-upnp-org:service:WANIPConnection:1", 1),
            ("urn:schemas-upnp-org:service:WANIPConnection:2", 0),
            ("urn:schemas-upnp-org:device:InternetGatewayDevice:2", 0),
        ] {
            let found = answers(Quirks::igd1(), &search(target)).len();
            assert_eq!(found, count, "{target}");
        }
    }

    #[test]
    fn a_search_for_all_gets_one_answer_for_each_offer() {
        let all = answers(Quirks::igd2(), &search("ssdp:all"));
        assert_eq!(all.len(), 7);
        let mut names: Vec<_> = all
            .iter()
            .filter_map(|answer| answer.lines().find(|line| line.starts_with("USN:")))
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 7, "each has a name of its own");
    }

    #[test]
    fn what_is_no_search_for_a_gateway_is_not_answered() {
        let good = search("upnp:rootdevice");
        for bad in [
            String::new(),
            search("urn:schemas-upnp-org:device:MediaServer:1"),
            good.replace("M-SEARCH", "NOTIFY"),
            good.replace("ssdp:discover", "ssdp:alive"),
            good.replace("Man:", "Men:"),
            good.replace("ST:", "NT:"),
        ] {
            assert!(answers(Quirks::igd2(), &bad).is_empty(), "{bad:?}");
        }
        let identity = Identity {
            lan: LAN,
            quirks: Quirks::igd2(),
        };
        let http = SocketAddrV4::new(LAN, 5000);
        assert!(identity.answers(b"M-SEARCH \xff\xfe", http).is_empty());
    }
}

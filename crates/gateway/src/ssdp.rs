//! Finding the router: SSDP (UPnP Device Architecture, section 1.3), by multicast to all and by
//! unicast to the default gateway.
//!
//! Several devices may answer, and one may offer several services. The default gateway comes first,
//! then one whose Internet side is up, then whoever answered first. A location is followed only to
//! the address that the answer came from: otherwise any device on the LAN could make this server
//! fetch from any other. (The crate `igd` searches too, but takes the first answer that it can use,
//! and refuses a router on loopback.)

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::action::Action;
use crate::device::{self, ServiceType};
use crate::error::Error;
use crate::gateway::{Gateway as _, Observer};
use crate::identity::{DiscoveredRouter, Identity, Route};
use crate::igd::Igd;
use crate::status::Connection;

/// The port that routers listen on for searches.
pub const SSDP_PORT: u16 = 1900;

/// What is searched for. Some routers answer only to one of these.
const TARGETS: [&str; 5] = [
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/// Each search goes out twice: a lost datagram is no missing router.
const AGAIN_AFTER: Duration = Duration::from_millis(400);

/// Once the preferred router has answered, its other answers get this long to come in.
const SETTLE: Duration = Duration::from_millis(100);

/// Descriptions that are looked at.
const MAX_ANSWERS: usize = 16;

/// Of these, how many from one address: nobody crowds the others out.
const MAX_ANSWERS_EACH: usize = 3;

/// Datagrams read in one search.
const MAX_DATAGRAMS: usize = 512;

/// A search for routers.
#[derive(Clone, Debug)]
pub struct Search {
    /// This server's own address on the LAN interface: searches leave from it.
    pub from: Ipv4Addr,
    /// Where searches go: the SSDP group, or one router's own address and port.
    pub ssdp: SocketAddrV4,
    /// The default gateway, where it is known. It is asked by unicast too, unless `ssdp` is
    /// unicast already.
    pub default_gateway: Option<Ipv4Addr>,
    /// How long to wait for answers. The descriptions and, with several routers, their states take
    /// up to 10 s more.
    pub wait: Duration,
}

/// Find the router to use. Takes at most [`Search::wait`] + 10 s.
///
/// # Errors
/// [`Error::NotFound`] when no router answered, [`Error::Socket`] when the search could not go out,
/// or what was wrong with the description of the first that answered when none was usable.
pub async fn discover(
    search: &Search,
    observer: &Arc<dyn Observer>,
) -> Result<DiscoveredRouter, Error> {
    let mut listener = Listener::open(search)
        .await
        .map_err(|error| Error::Socket {
            from: search.from,
            why: error.to_string(),
        })?;
    let mut first_error = None;
    // The first round ends as soon as the preferred router has answered; the second, needed only
    // when that came to nothing, listens to the end.
    for patience in [Patience::UntilPreferred, Patience::ToTheEnd] {
        let (found, error) = describe_all(search, listener.collect(patience).await, observer).await;
        if let Some(best) = prefer(found, observer).await {
            tracing::debug!(
                router = %best.identity.name,
                address = %best.identity.address,
                service = %best.identity.service,
                "found a router"
            );
            return Ok(best);
        }
        first_error = first_error.or(error);
    }
    Err(first_error.unwrap_or(Error::NotFound { from: search.from }))
}

/// How long a round of listening goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    UntilPreferred,
    ToTheEnd,
}

/// An answer that passed the checks: who, and where its description is (on the same address).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    address: Ipv4Addr,
    location: Url,
}

struct Listener {
    socket: UdpSocket,
    /// Whom to ask.
    destinations: Vec<SocketAddrV4>,
    /// Whose answer is enough.
    preferred: Option<Ipv4Addr>,
    deadline: Instant,
    /// When to ask again, until that is done.
    again: Option<Instant>,
    /// Every answer so far, also those of earlier rounds.
    seen: Vec<Answer>,
    datagrams: usize,
}

impl Listener {
    async fn open(search: &Search) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // UPnP Device Architecture, section 1.3.2: a time to live of 2.
        socket.set_multicast_ttl_v4(2)?;
        if search.ssdp.ip().is_multicast() {
            socket.set_multicast_if_v4(&search.from)?;
        }
        socket.bind(&SocketAddr::from((search.from, 0)).into())?;
        let multicast = search.ssdp.ip().is_multicast();
        let gateway = search.default_gateway.filter(|_| multicast);
        let destinations: Vec<SocketAddrV4> = std::iter::once(search.ssdp)
            .chain(gateway.map(|gateway| SocketAddrV4::new(gateway, SSDP_PORT)))
            .collect();
        let now = Instant::now();
        let listener = Self {
            socket: UdpSocket::from_std(socket.into())?,
            preferred: if multicast {
                gateway
            } else {
                Some(*search.ssdp.ip())
            },
            destinations,
            deadline: now + search.wait,
            again: Some(now + AGAIN_AFTER),
            seen: Vec::new(),
            datagrams: 0,
        };
        listener.ask().await?;
        Ok(listener)
    }

    /// Send every search to every destination; an error only when nothing at all could be sent.
    async fn ask(&self) -> io::Result<()> {
        let mut sent = false;
        let mut last = None;
        for destination in &self.destinations {
            for target in TARGETS {
                let text = m_search(*destination, target);
                match self.socket.send_to(text.as_bytes(), *destination).await {
                    Ok(_) => sent = true,
                    Err(error) => last = Some(error),
                }
            }
        }
        match last {
            Some(error) if !sent => Err(error),
            _ => Ok(()),
        }
    }

    /// Listen for a round, and give the answers that are new in it, the preferred router's first.
    async fn collect(&mut self, patience: Patience) -> Vec<Answer> {
        let old = self.seen.len();
        let mut until = self.deadline;
        let mut buffer = [0; 2048];
        while self.datagrams < MAX_DATAGRAMS {
            let wake = self.again.map_or(until, |again| again.min(until));
            match timeout_at(wake, self.socket.recv_from(&mut buffer)).await {
                Err(_) if wake >= until => break,
                Err(_) => {
                    self.again = None;
                    // The first time went out; that the second cannot is no reason to stop
                    // listening.
                    let _ = self.ask().await;
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "listening for routers");
                    break;
                }
                Ok(Ok((length, from))) => {
                    self.datagrams += 1;
                    let Some(answer) = answer(&buffer[..length], from) else {
                        continue;
                    };
                    let preferred = self.preferred == Some(answer.address);
                    self.note(answer);
                    if preferred && patience == Patience::UntilPreferred {
                        until = until.min(Instant::now() + SETTLE);
                    }
                }
            }
        }
        let mut new = self.seen[old..].to_vec();
        new.sort_by_key(|answer| self.preferred != Some(answer.address));
        new
    }

    fn note(&mut self, answer: Answer) {
        let from_it = |seen: &&Answer| seen.address == answer.address;
        let preferred = self.preferred == Some(answer.address);
        // The preferred router is listened to even when others have filled the list.
        let room = preferred || self.seen.len() < MAX_ANSWERS;
        if room
            && !self.seen.contains(&answer)
            && self.seen.iter().filter(from_it).count() < MAX_ANSWERS_EACH
        {
            self.seen.push(answer);
        }
    }
}

fn m_search(host: SocketAddrV4, target: &str) -> String {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {host}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: \
         {target}\r\n\r\n"
    )
}

/// Read an answer: a status of 200 and a location on the very address that it came from.
fn answer(datagram: &[u8], from: SocketAddr) -> Option<Answer> {
    let SocketAddr::V4(from) = from else {
        return None;
    };
    let text = String::from_utf8_lossy(datagram);
    let mut lines = text.lines();
    let mut status = lines.next()?.split_whitespace();
    if !status.next()?.starts_with("HTTP/1.") || status.next()? != "200" {
        return None;
    }
    let location = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("location")
            .then(|| value.trim())
    })?;
    let location = Url::parse(location).ok()?;
    (device::address(&location) == Some(*from.ip())).then(|| Answer {
        address: *from.ip(),
        location,
    })
}

/// Fetch all descriptions at once; the services they offer in order, and the first thing that went
/// wrong.
async fn describe_all(
    search: &Search,
    answers: Vec<Answer>,
    observer: &Arc<dyn Observer>,
) -> (Vec<DiscoveredRouter>, Option<Error>) {
    let described = join_all(answers.iter().map(async |answer| {
        let device = device::describe(&answer.location).await;
        let counted = device.as_ref().map(|_| ()).map_err(Error::code);
        observer.request(Action::Describe, counted);
        device
    }))
    .await;
    let mut found: Vec<DiscoveredRouter> = Vec::new();
    let mut first_error = None;
    for (answer, device) in answers.iter().zip(described) {
        match device {
            Ok(device) => {
                let route = if search.default_gateway == Some(answer.address) {
                    Route::Default
                } else {
                    Route::Other
                };
                for (service, control) in device.services {
                    let one = DiscoveredRouter {
                        identity: Identity {
                            name: device.name.clone(),
                            address: answer.address,
                            service,
                            route,
                        },
                        control,
                        from: search.from,
                    };
                    // One device often answers at several locations that describe the same.
                    if found.len() < MAX_ANSWERS && !found.contains(&one) {
                        found.push(one);
                    }
                }
            }
            Err(error) => {
                tracing::debug!(address = %answer.address, %error, "a router's description");
                first_error.get_or_insert(error);
            }
        }
    }
    (found, first_error)
}

/// The default gateway first, then one whose Internet side is up, then a newer version of the same
/// service, then the order of the answers.
async fn prefer(
    found: Vec<DiscoveredRouter>,
    observer: &Arc<dyn Observer>,
) -> Option<DiscoveredRouter> {
    if found.len() < 2 {
        return found.into_iter().next();
    }
    let connections = join_all(found.iter().map(async |one| {
        let status = Igd::new(one.clone(), Arc::clone(observer)).status().await;
        status.map_or(Connection::Unknown, |status| status.connection)
    }))
    .await;
    found
        .into_iter()
        .zip(connections)
        .min_by_key(|(one, connection)| rank(&one.identity, *connection))
        .map(|(one, _)| one)
}

/// Lower is better.
fn rank(identity: &Identity, connection: Connection) -> (u8, u8, u8) {
    let route = match identity.route {
        Route::Default => 0,
        Route::Other => 1,
    };
    let connection = match connection {
        Connection::Up => 0,
        Connection::Unknown => 1,
        Connection::Down => 2,
    };
    // WANIPConnection:2 has GetListOfPortMappings.
    let service = match identity.service {
        ServiceType::WanIp(version) => 255 - version.min(254),
        ServiceType::WanPpp(_) => 255,
    };
    (route, connection, service)
}

#[cfg(test)]
mod tests;

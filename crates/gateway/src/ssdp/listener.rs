//! The socket that searches leave from and answers come to. It stays open from one search to the
//! next: some routers take 10 s to answer.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Kind, answer};
use super::answers::Answers;
use super::search::Search;

/// What is searched for. Some routers answer only to one of these.
const TARGETS: [&str; 5] = [
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/// What is searched for where those came to nothing. Every device on the LAN answers to these.
const WIDE_TARGETS: [&str; 2] = ["upnp:rootdevice", "ssdp:all"];

/// Each search goes out twice: a lost datagram is no missing router.
const AGAIN_AFTER: Duration = Duration::from_millis(400);

/// When everybody is asked: later than an ordinary router, which spreads its answers over the
/// second that `MX` allows, has answered.
const WIDE_AFTER: Duration = Duration::from_millis(1500);

/// Once the preferred router has answered, its other answers get this long to come in.
const SETTLE: Duration = Duration::from_millis(100);

/// Datagrams read in one search, or between two.
const MAX_DATAGRAMS: usize = 512;

/// How long a round of listening goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    UntilPreferred,
    ToTheEnd,
}

/// What is still to be sent, and when.
#[derive(Clone, Copy, Debug)]
enum Next {
    Again(Instant),
    Wide(Instant),
    Nothing,
}

impl Next {
    fn at(self) -> Option<Instant> {
        match self {
            Self::Again(at) | Self::Wide(at) => Some(at),
            Self::Nothing => None,
        }
    }
}

/// A socket that searches, and what was answered.
pub(super) struct Listener {
    socket: UdpSocket,
    search: Search,
    began: Instant,
    next: Next,
    answers: Answers,
    datagrams: usize,
    /// Whether somebody has answered who makes asking everybody needless.
    satisfied: bool,
}

impl Listener {
    pub(super) fn open(search: &Search) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // UPnP Device Architecture, section 1.3.2: a time to live of 2.
        socket.set_multicast_ttl_v4(2)?;
        if search.ssdp.ip().is_multicast() {
            socket.set_multicast_if_v4(&search.from)?;
        }
        socket.bind(&SocketAddr::from((search.from, 0)).into())?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            search: search.clone(),
            began: Instant::now(),
            next: Next::Nothing,
            answers: Answers::new(search.preferred()),
            datagrams: 0,
            satisfied: false,
        })
    }

    /// Begin a search. Answers to the one before that come now count for this one.
    ///
    /// # Errors
    /// When nothing at all could be sent.
    pub(super) async fn begin(&mut self) -> io::Result<()> {
        self.began = Instant::now();
        self.next = Next::Again(self.began + AGAIN_AFTER);
        self.answers.clear();
        self.datagrams = 0;
        self.satisfied = false;
        self.ask(&TARGETS).await
    }

    /// Send every search to every destination; an error only when nothing at all could be sent.
    async fn ask(&self, targets: &[&str]) -> io::Result<()> {
        let mut sent = false;
        let mut last = None;
        for destination in self.search.destinations() {
            for target in targets {
                let text = m_search(destination, target);
                match self.socket.send_to(text.as_bytes(), destination).await {
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

    /// Send what is due. The first searches went out; that the others cannot is no reason to stop
    /// listening.
    async fn ask_next(&mut self) {
        match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Again(_) => {
                let _ = self.ask(&TARGETS).await;
                self.next = Next::Wide(self.began + WIDE_AFTER);
            }
            Next::Wide(_) if !self.satisfied => {
                let _ = self.ask(&WIDE_TARGETS).await;
            }
            Next::Wide(_) | Next::Nothing => {}
        }
    }

    /// Listen for a round, and give the answers that are new in it, the likeliest first.
    ///
    /// # Errors
    /// When the socket has failed; it has to be opened anew.
    pub(super) async fn collect(&mut self, patience: Patience) -> io::Result<Vec<Answer>> {
        let mut until = self.began + self.search.wait;
        if patience == Patience::ToTheEnd {
            // Whoever was enough was none. Late answers to this are heard between two searches.
            self.satisfied = false;
            if let Next::Wide(_) = self.next {
                self.ask_next().await;
            }
        }
        while self.datagrams < MAX_DATAGRAMS {
            let wake = self.next.at().map_or(until, |next| next.min(until));
            match timeout_at(wake, self.receive()).await {
                Err(_) if wake >= until => break,
                Err(_) => self.ask_next().await,
                Ok(received) => {
                    let Some(answer) = received? else {
                        continue;
                    };
                    let enough = match self.search.preferred() {
                        Some(preferred) => {
                            preferred == answer.address && answer.kind != Kind::Other
                        }
                        None => answer.kind == Kind::Gateway,
                    };
                    self.answers.note(answer);
                    self.satisfied |= enough;
                    let known = self.search.preferred().is_some();
                    if enough && known && patience == Patience::UntilPreferred {
                        until = until.min(Instant::now() + SETTLE);
                    }
                }
            }
        }
        Ok(self.answers.take())
    }

    /// Wait for an answer that comes after its search has ended and tells something new.
    ///
    /// # Errors
    /// When the socket has failed; it has to be opened anew.
    pub(super) async fn late(&mut self) -> io::Result<Vec<Answer>> {
        loop {
            if self.datagrams >= MAX_DATAGRAMS {
                // Somebody floods; the next search reads on.
                std::future::pending::<()>().await;
            }
            if let Some(answer) = self.receive().await?
                && self.answers.note(answer)
            {
                return Ok(self.answers.take());
            }
        }
    }

    /// Later answers than those of the search just ended get a limit of their own.
    pub(super) fn listen_on(&mut self) {
        self.datagrams = 0;
    }

    async fn receive(&mut self) -> io::Result<Option<Answer>> {
        let mut buffer = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut buffer).await?;
        self.datagrams += 1;
        let datagram = &buffer[..length];
        let told = answer(datagram, from, self.search.default_gateway);
        Ok(told.or_else(|| answer(datagram, from, self.search.asked_alone())))
    }
}

fn m_search(host: SocketAddrV4, target: &str) -> String {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {host}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: \
         {target}\r\n\r\n"
    )
}

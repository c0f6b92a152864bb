//! Routers that announce themselves (UPnP Device Architecture, section 1.2): after a reboot, and
//! every now and then. While none is known that is the soonest way to hear of one.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use super::answer::{Answer, announcement};
use super::search::Search;

/// Announcements that are followed within a minute: so many of the default gateway, and as many of
/// all others together.
const MAX_A_MINUTE: usize = 6;

/// A device announces itself with a burst of datagrams, one for each of its services: they count
/// as one.
const BURST: Duration = Duration::from_secs(5);

/// Datagrams that are read within a second; a LAN full of devices has some hundred in a minute.
const MAX_A_SECOND: usize = 200;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A socket that hears what devices announce.
pub(super) struct Announcements {
    socket: UdpSocket,
    default_gateway: Option<Ipv4Addr>,
    budget: Budget,
    /// Since when datagrams are counted, and how many there were.
    second: (Instant, usize),
}

impl Announcements {
    /// Join the group, together with every other program of this machine that does.
    ///
    /// # Errors
    /// When the kernel refuses: the port is taken by a program that does not share it.
    pub(super) fn open(search: &Search) -> io::Result<Self> {
        let group = search.ssdp;
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_address(true)?;
        // Bound to the group, so that nobody's own datagrams are taken away.
        socket.bind(&group.into())?;
        socket.join_multicast_v4(group.ip(), &search.from)?;
        socket.set_multicast_all_v4(false)?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            default_gateway: search.default_gateway,
            budget: Budget::new(search.default_gateway),
            second: (Instant::now(), 0),
        })
    }

    /// Wait for an announcement that is to be followed.
    ///
    /// # Errors
    /// When the socket has failed.
    pub(super) async fn next(&mut self) -> io::Result<Answer> {
        let mut buffer = [0; 2048];
        loop {
            let (since, count) = self.second;
            if since.elapsed() >= SECOND {
                self.second = (Instant::now(), 0);
            } else if count >= MAX_A_SECOND {
                sleep_until(since + SECOND).await;
                continue;
            }
            let (length, from) = self.socket.recv_from(&mut buffer).await?;
            self.second.1 += 1;
            if let Some(answer) = announcement(&buffer[..length], from, self.default_gateway)
                && self.budget.allows(&answer, Instant::now())
            {
                return Ok(answer);
            }
        }
    }
}

/// Which announcements are followed. Pure: the time is given.
struct Budget {
    default_gateway: Option<Ipv4Addr>,
    followed: VecDeque<(Instant, Answer)>,
}

impl Budget {
    fn new(default_gateway: Option<Ipv4Addr>) -> Self {
        Self {
            default_gateway,
            followed: VecDeque::new(),
        }
    }

    fn allows(&mut self, answer: &Answer, now: Instant) -> bool {
        self.followed
            .retain(|(at, _)| now.saturating_duration_since(*at) < MINUTE);
        // What others say of the default gateway takes nothing from what it says itself.
        let own = |answer: &Answer| self.default_gateway == Some(answer.responder);
        let of_its_kind = self
            .followed
            .iter()
            .filter(|(_, old)| own(old) == own(answer));
        let burst = self.followed.iter().any(|(at, old)| {
            old.location == answer.location && now.saturating_duration_since(*at) < BURST
        });
        if burst || of_its_kind.count() >= MAX_A_MINUTE {
            return false;
        }
        self.followed.push_back((now, answer.clone()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Kind;
    use super::*;

    const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

    fn from(responder: Ipv4Addr, port: u16) -> Answer {
        Answer {
            responder,
            address: responder,
            location: format!("http://{responder}:{port}/").parse().unwrap(),
            kind: Kind::Gateway,
        }
    }

    #[test]
    fn a_burst_counts_once_and_whoever_announces_without_end_is_followed_a_few_times_a_minute() {
        let mut budget = Budget::new(Some(GATEWAY));
        let start = Instant::now();
        let noisy = Ipv4Addr::new(192, 168, 77, 9);
        assert!(budget.allows(&from(noisy, 1), start));
        assert!(!budget.allows(&from(noisy, 1), start));
        assert!(budget.allows(&from(noisy, 1), start + BURST));
        let allowed = (0..1000).filter(|n| budget.allows(&from(noisy, 10 + n), start + BURST));
        assert_eq!(allowed.count(), MAX_A_MINUTE - 2);
        assert!(budget.followed.len() <= 2 * MAX_A_MINUTE);
        // The default gateway is heard all the same, and the others again in the next minute.
        assert!(budget.allows(&from(GATEWAY, 1), start + BURST));
        assert!(budget.allows(&from(noisy, 1), start + BURST + MINUTE));
    }
}

//! The loopback addresses of one demo, so that several at a time stay out of each other's way.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use anyhow::{Context as _, bail};

/// The Internet side of the simulated router.
pub(super) const WAN: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// More demos at a time than a machine can bear.
const MAX_DEMOS: u8 = 16;

/// The third byte of every address on the simulated LAN, and the claim to it.
pub(super) struct LoopbackNet {
    number: u8,
    // An abstract socket: it needs no file, and is free again however this program ends.
    _claim: UnixListener,
}

impl LoopbackNet {
    /// The first one that no other demo uses.
    ///
    /// # Errors
    /// When all are taken.
    pub(super) fn claim() -> anyhow::Result<Self> {
        for number in 0..MAX_DEMOS {
            let name = SocketAddr::from_abstract_name(format!("porthole-demo-{number}"))?;
            match UnixListener::bind_addr(&name) {
                Ok(claim) => {
                    return Ok(Self {
                        number,
                        _claim: claim,
                    });
                }
                Err(why) if why.kind() == ErrorKind::AddrInUse => {}
                Err(why) => return Err(why).context("claiming addresses of loopback"),
            }
        }
        bail!("{MAX_DEMOS} demos are running on this machine already; end one of them first")
    }

    /// The router's address on the LAN.
    pub(super) fn router(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, self.number, 2)
    }

    /// The address of camera `number`, counted from 1.
    pub(super) fn camera(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, self.number, 10 + number)
    }

    /// Where the cameras of this demo, and no others, talk to each other.
    pub(super) fn group(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(239, 255, 81, self.number), 8079)
    }
}

/// That nobody listens at `address` yet.
///
/// # Errors
/// When somebody does, in words that name the port and the way out.
pub(super) fn check_free(address: SocketAddrV4) -> anyhow::Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(why) if why.kind() == ErrorKind::AddrInUse => bail!(
            "port {} of {} is in use by another program; choose another one, for example --port {}",
            address.port(),
            address.ip(),
            // No browser opens 10080.
            if address.port() < 9080 { 9080 } else { 18_080 },
        ),
        Err(why) => Err(why).with_context(|| format!("listening on {address}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_demos_use_different_addresses() {
        let (first, second) = (LoopbackNet::claim().unwrap(), LoopbackNet::claim().unwrap());
        assert_ne!(first.router(), second.router());
        assert_ne!(first.camera(1), second.camera(1));
        assert_ne!(first.group(), second.group());
    }

    #[test]
    fn a_port_in_use_is_named_with_the_option_that_helps() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let why = check_free(address).unwrap_err().to_string();
        assert!(
            why.contains(&format!("port {port} of 127.0.0.1 is in use")),
            "{why}"
        );
        assert!(why.contains("--port"), "{why}");
        drop(other);
        check_free(address).unwrap();
    }
}

//! The line to the Internet, its address, and what a reboot leaves.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::fault::Fault;

/// What `GetExternalIPAddress` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum External {
    /// The address that the router was told to have.
    AsTold,
    /// The text `(null)`.
    Null,
    /// An empty text.
    Empty,
    /// The address that means none, 0.0.0.0.
    Zero,
    /// A private address: there is another router before it.
    Private,
    /// An address that a provider shares among its customers (100.64.0.0/10, RFC 6598).
    Shared,
    /// It is refused with 501.
    Refused,
}

/// Whether the provider gives another address now and then, of which nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalChange {
    /// The address stays the same.
    Never,
    /// The next address each time that so much of the uptime has passed.
    Every(Duration),
}

/// The line to the Internet after the first start; adds are refused with 501 while it is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLine {
    /// It is up at once.
    Up,
    /// It is down for so long.
    DownFor(Duration),
}

/// What becomes of the mappings in a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableAfterReboot {
    /// They are lost.
    Lost,
    /// They are there again, without an end: the rules were kept, but not the leases.
    Permanent,
}

impl External {
    /// The text of `NewExternalIPAddress` where the router was told to have `told`.
    ///
    /// # Errors
    /// 501 where this router refuses to say.
    #[cfg_attr(
        not(feature = "server"),
        allow(dead_code, reason = "only the server is asked")
    )]
    pub(crate) fn says(self, told: Ipv4Addr) -> Result<String, Fault> {
        Ok(match self {
            Self::AsTold => told.to_string(),
            Self::Null => "(null)".to_owned(),
            Self::Empty => String::new(),
            Self::Zero => Ipv4Addr::UNSPECIFIED.to_string(),
            Self::Private => Ipv4Addr::new(192, 168, 178, 20).to_string(),
            Self::Shared => Ipv4Addr::new(100, 64, 13, 7).to_string(),
            Self::Refused => return Err(Fault::ActionFailed),
        })
    }
}

impl ExternalChange {
    /// The address after this uptime, where the first was `first`.
    #[cfg_attr(
        not(feature = "server"),
        allow(dead_code, reason = "only the server is asked")
    )]
    pub(crate) fn address(self, first: Ipv4Addr, uptime: Duration) -> Ipv4Addr {
        let Self::Every(period) = self else {
            return first;
        };
        let changes = uptime
            .as_nanos()
            .checked_div(period.as_nanos())
            .unwrap_or(0);
        // Wrapping is as good as any other address.
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        Ipv4Addr::from_bits(first.to_bits().wrapping_add(changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Ipv4Addr = Ipv4Addr::new(60, 120, 76, 64);

    #[test]
    fn the_address_changes_once_a_period() {
        let change = ExternalChange::Every(Duration::from_mins(1));
        for (seconds, last) in [(0, 64), (59, 64), (60, 65), (121, 66)] {
            let address = change.address(TOLD, Duration::from_secs(seconds));
            assert_eq!(address, Ipv4Addr::new(60, 120, 76, last));
        }
        let never = ExternalChange::Never.address(TOLD, Duration::MAX);
        assert_eq!(never, TOLD);
        let no_period = ExternalChange::Every(Duration::ZERO);
        assert_eq!(no_period.address(TOLD, Duration::MAX), TOLD);
    }

    #[test]
    fn what_is_said_of_the_address_is_the_routers_own_idea() {
        for (external, text) in [
            (External::AsTold, Ok("60.120.76.64")),
            (External::Null, Ok("(null)")),
            (External::Empty, Ok("")),
            (External::Zero, Ok("0.0.0.0")),
            (External::Refused, Err(Fault::ActionFailed)),
        ] {
            assert_eq!(external.says(TOLD), text.map(str::to_owned));
        }
        let address =
            |external: External| -> Ipv4Addr { external.says(TOLD).unwrap().parse().unwrap() };
        assert!(address(External::Private).is_private());
        let [first, second, ..] = address(External::Shared).octets();
        assert!(first == 100 && (64..128).contains(&second));
    }
}

//! Ports on both sides of the router: newtypes, so that an inner one is never written where an
//! outer one belongs.

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

/// A port on the router's Internet side, 1 to 65535 (UPnP `NewExternalPort`; 0, the wildcard, is
/// never used).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalPort(pub NonZeroU16);

/// A port on a server's own LAN address, 1 to 65535 (UPnP `NewInternalPort`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InternalPort(pub NonZeroU16);

macro_rules! port {
    ($name:ident) => {
        impl $name {
            /// The port with this number, or nothing for 0.
            #[must_use]
            pub const fn new(port: u16) -> Option<Self> {
                match NonZeroU16::new(port) {
                    Some(port) => Some(Self(port)),
                    None => None,
                }
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> u16 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
port!(ExternalPort);
port!(InternalPort);

/// External ports for those who are not representative: `first..=last`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: ExternalPort,
    last: ExternalPort,
}

impl PortRange {
    /// The range with both ends included, or nothing when `last` comes before `first`.
    #[must_use]
    pub fn new(first: ExternalPort, last: ExternalPort) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The lowest port.
    #[must_use]
    pub const fn first(self) -> ExternalPort {
        self.first
    }

    /// The highest port.
    #[must_use]
    pub const fn last(self) -> ExternalPort {
        self.last
    }

    /// Whether `port` is one of them.
    #[must_use]
    pub fn contains(self, port: ExternalPort) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Every port, lowest first.
    pub fn ports(self) -> impl DoubleEndedIterator<Item = ExternalPort> {
        (self.first.get()..=self.last.get()).filter_map(ExternalPort::new)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

//! How long a mapping lasts.

use std::fmt;
use std::num::NonZeroU32;

/// For how long a mapping is asked for or granted (UPnP `NewLeaseDuration`, where 0 is permanent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lease {
    /// Until somebody deletes it, or the router forgets it.
    Permanent,
    /// For so many seconds, unless renewed.
    Seconds(NonZeroU32),
}

impl Lease {
    /// The lease of this many seconds; 0 is permanent.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        match NonZeroU32::new(seconds) {
            Some(seconds) => Self::Seconds(seconds),
            None => Self::Permanent,
        }
    }

    /// Seconds as they go over the wire; 0 is permanent.
    #[must_use]
    pub const fn as_seconds(self) -> u32 {
        match self {
            Self::Permanent => 0,
            Self::Seconds(seconds) => seconds.get(),
        }
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permanent => f.write_str("permanent"),
            Self::Seconds(seconds) => write!(f, "{seconds} s"),
        }
    }
}

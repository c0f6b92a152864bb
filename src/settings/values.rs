//! The small types that settings are made of: closed choices, a port range, a secret.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::ids::ExternalPort;

/// A setting that is one of a few words.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every word with what it stands for.
    const WORDS: &'static [(&'static str, Self)];

    /// The word a user writes for this choice.
    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, choice)| *choice == self)
            .map_or("?", |(word, _)| *word)
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$case_doc])* $case),+ }

        impl Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$case)),+];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

choice!(
    /// How internal ports relate to external ones (Fig. 8 of the patent).
    PortMode {
        /// Fig. 8B: the internal port never changes, whatever the external one is.
        Separate = "separate",
        /// Fig. 8A: internal = external; the server listens anew when its external port changes.
        Common = "common",
    }
);

choice!(
    /// The words of `http.tls`.
    TlsMode {
        /// No TLS.
        Off = "off",
        /// A certificate that this program makes.
        SelfSigned = "self-signed",
        /// A certificate in files.
        Files = "files",
    }
);

choice!(
    /// How a missing representative is noticed; several work together.
    Detection {
        /// It said so itself (claims 9 and 12).
        Withdrawal = "withdrawal",
        /// Its Inquiries stopped coming (claims 11 and 14).
        Heartbeat = "heartbeat",
        /// It left probes unanswered (claim 15).
        Probe = "probe",
    }
);

choice!(
    /// Who takes the place of a missing representative.
    Succession {
        /// The next external port in order (claims 11 and 14).
        PortOrder = "port-order",
        /// Whoever's random wait ends first (claims 9 and 10).
        Random = "random",
        /// Whoever's own value gives the shortest wait (claims 12 and 13).
        ServerValue = "server-value",
    }
);

choice!(
    /// How messages travel between the servers.
    Transport {
        /// To the group address.
        Multicast = "multicast",
        /// To the LAN's broadcast address, on the group's port.
        Broadcast = "broadcast",
        /// To every known peer, one by one.
        Unicast = "unicast",
    }
);

choice!(
    /// What moves the camera.
    DriveSource {
        /// The device's own pan and tilt if it has any; simulated on the test pattern.
        Auto = "auto",
        /// Nothing moves.
        None = "none",
        /// The picture is shifted in software.
        Simulated = "simulated",
        /// The V4L2 controls of the device.
        V4l = "v4l",
    }
);

/// How many heartbeats missed in a row mean that the representative is gone (¶76: two, or three to be surer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedLimit {
    /// The default.
    Two,
    /// Slower, and surer on a lossy LAN.
    Three,
}

impl MissedLimit {
    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// Pixels of a picture's side.
pub const SIDE: RangeInclusive<u32> = 16..=8192;
/// Frames per second.
pub const FPS: RangeInclusive<u32> = 1..=240;
/// JPEG quality.
pub const QUALITY: RangeInclusive<u8> = 1..=100;

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraSource {
    /// The first V4L2 capture device, or the test pattern when there is none.
    Auto,
    /// The moving test pattern.
    Test,
    /// This V4L2 device.
    V4l(PathBuf),
}

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

/// A password or key: never shown by `Debug`, so that it never reaches a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps what must not be shown.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself; the name is meant to catch the eye in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

//! The small types that settings are made of: closed choices, a secret.

use std::fmt;

use porthole_types::choice;

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
    /// The values of `http.tls`.
    TlsMode {
        /// No TLS: pages and pictures are sent unencrypted.
        Off = "off",
        /// A certificate that this program makes.
        SelfSigned = "self-signed",
        /// A certificate in files.
        Files = "files",
    }
);

choice!(
    /// How messages get from one server to the others.
    Transport {
        /// To the group address.
        Multicast = "multicast",
        /// To the LAN's broadcast address, on the group's port.
        Broadcast = "broadcast",
        /// To every known peer, one by one.
        Unicast = "unicast",
    }
);

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

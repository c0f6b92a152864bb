//! The devices whose mappings are there from the start ([`Residents::Odd`]).
//!
//! [`Residents::Odd`]: crate::Residents::Odd

use std::net::Ipv4Addr;

/// A device that is no camera, and its mapping of one TCP port.
pub(super) struct Resident {
    pub(super) client: Ipv4Addr,
    /// Outside and inside alike; not 0.
    pub(super) port: u16,
    pub(super) description: String,
}

/// A program that describes itself at length, and a console that says nothing.
pub(super) fn odd() -> [Resident; 2] {
    [
        Resident {
            client: Ipv4Addr::new(192, 168, 1, 66),
            port: 51_413,
            description: "Transmission at 51413 ".chars().cycle().take(300).collect(),
        },
        Resident {
            client: Ipv4Addr::new(192, 168, 1, 67),
            port: 3_074,
            description: String::new(),
        },
    ]
}

//! [`Sender`]: numbers and seals what this server sends.

use std::sync::Arc;

use super::{Body, Keyring, Message};
use porthole_election::Destination;
use porthole_types::{BootId, InstanceId};

/// One per run of the program: a second one would use the same numbers again, and be taken for a
/// replay.
pub struct Sender {
    from: InstanceId,
    boot: BootId,
    keys: Arc<Keyring>,
    counter: u64,
}

impl Sender {
    /// Of this server (`from`) in this run (`boot`), sealing with `keys`.
    pub fn new(from: InstanceId, boot: BootId, keys: Arc<Keyring>) -> Self {
        Self {
            from,
            boot,
            keys,
            counter: 0,
        }
    }

    /// The datagram of a message, with the next number.
    ///
    /// # Errors
    /// The kernel has no randomness to give.
    pub fn datagram(&mut self, to: Destination, body: Body) -> Result<Vec<u8>, getrandom::Error> {
        self.counter += 1;
        let message = Message {
            from: self.from,
            boot: self.boot,
            counter: self.counter,
            to: match to {
                Destination::Everybody => None,
                Destination::One(address) => Some(address),
            },
            body,
        };
        self.keys.seal(&message.to_json())
    }
}

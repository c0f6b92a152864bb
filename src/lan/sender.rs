//! This server's voice: each message with the next number, sealed.

use std::sync::Arc;

use super::{Body, Keyring, Message};
use porthole_election::Destination;
use porthole_types::{BootId, InstanceId};

/// One per run of the program: a second one would say the same numbers again, and not be heard.
pub struct Sender {
    from: InstanceId,
    boot: BootId,
    keys: Arc<Keyring>,
    counter: u64,
}

impl Sender {
    /// That of this run of this server.
    pub fn new(from: InstanceId, boot: BootId, keys: Arc<Keyring>) -> Self {
        Self {
            from,
            boot,
            keys,
            counter: 0,
        }
    }

    /// The datagram that says this.
    pub fn say(&mut self, to: Destination, body: Body) -> Vec<u8> {
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

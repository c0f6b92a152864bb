//! [`InboundFilter`]: what has to hold before a datagram is a message.
//!
//! With a key, in this order: length, frame and version, seal, JSON, not one's own, not sent
//! to another server, of a run that has shown that it is there now, not heard before, within its
//! sender's rate limit. Nothing is parsed before it is known who wrote it, and neither what forgers
//! send nor a recording uses up anything of a camera's limit. Without a key the rate limit is all
//! that protects, and comes first.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use super::limit::Limiter;
use super::replay::ReplayFilter;
use super::{Body, Handshake, Keyring, MAX_DATAGRAM, Message, Rejection};
use porthole_types::InstanceId;

/// The filter of one server, for as long as its process runs: what it remembers of senders must
/// outlive a socket.
pub struct InboundFilter {
    own_id: InstanceId,
    own_address: Option<Ipv4Addr>,
    keys: Arc<Keyring>,
    limit: Limiter,
    challenges: Limiter,
    replay: ReplayFilter,
}

impl InboundFilter {
    /// Of the server with this identity and these keys, which has no address yet.
    pub fn new(own_id: InstanceId, keys: Arc<Keyring>, now: Instant) -> Self {
        Self {
            own_id,
            own_address: None,
            keys,
            limit: Limiter::new(now),
            challenges: Limiter::of_challenges(now),
            replay: ReplayFilter::default(),
        }
    }

    /// Sets this server's address on the LAN: what was sent to another one alone is not for it.
    pub fn set_address(&mut self, own_address: Ipv4Addr) {
        self.own_address = Some(own_address);
    }

    /// The message in a datagram that came from this address.
    ///
    /// # Errors
    /// Why it is dropped.
    pub fn admit(
        &mut self,
        datagram: &[u8],
        from: Ipv4Addr,
        now: Instant,
    ) -> Result<Message, Rejection> {
        if datagram.len() > MAX_DATAGRAM {
            return Err(Rejection::TooLong);
        }
        // Without a key anybody can make a message that is new: a window would protect nobody, and
        // one forged datagram with the highest number would silence its victim for good. There only
        // the limit protects.
        let message = if self.keys.has_key() {
            let message = self.read(datagram)?;
            self.check_run(&message, from, now)?;
            self.limit.take(from, now)?;
            self.challenges.know(from, now);
            message
        } else {
            self.limit.take(from, now)?;
            self.read(datagram)?
        };
        self.limit.know(from, now);
        Ok(message)
    }

    /// Whether the message is of a run that is there now, and new.
    fn check_run(
        &mut self,
        message: &Message,
        from: Ipv4Addr,
        now: Instant,
    ) -> Result<(), Rejection> {
        let asks = match &message.body {
            Body::Handshake(handshake) => {
                if let Some(proof) = handshake.proof
                    && self.replay.prove(message, proof, now)
                {
                    return Ok(());
                }
                handshake.answer()
            }
            _ => None,
        };
        if self.replay.is_proven(message.from, message.boot) {
            let Message { boot, counter, .. } = *message;
            return self.replay.admit(message.from, boot, counter, now);
        }
        self.challenges.take(from, now)?;
        Err(Rejection::Unproven(Handshake {
            challenge: self.replay.challenge(message.from, now),
            // Whoever answers tells nothing, and shows only that it is there: no harm in a
            // recording that asks.
            ..asks.unwrap_or_default()
        }))
    }

    fn read(&self, datagram: &[u8]) -> Result<Message, Rejection> {
        let message = Message::from_json(&self.keys.open(datagram)?)?;
        if message.from == self.own_id {
            return Err(Rejection::OwnMessage);
        }
        // Sent to another server alone, and brought here by somebody: it may be long out of date.
        if message.to.is_some() && message.to != self.own_address {
            return Err(Rejection::Replay);
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests;

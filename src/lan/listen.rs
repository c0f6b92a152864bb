//! [`listen`]: a stream of the messages that are received.

use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::stream::{self, Stream};

use super::{Handshake, InboundFilter, Message, Rejection, Sockets};

/// How often both sockets are read before other tasks on this thread have their turn.
const BATCH: usize = 32;

/// A message that the inbound filter has admitted.
pub struct ReceivedMessage {
    /// The message, decoded and checked.
    pub message: Message,
    /// The address and port that it was sent from.
    pub from: SocketAddrV4,
}

/// What came in a datagram.
pub enum Received {
    /// A message that is believed.
    Message(ReceivedMessage),
    /// A message that is not, since its sender has not shown that it is there now.
    Unproven {
        /// What to send there.
        reply: Handshake,
        /// Where it came from.
        from: SocketAddrV4,
    },
}

/// Reads until a socket fails, a batch at a time. What the filter rejects goes to `on_rejected`,
/// and no further.
pub fn listen(
    sockets: Arc<Sockets>,
    inbound_filter: Arc<Mutex<InboundFilter>>,
    on_rejected: impl Fn(Rejection, SocketAddrV4),
) -> impl Stream<Item = io::Result<Vec<Received>>> {
    stream::try_unfold(
        (sockets, inbound_filter, on_rejected),
        async |(sockets, inbound_filter, on_rejected)| {
            sockets.readable().await?;
            let mut received = Vec::new();
            for _ in 0..BATCH {
                let read = sockets.read(|datagram, from| {
                    // Nobody holds the lock across an await; a panic leaves the filter whole, since
                    // each of its steps does.
                    let mut inbound_filter = inbound_filter
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    match inbound_filter.admit(datagram, *from.ip(), Instant::now()) {
                        Ok(message) => {
                            received.push(Received::Message(ReceivedMessage { message, from }));
                        }
                        Err(why) => {
                            on_rejected(why, from);
                            if let Rejection::Unproven(reply) = why
                                && reply != Handshake::default()
                            {
                                received.push(Received::Unproven { reply, from });
                            }
                        }
                    }
                })?;
                if read == 0 {
                    break;
                }
            }
            // A flood must not keep the other tasks of this thread from running.
            tokio::task::yield_now().await;
            Ok(Some((received, (sockets, inbound_filter, on_rejected))))
        },
    )
}

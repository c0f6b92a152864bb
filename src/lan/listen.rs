//! Reading the sockets.

use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::stream::{self, Stream};

use super::{InboundFilter, Message, Rejection, Sockets};

/// How often both sockets are read before others on this thread have their turn.
const BATCH: usize = 32;

/// A message that came through the gate, and from where.
pub struct Admitted {
    /// What was said.
    pub message: Message,
    /// Where it was sent from.
    pub from: SocketAddrV4,
}

/// Reads until a socket fails, a batch at a time. What the gate refuses goes to `refused`, and no
/// further.
pub fn listen(
    sockets: Arc<Sockets>,
    inbound_filter: Arc<Mutex<InboundFilter>>,
    refused: impl Fn(Rejection, SocketAddrV4),
) -> impl Stream<Item = io::Result<Vec<Admitted>>> {
    stream::try_unfold(
        (sockets, inbound_filter, refused),
        async |(sockets, inbound_filter, refused)| {
            sockets.readable().await?;
            let mut admitted = Vec::new();
            for _ in 0..BATCH {
                let read = sockets.read(|datagram, from| {
                    // Nobody holds it while it waits; what a panic left of it is whole, each step
                    // is.
                    let mut inbound_filter = inbound_filter
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    match inbound_filter.admit(datagram, *from.ip(), Instant::now()) {
                        Ok(message) => admitted.push(Admitted { message, from }),
                        Err(why) => refused(why, from),
                    }
                })?;
                if read == 0 {
                    break;
                }
            }
            // A flood must not keep the others on this thread from their turn.
            tokio::task::yield_now().await;
            Ok(Some((admitted, (sockets, inbound_filter, refused))))
        },
    )
}

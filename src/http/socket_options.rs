//! What the kernel is told about every connection: when to give it up, and how little to buffer.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// A connection on which nothing moves for so long is closed.
pub const STALLED_AFTER: Duration = Duration::from_secs(10);

/// What the kernel may hold back per connection before the stream waits: little, or a slow viewer
/// sees the past.
const UNSENT_BYTES: u32 = 128 * 1024;

/// Has the kernel close a connection on which nothing moves for `stalled_after`, and find out by
/// itself that the peer is gone. actix does not ask a body for more while its socket is full, so
/// nothing above the kernel would notice. A refused option is no reason to refuse the client.
pub fn set_socket_options(connection: &TcpStream, stalled_after: Duration) {
    let socket = SockRef::from(connection);
    let keepalive = TcpKeepalive::new()
        .with_time(stalled_after)
        .with_interval(stalled_after / 3)
        .with_retries(3);
    let set = socket
        .set_tcp_user_timeout(Some(stalled_after))
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
        .and_then(|()| socket.set_tcp_notsent_lowat(UNSENT_BYTES))
        .and_then(|()| socket.set_tcp_nodelay(true));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection runs without its time-outs");
    }
}

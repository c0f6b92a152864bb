//! From a TCP connection to one on which HTTP is spoken: its place among the others, its time-outs,
//! and TLS where the server speaks it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use actix_web::web::Data;

use super::App;
use super::connections::Connections;
use super::host::OwnNames;
use super::open_connection::OpenConnection;
use super::places::NoPlace;
use super::socket_options::{STALLED_AFTER, set_socket_options};

/// A connection in the clear, or one through TLS, that has its place among the others.
pub struct Connection {
    io: Either<TcpStream, TlsStream<TcpStream>>,
    open: OpenConnection,
}

/// How long a client may take from connecting to the end of the TLS handshake. It holds one of the
/// server's connections meanwhile.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The first byte of every TLS connection: a record of the type "handshake" (RFC 8446 §5.1).
const TLS_RECORD: u8 = 0x16;

/// How much of a request in the clear is read to find out where it wants to go.
const LONGEST_HEAD: u64 = 8 * 1024;

/// What a client is told that is not let in, as far as it listens.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
    Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n\
    This camera has as many connections as it may; try again in a few seconds.\n";

/// Gives a new TCP connection its place among the others.
///
/// # Errors
/// There is none for it, or it is gone already.
pub fn admit(
    tcp: &TcpStream,
    peer: Option<SocketAddr>,
    connections: &Arc<Connections>,
    app: &Data<App>,
) -> io::Result<OpenConnection> {
    let peer = peer.ok_or(io::ErrorKind::NotConnected)?;
    let place = connections.admit(peer.ip(), app);
    place.map(OpenConnection::new).map_err(|why| {
        // Nobody waits for it to be sent: a kernel has room for so little, or it is not said.
        if app.shared.tls.is_none() {
            let _ = tcp.try_write(NO_PLACE);
        }
        io::Error::other(match why {
            NoPlace::OfAddress => "its address has as many as one may",
            NoPlace::OfAll => "there are as many as may be",
        })
    })
}

/// Makes a new TCP connection ready for HTTP. With `tls` the handshake has to end within
/// [`HANDSHAKE`]; a client that speaks plain HTTP instead is sent a redirect, and its connection
/// closed.
///
/// # Errors
/// The connection broke, took too long, or does not speak TLS.
pub async fn accept_tls(
    mut tcp: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    names: OwnNames,
    open: OpenConnection,
) -> io::Result<Connection> {
    set_socket_options(&tcp, STALLED_AFTER);
    let Some(tls) = tls else {
        let io = Either::Left(tcp);
        return Ok(Connection { io, open });
    };
    let handshake = timeout(HANDSHAKE, async {
        let mut first = [0];
        if tcp.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first == [TLS_RECORD] {
            return TlsAcceptor::from(tls).accept(tcp).await;
        }
        let head = head(&mut tcp).await?;
        tcp.write_all(redirect_to_https(&head, &names).as_bytes())
            .await?;
        tcp.shutdown().await?;
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "plain HTTP where TLS is spoken",
        ))
    });
    let stream = tokio::select! {
        done = handshake => done??,
        () = open.end().cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let io = Either::Right(stream);
    Ok(Connection { io, open })
}

impl Connection {
    /// What the rest of the server knows of it.
    pub fn open(&self) -> &OpenConnection {
        &self.open
    }

    fn io(self: Pin<&mut Self>) -> Pin<&mut Either<TcpStream, TlsStream<TcpStream>>> {
        Pin::new(&mut self.get_mut().io)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io().poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// The head of a request, as far as it is read.
async fn head(tcp: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    let mut limited = tcp.take(LONGEST_HEAD);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = limited.read(&mut piece).await?;
        if read == 0 {
            break;
        }
        head.extend_from_slice(&piece[..read]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The answer to plain HTTP where TLS is spoken: a link from before TLS was turned on leads to the
/// same page. Only `GET` and `HEAD` are redirected, and only to a name of this camera: a form would
/// have sent its password in the clear already, and nobody is to be redirected to another site.
fn redirect_to_https(head: &str, names: &OwnNames) -> String {
    let mut lines = head.split("\r\n");
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (request.next(), request.next().unwrap_or_default());
    let mut hosts = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) if names.check_authority(host).is_ok() => Some(host),
        _ => None,
    };
    let reads = matches!(method, Some("GET" | "HEAD"));
    let printable = target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic());
    let status = match host.filter(|_| reads && printable) {
        Some(host) => format!("307 Temporary Redirect\r\nLocation: https://{host}{target}"),
        None => "400 Bad Request".to_owned(),
    };
    let body = "This camera speaks TLS: use https instead of http.\n";
    let length = body.len();
    let body = if method == Some("HEAD") { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {length}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
}

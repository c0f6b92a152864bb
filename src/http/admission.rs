//! From a TCP connection to one on which HTTP is spoken: its time-outs, and TLS where the server
//! speaks it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::host::OwnNames;
use super::socket_options::{STALLED_AFTER, set_socket_options};

/// A connection in the clear, or one through TLS.
pub type Connection = Either<TcpStream, TlsStream<TcpStream>>;

/// How long a client may take from connecting to the end of the TLS handshake. It holds one of the
/// server's connections meanwhile.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The first byte of every TLS connection: a record of the type "handshake" (RFC 8446 §5.1).
const TLS_RECORD: u8 = 0x16;

/// How much of a request in the clear is read to find out where it wants to go.
const LONGEST_HEAD: u64 = 8 * 1024;

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
) -> io::Result<Connection> {
    set_socket_options(&tcp, STALLED_AFTER);
    let Some(tls) = tls else {
        return Ok(Either::Left(tcp));
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
    let connection = handshake.await??;
    Ok(Either::Right(connection))
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

//! An attacker: connections from as many addresses as it likes, and raw bytes on them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::support::lab::{Camera, PATIENCE};

/// Where the camera is attacked.
pub(crate) fn target(camera: &Camera) -> SocketAddrV4 {
    SocketAddrV4::new(camera.address(), 8080)
}

/// The addresses of this attacker, without end: each test process has its own.
pub(crate) fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    let process = std::process::id().to_be_bytes();
    // Below 127.128.0.0, where the cameras and their routers are.
    let first = Ipv4Addr::new(127, 16 | process[2] & 15, process[3], 1).to_bits();
    (first..).map(Ipv4Addr::from_bits)
}

/// A connection to `to` from this address.
pub(crate) fn connect(from: Ipv4Addr, to: SocketAddrV4) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(from, 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends these bytes from this address; what comes back until the server closes the connection.
pub(crate) fn send(from: Ipv4Addr, to: SocketAddrV4, bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = connect(from, to)?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A request that guesses the admin's password, as bytes.
pub(crate) fn guess(to: SocketAddrV4, password: &str) -> String {
    let body = format!(r#"{{"user":"admin","password":"{password}"}}"#);
    format!(
        "POST /login HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len(),
    )
}

/// The status code of an answer; 0 where there is none.
pub(crate) fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

//! A relay that lends each connection an address of its own. The server slows guesses down by the
//! address that they come from, and Schemathesis tries a wrong login at every turn: from one
//! address it would soon hear nothing but 429.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::thread;

use socket2::{Domain, Socket, Type};

/// Listens at `at` for visitors of `server`; ends with the test.
pub(crate) fn relay(at: Ipv4Addr, server: SocketAddrV4) -> SocketAddr {
    let listener = TcpListener::bind((at, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let strangers = Ipv4Addr::new(127, 250, 0, 1).to_bits()..;
        let visitors = listener.incoming().map_while(Result::ok);
        for (stranger, visitor) in strangers.zip(visitors) {
            thread::spawn(move || {
                // A visitor whose connection fails has to come again.
                let _ = pass_on(&visitor, Ipv4Addr::from_bits(stranger), server);
            });
        }
    });
    address
}

fn pass_on(visitor: &TcpStream, from: Ipv4Addr, server: SocketAddrV4) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(from, 0).into())?;
    socket.connect(&server.into())?;
    let server = TcpStream::from(socket);
    let (mut asked, mut asks) = (server.try_clone()?, visitor.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut asks, &mut asked);
        let _ = asked.shutdown(Shutdown::Write);
    });
    let (mut answers, mut answered) = (server, visitor.try_clone()?);
    io::copy(&mut answers, &mut answered)?;
    visitor.shutdown(Shutdown::Both)
}

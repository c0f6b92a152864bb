//! Reading a router's table of 3, 32 and 250 entries: what parsing and merging it costs, and the
//! whole reading over HTTP on loopback from a responder with canned replies, by list (one request)
//! and by index (one an entry).

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use porthole_gateway::table::IndexWalk;
use porthole_gateway::{
    Action, DiscoveredRouter, Gateway as _, Identity, Igd, MappingEntry, Route, ServiceType, Table,
    soap,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const SIZES: [usize; 3] = [3, 32, 250];

/// Whether the router has `GetListOfPortMappings`.
#[derive(Clone, Copy)]
enum Offers {
    List,
    IndexOnly,
}

fn envelope(action: Action, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope \
         xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:{action}Response \
         xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:2\">{inside}</u:{action}Response>\
         </s:Body></s:Envelope>"
    )
}

fn fault(code: u16) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
         <faultcode>s:Client\
         </faultcode><faultstring>UPnPError</faultstring><detail><UPnPError><errorCode>{code}\
         </errorCode>\
         <errorDescription>x</errorDescription></UPnPError></detail></s:Fault></s:Body>\
         </s:Envelope>"
    )
}

/// A list as miniupnpd writes it.
fn list(entries: usize) -> String {
    let mut text = "<p:PortMappingList xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
        .to_owned();
    for n in 0..entries {
        let _ = write!(
            text,
            "<p:PortMappingEntry><p:NewRemoteHost></p:NewRemoteHost><p:NewExternalPort>{}\
             </p:NewExternalPort>\
             <p:NewProtocol>TCP</p:NewProtocol><p:NewInternalPort>8080</p:NewInternalPort>\
             <p:NewInternalClient>192.168.77.11</p:NewInternalClient><p:NewEnabled>1</p:NewEnabled>\
             <p:NewDescription>Porthole server {n}</p:NewDescription>\
             <p:NewLeaseTime>3599</p:NewLeaseTime>\
             </p:PortMappingEntry>",
            8080 + n
        );
    }
    text.push_str("</p:PortMappingList>");
    let listing = format!("<NewPortListing><![CDATA[{text}]]></NewPortListing>");
    envelope(Action::GetListOfPortMappings, &listing)
}

fn entry(index: usize) -> String {
    let inside = format!(
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>{}</NewExternalPort>\
         <NewProtocol>TCP</NewProtocol>\
         <NewInternalPort>8080</NewInternalPort>\
         <NewInternalClient>192.168.77.11</NewInternalClient>\
         <NewEnabled>1</NewEnabled><NewPortMappingDescription>Porthole server {index}\
         </NewPortMappingDescription>\
         <NewLeaseDuration>3599</NewLeaseDuration>",
        8080 + index
    );
    envelope(Action::GetGenericPortMappingEntry, &inside)
}

fn read_list(reply: &str) -> Table {
    let response = soap::reply(Action::GetListOfPortMappings, reply).expect("a list");
    soap::listing(&response).expect("a list").into()
}

fn read_by_index(replies: &[String]) -> Table {
    let mut walk = IndexWalk::default();
    while let Some(index) = walk.next_index() {
        let Some(reply) = replies.get(index as usize) else {
            walk.refused(713).expect("the end");
            continue;
        };
        let fields = soap::reply(Action::GetGenericPortMappingEntry, reply).expect("an entry");
        walk.entry(MappingEntry::read(&fields).expect("an entry"));
    }
    walk.table()
}

fn parsing(c: &mut Criterion) {
    let mut group = c.benchmark_group("table parse");
    for size in SIZES {
        let reply = list(size);
        assert_eq!(read_list(&reply).entries.len(), size);
        group.bench_with_input(BenchmarkId::new("list", size), &reply, |b, reply| {
            b.iter(|| read_list(black_box(reply)));
        });
        let replies: Vec<String> = (0..size).map(entry).collect();
        assert_eq!(read_by_index(&replies).entries.len(), size);
        group.bench_with_input(BenchmarkId::new("index", size), &replies, |b, replies| {
            b.iter(|| read_by_index(black_box(replies)));
        });
    }
    group.finish();
}

/// Serve a table of so many entries on loopback, for as long as the runtime lives.
fn serve(runtime: &Runtime, size: usize, offers: Offers) -> SocketAddr {
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .expect("a port on loopback");
    let address = listener.local_addr().expect("it is bound");
    runtime.spawn(async move {
        let listing = Arc::new(list(size));
        while let Ok((stream, _)) = listener.accept().await {
            let listing = Arc::clone(&listing);
            tokio::spawn(async move { answer(stream, size, offers, &listing).await });
        }
    });
    address
}

async fn answer(mut stream: TcpStream, size: usize, offers: Offers, listing: &str) {
    let mut bytes = Vec::new();
    // The end of the envelope is the end of the request.
    while !bytes.ends_with(b"</s:Envelope>\r\n") {
        match stream.read_buf(&mut bytes).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&bytes);
    let index = request
        .split_once("<NewPortMappingIndex>")
        .and_then(|(_, rest)| rest.split_once('<')?.0.parse().ok());
    let body = match (index, offers) {
        (None, Offers::List) => listing.to_owned(),
        (None, Offers::IndexOnly) => fault(401),
        (Some(index), _) if index < size => entry(index),
        (Some(_), _) => fault(713),
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

fn over_http(c: &mut Criterion) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut group = c.benchmark_group("table over loopback");
    group.sample_size(10);
    for size in SIZES {
        for (name, offers) in [("list", Offers::List), ("index", Offers::IndexOnly)] {
            let address = serve(&runtime, size, offers);
            let found = DiscoveredRouter {
                identity: Identity {
                    name: "canned".to_owned(),
                    address: Ipv4Addr::LOCALHOST,
                    service: ServiceType::WanIp(2),
                    route: Route::Other,
                },
                control: format!("http://{address}/ctl").parse().expect("a URL"),
                from: Ipv4Addr::LOCALHOST,
            };
            let igd = Igd::new(found, Arc::new(()));
            let read = || runtime.block_on(igd.table()).expect("the table");
            assert_eq!(read().entries.len(), size);
            group.bench_function(BenchmarkId::new(name, size), |b| b.iter(read));
        }
    }
    group.finish();
}

criterion_group!(benches, parsing, over_http);
criterion_main!(benches);

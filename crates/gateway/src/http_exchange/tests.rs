//! The exchange, against servers that send and receive bytes as some routers do. Time is tokio's,
//! and stands still while anything can be done.

use tokio::net::TcpListener;

use super::*;
use crate::fake_http::{FakeHttpServer, Reply as Sent};

const LIMIT: usize = 1000;

async fn post(url: &str) -> Result<Reply, Failure> {
    let request = Request::post("/")
        .header("soapaction", "\"urn:x#DoIt\"")
        .header("content-type", "text/xml");
    let body = Bytes::from_static(b"\r\nsoapaction: of the body\r\n");
    let from = Some(Ipv4Addr::new(127, 0, 0, 31));
    let limits = Limits {
        time: ANSWER_TIME,
        bytes: LIMIT,
    };
    exchange(from, &url.parse().unwrap(), request, body, limits).await
}

async fn server(answer: impl Fn() -> Sent + Send + Sync + 'static) -> (FakeHttpServer, String) {
    let server = FakeHttpServer::serve(Ipv4Addr::LOCALHOST, move |_| answer()).await;
    let url = format!("http://{}/ctl?a=b", server.address);
    (server, url)
}

fn raw(text: &str) -> Sent {
    Sent::Raw(text.as_bytes().to_vec())
}

#[tokio::test(start_paused = true)]
async fn the_action_goes_out_in_the_spelling_that_all_routers_know() {
    let (server, url) = server(|| raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).await;
    assert_eq!(post(&url).await.unwrap().body, "ok");
    let sent = server.last();
    let mut lines: Vec<&str> = sent.head.lines().collect();
    lines.sort_unstable();
    let host = format!("Host: {}", server.address);
    assert_eq!(
        lines,
        [
            "Connection: close",
            "Content-Length: 27",
            "Content-Type: text/xml",
            host.as_str(),
            "POST /ctl?a=b HTTP/1.1",
            "SOAPAction: \"urn:x#DoIt\"",
        ]
    );
    assert_eq!(sent.body, "\r\nsoapaction: of the body\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_read_however_its_end_is_marked() {
    for reply in [
        "HTTP/1.1 200 OK\r\n\r\nall of it",
        "HTTP/1.0 200 OK\r\n\r\nall of it",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r\n5\r\nof it\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it",
        "HTTP/1.1 200 OK\r\nContent-Length : 9\r\nnonsense\r\n\r\nall of it",
    ] {
        let (_server, url) = server(move || raw(reply)).await;
        assert_eq!(post(&url).await.unwrap().body, "all of it", "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_its_status_and_its_page() {
    let (_server, url) = server(|| Sent::Http(501, b"<html/>".to_vec())).await;
    let reply = post(&url).await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), &reply.body[..]),
        (501, &b"<html/>"[..])
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_the_limit_is_not_read() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
    ] {
        let (_server, url) = server(move || raw(&(head.to_owned() + &"x".repeat(1001)))).await;
        assert!(matches!(post(&url).await, Err(Failure::TooLong)), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_cannot_be_read_and_who_hangs_up_cannot_be_reached() {
    let (_server, url) = server(|| raw("220 ftp.example ready\r\n")).await;
    assert!(matches!(post(&url).await, Err(Failure::Unreadable(_))));
    let (_server, url) = server(|| raw("")).await;
    assert!(matches!(post(&url).await, Err(Failure::Unreachable(_))));
    let (_server, url) = server(|| raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall")).await;
    assert!(matches!(post(&url).await, Err(Failure::Unreadable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_takes_six_seconds_is_waited_for_and_one_that_never_answers_is_not() {
    let ok = || Box::new(raw("HTTP/1.1 200 OK\r\n\r\nok"));
    let (_server, url) = server(move || Sent::After(Duration::from_secs(6), ok())).await;
    assert_eq!(post(&url).await.unwrap().body, "ok");
    let (_server, url) = server(|| Sent::Silence).await;
    assert!(matches!(post(&url).await, Err(Failure::TimedOut)));
    // Nor one whose answer never ends, however much of it comes.
    let dripping = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", dripping.local_addr().unwrap());
    let drip = async {
        use tokio::io::AsyncWriteExt as _;

        let (mut stream, _) = dripping.accept().await.unwrap();
        while stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .is_ok()
        {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let reply = tokio::select! {
        reply = post(&url) => reply,
        () = drip => panic!("the connection has ended"),
    };
    assert!(matches!(reply, Err(Failure::TimedOut)), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn an_address_where_nobody_is_is_given_up_sooner_than_an_answer() {
    // A listener whose backlog is full answers nothing to whoever wants to connect.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.32:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(1), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    let began = tokio::time::Instant::now();
    let failure = post(&format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    assert_eq!(began.elapsed().as_secs(), CONNECT_TIME.as_secs()); // tokio's time, not the wall's
}

#[test]
fn the_spelling_does_not_depend_on_how_the_bytes_are_cut() {
    let request = "POST /soapaction: HTTP/1.1\r\nserver: a\r\nsoapaction: soapaction:\r\n\
                   content-length: 11\r\n\r\nsoapaction:\r\nsoapaction:";
    let mut place = Place::Line(None);
    let mut respelt = String::new();
    for byte in request.bytes() {
        let (byte, next) = place.step(byte);
        respelt.push(char::from(byte));
        place = next;
    }
    assert!(
        respelt.contains("\r\nSOAPAction: soapaction:\r\n"),
        "{respelt}"
    );
    assert!(
        respelt.ends_with("\r\n\r\nsoapaction:\r\nsoapaction:"),
        "{respelt}"
    );
    assert!(respelt.eq_ignore_ascii_case(request));
}

//! An HTTP responder whose replies a test chooses, for replies that no simulated router would send.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The SOAP action, or the path of a GET.
    pub(super) action: String,
    /// The request line and the headers, as they were spelt.
    pub(super) head: String,
    pub(super) body: String,
}

/// What to send back.
pub(super) enum Reply {
    /// This status and this body.
    Http(u16, Vec<u8>),
    /// These bytes and the end of the connection.
    Raw(Vec<u8>),
    /// The same, after this time.
    After(Duration, Box<Self>),
    /// Nothing at all: the connection stays open and silent.
    Silence,
}

impl Reply {
    /// A SOAP reply with these arguments.
    pub(super) fn soap(action: &str, inside: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\"?><s:Envelope \
             xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
             <u:{action}Response xmlns:u=\"urn:x\">{inside}</u:{action}Response></s:Body>\
             </s:Envelope>"
        );
        Self::Http(200, body.into_bytes())
    }

    /// A SOAP fault with this code and nothing else.
    pub(super) fn fault(code: u16) -> Self {
        let body = format!(
            "<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>{code}</errorCode>\
             </UPnPError></detail>\
             </s:Fault></s:Body></s:Envelope>"
        );
        Self::Http(500, body.into_bytes())
    }
}

/// A responder on loopback; it ends when dropped.
pub(super) struct FakeHttpServer {
    pub(super) address: SocketAddrV4,
    log: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for FakeHttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeHttpServer {
    pub(super) async fn serve(
        ip: Ipv4Addr,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            panic!("bound to IPv4");
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let logged = Arc::clone(&log);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&logged));
                tokio::spawn(async move {
                    let _ = exchange(stream, &*answer, &log).await;
                });
            }
        });
        Self { address, log, task }
    }

    /// The actions asked for so far.
    pub(super) fn actions(&self) -> Vec<String> {
        self.log
            .lock()
            .unwrap()
            .iter()
            .map(|request| request.action.clone())
            .collect()
    }

    /// The last request.
    pub(super) fn last(&self) -> Request {
        self.log.lock().unwrap().last().unwrap().clone()
    }
}

async fn exchange(
    mut stream: TcpStream,
    answer: &(impl Fn(&Request) -> Reply + Sync),
    log: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let request = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(request) = parse(&bytes) {
            break request;
        }
    };
    log.lock().unwrap().push(request.clone());
    let mut reply = answer(&request);
    while let Reply::After(wait, then) = reply {
        tokio::time::sleep(wait).await;
        reply = *then;
    }
    match reply {
        Reply::After(..) => Ok(()),
        Reply::Raw(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Reply::Silence => std::future::pending().await,
        Reply::Http(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
            stream.shutdown().await
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
    if body.len() < length {
        return None;
    }
    let action = match header("soapaction") {
        Some(action) => action.trim_matches('"').split_once('#')?.1.to_owned(),
        None => head.split_whitespace().nth(1)?.to_owned(),
    };
    Some(Request {
        action,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

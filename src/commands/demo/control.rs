//! What the demo can be told, and the button on the page: a web server of the demo's own, on
//! loopback, behind a path that only the demo's pages know.

use std::net::Ipv4Addr;

use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::sync::mpsc;

/// What the demo is told to do, by key, by button or by timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DemoCommand {
    PullThePlug,
    PlugIn,
    Quit,
}

/// Starts it; the answer is the URL that pulls the plug when something is posted to it.
///
/// # Errors
/// When loopback has no free port, or the kernel no randomness.
pub(super) fn start(commands: mpsc::Sender<DemoCommand>) -> anyhow::Result<String> {
    // Any page that a browser has open could post to loopback, so the path is a secret.
    let secret = format!("{:016x}", getrandom::u64()?);
    let path = format!("/{secret}/unplug");
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}{path}", listener.local_addr()?);
    let server = HttpServer::new(move || {
        let commands = commands.clone();
        App::new().route(
            &path,
            web::post().to(move || {
                // A full channel means that somebody is pressing already.
                let _ = commands.try_send(DemoCommand::PullThePlug);
                std::future::ready(HttpResponse::Accepted().finish())
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    actix::spawn(server);
    Ok(url)
}

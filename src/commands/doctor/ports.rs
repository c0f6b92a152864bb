//! The ports that cameras ask for: whether the router gives them to anybody.

use std::net::SocketAddrV4;

use serde::Deserialize;

use super::site::Site;
use super::table::{Reachability, probe};
use super::trial::{Tried, give_back, request};
use super::words::{sentence, tell};
use crate::commands::local_server;
use crate::settings::Settings;
use crate::shared::RouterTrait;
use porthole_gateway::verified::{self, Asked, SecureOutcome};
use porthole_gateway::{Extent, Gateway, Table};
use porthole_types::ExternalPort;

/// So many ports of the range are tried.
const TRIED: usize = 2;

/// What a running server says of the router.
#[derive(Deserialize)]
struct Told {
    router: RouterTold,
}

#[derive(Deserialize)]
struct RouterTold {
    problem: Option<String>,
    traits: Vec<TraitTold>,
}

#[derive(Deserialize)]
struct TraitTold {
    name: String,
    words: String,
    remedy: Option<String>,
}

/// Whether the representative port and the first ones of the range can be had, as far as that is to
/// be learned: a camera that runs here knows; where none does, and nobody has them, they are asked
/// for with `try_ports`.
pub(super) async fn check(
    router: &dyn Gateway,
    settings: &Settings,
    site: &Site,
    tried: &Tried,
    try_ports: bool,
) {
    if probe(site.internal).await == Reachability::Answers {
        ask_camera(settings).await;
        return;
    }
    let port = settings.router.representative_port;
    if !tried.usable {
        return;
    }
    if !try_ports {
        println!(
            "Port {port} is not tried, nor those of the range: --try-representative-port does, \
             while no camera runs."
        );
        return;
    }
    if tried.showing.is_unreadable() {
        println!("Port {port} is not tried: the router does not show whether somebody has it.");
        return;
    }
    let Some(table) = &site.table else {
        println!("Port {port} is not tried: the router's table cannot be read.");
        return;
    };
    let representative_port = try_port(router, port, site.internal, table, tried).await;
    if representative_port == Found::Kept {
        tell(&RouterTrait::reserved_representative_port(port));
    }
    let mut kept = Vec::new();
    for port in settings.router.port_range.ports().take(TRIED) {
        if try_port(router, port, site.internal, table, tried).await == Found::Kept {
            kept.push(port);
        }
    }
    if !kept.is_empty() {
        tell(&RouterTrait::reserved_ports(kept));
    }
}

/// What was found of a port.
#[derive(PartialEq, Eq)]
enum Found {
    /// Refused, with nobody there.
    Kept,
    /// It can be had, or is somebody's, or nobody can say.
    Otherwise,
}

async fn try_port(
    router: &dyn Gateway,
    port: ExternalPort,
    internal: SocketAddrV4,
    table: &Table,
    tried: &Tried,
) -> Found {
    if table.tcp(port).is_some() {
        println!("Port {port}: somebody has it; not tried.");
        return Found::Otherwise;
    }
    let mut learned = tried.learned.clone();
    let request = request(port, internal);
    let outcome = verified::secure(router, &request, Asked::First, &mut learned).await;
    let made = matches!(outcome, Ok(SecureOutcome::Ours(_)));
    let found = match outcome {
        Ok(SecureOutcome::Ours(_)) => {
            println!("Port {port}: granted.");
            Found::Otherwise
        }
        Ok(SecureOutcome::Theirs(_)) => {
            println!("Port {port}: somebody has it.");
            return Found::Otherwise;
        }
        Ok(SecureOutcome::Refused { why, shown }) => {
            println!("Port {port}: {}", sentence(&why));
            let nobody = shown == verified::Shown::Nobody && table.extent == Extent::Whole;
            if nobody {
                Found::Kept
            } else {
                Found::Otherwise
            }
        }
        Ok(SecureOutcome::NoRoom(why) | SecureOutcome::NotAsked(why)) | Err(why) => {
            println!("Port {port}: {}", sentence(&why));
            Found::Otherwise
        }
    };
    give_back(router, &request, made, &mut learned).await;
    found
}

/// What the camera that runs on this machine has learned of the router.
async fn ask_camera(settings: &Settings) {
    let url = local_server::url(settings, settings.http.port.get(), "/api/v1/status");
    let asked = tokio::task::spawn_blocking(move || {
        let mut answer = local_server::agent().get(&url).call().ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        serde_json::from_str::<Told>(&text).ok()
    });
    let Ok(Some(Told { router })) = asked.await else {
        println!(
            "A server runs here, and does not say what it has learned of the router: see the page \
             Settings of this camera."
        );
        return;
    };
    match router.problem {
        Some(problem) => println!("The camera that runs here says of the router: {problem}"),
        None => println!("The camera that runs here has no complaint about the router."),
    }
    for TraitTold {
        name,
        words,
        remedy,
    } in router.traits
    {
        let remedy = remedy.map_or(String::new(), |remedy| format!(" {remedy}"));
        println!("  {name}: {words}{remedy}");
    }
}

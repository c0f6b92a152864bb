//! `porthole doctor`: what router there is, what it lets us do, and what to do about it.
//!
//! It asks the router what a server would ask, looks whether the servers in its table are there,
//! and tries a mapping on a high port for a few seconds: leases are learned from what is granted,
//! not from what is said.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix::System;
use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::Config;
use crate::lan::interface::{self, LanAddress};
use crate::settings::{self, Settings};
use crate::tls;
use porthole_camera::v4l2::{self, Usability};
use porthole_gateway::verified::Learned;
use porthole_gateway::{
    self, Connection, Description, Finder, Gateway, Igd, Lease, MappingEntry, MappingRequest,
    Observer, Route, Search, manual_deletion, verified,
};
use porthole_types::ExternalPort;

/// The port of the trial mapping: high, and outside every range that programs ask for by habit.
const TRIAL_PORT: ExternalPort = ExternalPort(NonZeroU16::new(61_080).expect("it is not 0"));

/// The lease of the trial mapping, in seconds.
const TRIAL_LEASE: u32 = 30;

/// How long a router may take to answer after its search has ended.
const LATE: Duration = Duration::from_secs(10);

/// How long a server in the router's table may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Examines settings, devices and router, and prints what it finds. The exit code is 0 when cameras
/// can be reached from outside.
///
/// # Errors
/// Wrong settings.
pub fn run(config: &Config) -> anyhow::Result<i32> {
    let settings = config.load()?;
    println!("Settings: read without an error.");
    let tls_works = check_tls(&settings);
    list_cameras();
    let lan = match interface::find(settings.node.interface.as_deref(), settings.http.bind) {
        Ok(lan) => lan,
        Err(why) => {
            println!("LAN: no address. {why}");
            return Ok(1);
        }
    };
    println!(
        "LAN: {} on {}, prefix /{}.",
        lan.address, lan.name, lan.prefix_len
    );
    match lan.default_gateway {
        Some(gateway) => println!("Default gateway: {gateway}."),
        None => println!("Default gateway: none known."),
    }
    let exit_code = System::new().block_on(check_router(&settings, &lan));
    Ok(exit_code.max(i32::from(!tls_works)))
}

/// Whether the server will start with the settings of TLS.
fn check_tls(settings: &Settings) -> bool {
    let now = SystemTime::now();
    match &settings.http.tls {
        settings::Tls::Off => println!(
            "TLS: off. Whoever is between visitor and camera can see pictures and passwords; \
             see http.tls."
        ),
        settings::Tls::SelfSigned => match tls::load_self_signed(&settings.node.data_dir, now) {
            Some(own) => println!(
                "TLS: self-signed, good until {}, fingerprint {}.",
                own.expires(),
                own.fingerprint
            ),
            None => println!("TLS: self-signed; the certificate is made at the first start."),
        },
        settings::Tls::Files { certificate, key } => {
            match tls::check_files(certificate, key, now) {
                Ok(given) => println!(
                    "TLS: {}, good until {}, fingerprint {}.",
                    certificate.display(),
                    given.expires(),
                    given.fingerprint
                ),
                Err(why) => {
                    println!("TLS: {why}.");
                    return false;
                }
            }
        }
    }
    true
}

fn list_cameras() {
    let devices = v4l2::devices();
    if devices.is_empty() {
        println!("Cameras: no video device; \"auto\" shows the test pattern.");
    }
    for device in devices {
        let path = device.path.display();
        match device.usability {
            Usability::Camera { formats } => {
                let formats: Vec<String> = formats.iter().map(ToString::to_string).collect();
                println!("Camera: {path}, {}: {}.", device.name, formats.join(", "));
            }
            Usability::Unusable { why } => println!("Not usable: {path}, {}: {why}.", device.name),
        }
    }
}

async fn check_router(settings: &Settings, lan: &LanAddress) -> i32 {
    let observer: Arc<dyn Observer> = Arc::new(());
    let search = Search {
        from: lan.address,
        ssdp: settings.router.ssdp_address,
        default_gateway: lan.default_gateway,
        wait: Duration::from_secs(3),
    };
    println!("Router: looking for one …");
    let mut finder = Finder::new(search, Arc::clone(&observer));
    let mut searched = finder.search().await;
    if searched.is_err() {
        println!("  None has answered yet; some take their time …");
        searched = match finder.overhear(LATE).await {
            Some(late) => Ok(late),
            None => searched,
        };
    }
    let found = match searched {
        Ok(found) => found,
        Err(why) => {
            println!("Router: {}", sentence(&why));
            println!(
                "What to do: switch UPnP on in the router's own pages, or forward ports by hand."
            );
            return 1;
        }
    };
    let identity = found.identity.clone();
    println!(
        "Router: {} at {}, {}.",
        identity.name, identity.address, identity.service
    );
    if identity.route == Route::Other {
        println!(
            "  It is not this machine's default gateway: visitors may not come in through it."
        );
    }
    let router = Igd::new(found, observer);
    let has_address = check_external_address(settings, &router).await;
    check_table(&router).await;
    let maps = try_mapping(
        &router,
        SocketAddrV4::new(lan.address, settings.http.port.get()),
    )
    .await;
    i32::from(!(has_address && maps))
}

/// Whether the router can be reached from the Internet at its address.
async fn check_external_address(settings: &Settings, router: &dyn Gateway) -> bool {
    if let Some(host) = &settings.router.external_host {
        println!("Outside address: {host} (from the settings).");
    }
    match router.external_address().await {
        Ok(external) => {
            let address = external
                .address
                .map_or("none".to_owned(), |address| address.to_string());
            println!("The router's Internet address: {address}.");
            let connection = router
                .status()
                .await
                .map_or(Connection::Unknown, |status| status.connection);
            match external.warning(connection) {
                Some(warning) if settings.router.external_host.is_none() => {
                    println!("  {warning}");
                    false
                }
                _ => true,
            }
        }
        Err(why) => {
            println!("The router's Internet address: {}", sentence(&why));
            false
        }
    }
}

/// Lists the mappings that are Porthole's, and which of them lead nowhere. Those keep no other
/// camera from being reached.
async fn check_table(router: &dyn Gateway) {
    let table = match router.table().await {
        Ok(table) => table,
        Err(why) => {
            println!("Mappings on it: {}", sentence(&why));
            println!(
                "  Without the table the cameras find each other by their messages on the LAN."
            );
            return;
        }
    };
    let ours = crate::fleet::mapped_servers(&table);
    println!(
        "Mappings on it: {}, {} of them Porthole's.",
        table.entries.len(),
        ours.len()
    );
    let answers = join_all(ours.iter().map(|entry| probe(entry.lan))).await;
    for (entry, answer) in ours.into_iter().zip(answers) {
        println!(
            "  {} leads to {} ({}){}",
            entry.external,
            entry.lan,
            entry.name,
            match answer {
                Reachability::Answers => "",
                Reachability::Silent => ", which does not answer",
            }
        );
        let row = table.entries.iter().find(|row| {
            row.external == entry.external && row.client_address() == Some(*entry.lan.ip())
        });
        if answer == Reachability::Silent
            && let Some(row) = row
        {
            println!("    {}", how_it_ends(row, router.identity().address));
        }
    }
}

/// Whether a server answers where the table says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reachability {
    Answers,
    Silent,
}

async fn probe(server: SocketAddrV4) -> Reachability {
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(server)).await {
        Ok(Ok(_)) => Reachability::Answers,
        Ok(Err(_)) | Err(_) => Reachability::Silent,
    }
}

/// How the mapping of a server that is gone ends.
fn how_it_ends(entry: &MappingEntry, router: Ipv4Addr) -> String {
    match entry.lease() {
        Some(Lease::Seconds(seconds)) => {
            format!("The router forgets it in {seconds} s, unless that camera comes back.")
        }
        Some(Lease::Permanent) | None => format!(
            "If no other camera takes the port, the router does not let them: {}",
            manual_deletion::instructions(entry.external, Some(router))
        ),
    }
}

/// Maps a high port for a moment and deletes that again; whether cameras can get ports.
async fn try_mapping(router: &dyn Gateway, internal: SocketAddrV4) -> bool {
    let request = MappingRequest {
        external: TRIAL_PORT,
        internal,
        lease: Lease::from_seconds(TRIAL_LEASE),
        description: Description::for_name("doctor"),
    };
    let mut learned = Learned::default();
    let first = verified::Asked::First;
    let usable = match verified::secure(router, &request, first, &mut learned).await {
        Ok(verified::SecureOutcome::Ours(grant)) => {
            println!(
                "Trial mapping on port {TRIAL_PORT}: granted, lease {}.",
                grant.granted
            );
            match grant.granted {
                Lease::Permanent => println!(
                    "  It keeps mappings for ever: when a camera dies, another one deletes its \
                     entry if the router lets it. If not, the pages say which entry to delete by \
                     hand."
                ),
                Lease::Seconds(seconds) if seconds.get() > TRIAL_LEASE => println!(
                    "  It makes leases longer than asked: a dead camera's port is free again only \
                     after {seconds} s."
                ),
                Lease::Seconds(_) => println!("  A dead camera's port becomes free by itself."),
            }
            true
        }
        Ok(verified::SecureOutcome::Theirs(_)) => {
            println!("Trial mapping on port {TRIAL_PORT}: somebody else has it; not tried.");
            true
        }
        Ok(verified::SecureOutcome::NoRoom(why)) => {
            println!("Trial mapping on port {TRIAL_PORT}: {}", sentence(&why));
            println!("  Delete entries that nobody needs in the router's own pages.");
            false
        }
        Ok(
            verified::SecureOutcome::Refused { why, .. } | verified::SecureOutcome::NotAsked(why),
        )
        | Err(why) => {
            println!("Trial mapping on port {TRIAL_PORT}: {}", sentence(&why));
            false
        }
    };
    let trial = verified::Released {
        port: TRIAL_PORT,
        internal,
        description: &request.description,
    };
    match verified::release(router, trial, &mut learned).await {
        Ok(verified::Release::StillThere(_)) => {
            println!(
                "  It could not be deleted again. {}",
                manual_deletion::instructions(TRIAL_PORT, Some(router.identity().address))
            );
        }
        Ok(_) => {}
        Err(why) => println!("  Deleting it again failed: {}", sentence(&why)),
    }
    usable
}

/// The error's text with a full stop, unless it ends a sentence already.
fn sentence(error: &porthole_gateway::Error) -> String {
    let text = error.to_string();
    if text.ends_with(['.', '?', '!']) {
        text
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use porthole_gateway::Protocol;
    use porthole_types::InternalPort;

    #[test]
    fn a_lease_is_waited_for_and_what_has_no_end_is_deleted_by_hand() {
        let entry = |lease| MappingEntry {
            external: ExternalPort::new(8080).unwrap(),
            protocol: Protocol::Tcp,
            client: "192.168.77.11".to_owned(),
            internal: InternalPort::new(8080),
            lease_seconds: Some(lease),
            enabled: true,
            description: "Porthole yard".to_owned(),
            remote_host: String::new(),
        };
        let router = Ipv4Addr::new(192, 168, 77, 1);
        assert!(how_it_ends(&entry(17), router).contains("in 17 s"));
        let manual_deletion = how_it_ends(&entry(0), router);
        assert!(
            manual_deletion.contains("port 8080")
                && manual_deletion.contains("http://192.168.77.1/"),
            "{manual_deletion}"
        );
    }
}

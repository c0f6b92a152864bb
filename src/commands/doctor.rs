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

use super::Config;
use crate::lan::interface::{self, LanAddress};
use crate::settings::{self, Settings};
use crate::tls;
use porthole_camera::v4l2::{self, Usability};
use porthole_gateway::{
    self, Connection, Description, Entry, Gateway, Igd, Lease, LeaseFallback, MappingRequest,
    Observer, Route, Search, by_hand, verified,
};
use porthole_types::ExternalPort;

/// The port of the trial mapping: high, and outside every range that programs ask for by habit.
const TRIAL_PORT: ExternalPort = ExternalPort(NonZeroU16::new(61_080).expect("it is not 0"));

/// The lease of the trial mapping, in seconds.
const TRIAL_LEASE: u32 = 30;

/// How long a server in the router's table may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Looks, tries, and says what it found. The exit code is 0 when cameras can be reached from
/// outside.
///
/// # Errors
/// Wrong settings.
pub fn run(config: &Config) -> anyhow::Result<i32> {
    let settings = config.load()?;
    println!("Settings: read without an error.");
    let speaks = tls(&settings);
    cameras();
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
    let reached = System::new().block_on(router(&settings, &lan));
    Ok(reached.max(i32::from(!speaks)))
}

/// Whether the server will start with what the settings say about TLS.
fn tls(settings: &Settings) -> bool {
    let now = SystemTime::now();
    match &settings.http.tls {
        settings::Tls::Off => println!(
            "TLS: off. Whoever is between visitor and camera can see pictures and passwords; see http.tls."
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

fn cameras() {
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

async fn router(settings: &Settings, lan: &LanAddress) -> i32 {
    let observer: Arc<dyn Observer> = Arc::new(());
    let search = Search {
        from: lan.address,
        ssdp: settings.router.ssdp_address,
        default_gateway: lan.default_gateway,
        wait: Duration::from_secs(3),
    };
    println!("Router: looking for one …");
    let found = match porthole_gateway::discover(&search, &observer).await {
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
    let address = external_address(settings, &router).await;
    table(&router).await;
    let trial = trial(
        &router,
        SocketAddrV4::new(lan.address, settings.http.port.get()),
    )
    .await;
    i32::from(!(address && trial))
}

/// Whether visitors can come in at the router's address.
async fn external_address(settings: &Settings, router: &dyn Gateway) -> bool {
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

/// Whose mappings there are, and which of them lead nowhere. What is wrong there keeps nobody from
/// being reached.
async fn table(router: &dyn Gateway) {
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
    let ours = crate::fleet::mapped(&table);
    println!(
        "Mappings on it: {}, {} of them Porthole's.",
        table.entries.len(),
        ours.len()
    );
    let answers = join_all(ours.iter().map(|entry| answers(entry.lan))).await;
    for (entry, answers) in ours.into_iter().zip(answers) {
        println!(
            "  {} leads to {} ({}){}",
            entry.external,
            entry.lan,
            entry.name,
            match answers {
                Presence::Answers => "",
                Presence::Silent => ", which does not answer",
            }
        );
        let row = table.entries.iter().find(|row| {
            row.external == entry.external && row.client_address() == Some(*entry.lan.ip())
        });
        if answers == Presence::Silent
            && let Some(row) = row
        {
            println!("    {}", way_out(row, router.identity().address));
        }
    }
}

/// Whether a server is where the table says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Answers,
    Silent,
}

async fn answers(server: SocketAddrV4) -> Presence {
    match timeout(ANSWER, TcpStream::connect(server)).await {
        Ok(Ok(_)) => Presence::Answers,
        Ok(Err(_)) | Err(_) => Presence::Silent,
    }
}

/// How the mapping of a server that is gone ends.
fn way_out(entry: &Entry, router: Ipv4Addr) -> String {
    match entry.lease() {
        Some(Lease::Seconds(seconds)) => {
            format!("The router forgets it in {seconds} s, unless that camera comes back.")
        }
        Some(Lease::Permanent) | None => format!(
            "If no other camera takes the port, the router does not let them: {}",
            by_hand::delete(entry.external, Some(router))
        ),
    }
}

/// Maps a high port for a moment and takes it back.
async fn trial(router: &dyn Gateway, internal: SocketAddrV4) -> bool {
    let request = MappingRequest {
        external: TRIAL_PORT,
        internal,
        lease: Lease::from_seconds(TRIAL_LEASE),
        description: Description::for_name("doctor"),
    };
    let usable = match verified::secure(router, &request, &mut LeaseFallback::default()).await {
        Ok(verified::Outcome::Ours(grant)) => {
            println!(
                "Trial mapping on port {TRIAL_PORT}: granted, lease {}.",
                grant.granted
            );
            match grant.granted {
                Lease::Permanent => println!(
                    "  It keeps mappings for ever: when a camera dies, another one deletes its entry if the \
                     router lets it. If not, the pages say which entry to delete by hand."
                ),
                Lease::Seconds(seconds) if seconds.get() > TRIAL_LEASE => println!(
                    "  It makes leases longer than asked: a dead camera's port is free again only \
                     after {seconds} s."
                ),
                Lease::Seconds(_) => println!("  A dead camera's port becomes free by itself."),
            }
            true
        }
        Ok(verified::Outcome::Theirs(_)) => {
            println!("Trial mapping on port {TRIAL_PORT}: somebody else has it; not tried.");
            true
        }
        Ok(verified::Outcome::NoRoom(why)) => {
            println!("Trial mapping on port {TRIAL_PORT}: {}", sentence(&why));
            println!("  Delete entries that nobody needs in the router's own pages.");
            false
        }
        Err(why) => {
            println!("Trial mapping on port {TRIAL_PORT}: {}", sentence(&why));
            false
        }
    };
    match verified::release(router, TRIAL_PORT, internal).await {
        Ok(verified::Release::StillThere(_)) => {
            println!(
                "  It could not be deleted again. {}",
                by_hand::delete(TRIAL_PORT, Some(router.identity().address))
            );
        }
        Ok(_) => {}
        Err(why) => println!("  Deleting it again failed: {}", sentence(&why)),
    }
    usable
}

/// An error ends like a sentence, also one that is a question.
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
        let entry = |lease| Entry {
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
        assert!(way_out(&entry(17), router).contains("in 17 s"));
        let by_hand = way_out(&entry(0), router);
        assert!(
            by_hand.contains("port 8080") && by_hand.contains("http://192.168.77.1/"),
            "{by_hand}"
        );
    }
}

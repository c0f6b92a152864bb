//! `porthole doctor`: what router there is, what it lets us do, and what to do about it.
//!
//! It asks the router what a server would ask, and tries a mapping on a high port for a few seconds:
//! leases and rights are learned from what is granted, not from what is said.

use std::net::SocketAddrV4;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use actix::System;

use super::Config;
use crate::camera::v4l2::{self, Ability};
use crate::gateway::{
    self, Connection, Description, Gateway, Igd, Ladder, Lease, MappingRequest, Observer, Route,
    Search, verified,
};
use crate::ids::ExternalPort;
use crate::lan::interface::{self, LanAddress};
use crate::settings::Settings;

/// The port of the trial mapping: high, and outside every range that programs ask for by habit.
const TRIAL_PORT: ExternalPort = ExternalPort(NonZeroU16::new(61_080).expect("it is not 0"));

/// The lease of the trial mapping, in seconds.
const TRIAL_LEASE: u32 = 30;

/// Looks, tries, and says what it found. The exit code is 0 when cameras can be reached from outside.
///
/// # Errors
/// Wrong settings.
pub fn run(config: &Config) -> anyhow::Result<i32> {
    let settings = config.load()?;
    println!("Settings: read without an error.");
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
    Ok(System::new().block_on(router(&settings, &lan)))
}

fn cameras() {
    let devices = v4l2::devices();
    if devices.is_empty() {
        println!("Cameras: no video device; \"auto\" shows the test pattern.");
    }
    for device in devices {
        let path = device.path.display();
        match device.ability {
            Ability::Camera { formats } => {
                let formats: Vec<String> = formats.iter().map(ToString::to_string).collect();
                println!("Camera: {path}, {}: {}.", device.name, formats.join(", "));
            }
            Ability::Unusable { why } => println!("Not usable: {path}, {}: {why}.", device.name),
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
    let found = match gateway::discover(&search, &observer).await {
        Ok(found) => found,
        Err(why) => {
            println!("Router: {why}.");
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
    let table = table(&router).await;
    let trial = trial(
        &router,
        SocketAddrV4::new(lan.address, settings.http.port.get()),
    )
    .await;
    i32::from(!(address && table && trial))
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
            println!("The router's Internet address: {why}.");
            false
        }
    }
}

async fn table(router: &dyn Gateway) -> bool {
    match router.table().await {
        Ok(table) => {
            let ours = crate::fleet::mapped(&table);
            println!(
                "Mappings on it: {}, {} of them Porthole's.",
                table.entries.len(),
                ours.len()
            );
            for entry in ours {
                println!(
                    "  {} leads to {} ({})",
                    entry.external, entry.lan, entry.name
                );
            }
            true
        }
        Err(why) => {
            println!("Mappings on it: {why}.");
            println!(
                "  Without the table the cameras find each other by their messages on the LAN."
            );
            true
        }
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
    let usable = match verified::secure(router, &request, &mut Ladder::default()).await {
        Ok(verified::Outcome::Ours(grant)) => {
            println!(
                "Trial mapping on port {TRIAL_PORT}: granted, lease {}.",
                grant.granted
            );
            match grant.granted {
                Lease::Permanent => println!(
                    "  It keeps mappings for ever: when a camera dies, its port has to be freed by \
                     another camera, or by you in the router's own pages."
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
        Err(why) => {
            println!("Trial mapping on port {TRIAL_PORT}: {why}.");
            false
        }
    };
    match verified::release(router, TRIAL_PORT, internal).await {
        Ok(verified::Release::StillThere(_)) => {
            println!(
                "  It could not be deleted again; look for port {TRIAL_PORT} in the router's own pages."
            );
        }
        Ok(_) => {}
        Err(why) => println!("  Deleting it again failed: {why}."),
    }
    usable
}

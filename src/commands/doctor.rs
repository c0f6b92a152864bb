//! `porthole doctor`: what router there is, what it lets us do, and what to do about it.
//!
//! It asks the router what a server would ask, looks whether the servers in its table are there,
//! and tries mappings on high ports for a few seconds: what a router does is learned from what it
//! shows, not from what it says.

use std::time::SystemTime;

use actix::System;

use super::config::Config;
use crate::durable::StateFile;
use crate::lan::interface;
use crate::settings::{self, Settings};
use crate::tls;
use porthole_camera::v4l2::{self, Usability};

mod ports;
mod proxies;
mod renewal;
mod router;
mod site;
mod table;
mod trial;
mod words;

/// The options of `porthole doctor`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: Config,
    /// Also ask for the representative port and the first ports of the range for a moment, where
    /// nobody has them: cameras that start just then find them taken.
    #[arg(long)]
    try_representative_port: bool,
}

/// Examines settings, devices and router, and prints what it finds. The exit code is 0 when cameras
/// can be reached from outside.
///
/// # Errors
/// Wrong settings.
pub fn run(args: &Args) -> anyhow::Result<i32> {
    let settings = args.config.load()?;
    println!("Settings: read without an error.");
    let tls_works = check_tls(&settings);
    let lets_in = check_state(&settings);
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
    proxies::check(&settings, lan.address);
    let exit_code =
        System::new().block_on(router::check(&settings, &lan, args.try_representative_port));
    Ok(exit_code.max(i32::from(!(tls_works && lets_in))))
}

/// Whether people can log in: not where the state file could not be used.
fn check_state(settings: &Settings) -> bool {
    let locked = StateFile::new(&settings.node.data_dir).locked();
    if let Some(lost) = &locked {
        println!("State file: {}", lost.words());
    }
    locked.is_none()
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

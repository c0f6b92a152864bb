//! Which router there is, and whether it can be reached from outside.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::site::Site;
use super::words::{sentence, tell};
use super::{ports, table, trial};
use crate::lan::interface::LanAddress;
use crate::settings::Settings;
use crate::shared::RouterTrait;
use porthole_gateway::{
    self, Connection, ExternalAddress, Finder, Gateway, Igd, Observer, Route, Search,
};

/// How long a router may take to answer after its search has ended.
const LATE: Duration = Duration::from_secs(10);

/// Searches for the router and examines it. The exit code is 0 when cameras can be reached from
/// outside.
pub(super) async fn check(settings: &Settings, lan: &LanAddress, try_ports: bool) -> i32 {
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
            Some(late) => {
                println!(
                    "  It answers late: after it was away, cameras find it some seconds later."
                );
                Ok(late)
            }
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
    let router = Igd::new(found.clone(), Arc::clone(&observer));
    let asked_at = Instant::now();
    let status = router.status().await;
    let slow = RouterTrait::slow_answers(asked_at.elapsed());
    let connection = status.map_or(Connection::Unknown, |status| status.connection);
    let has_address = check_external_address(settings, &router, connection).await;
    if let Some(slow) = &slow {
        tell(slow);
    }
    let table = table::check(&router).await;
    let site = Site {
        internal: SocketAddrV4::new(lan.address, settings.http.port.get()),
        table,
        is_slow: slow.is_some(),
    };
    let fresh = || Igd::new(found.clone(), Arc::clone(&observer));
    let tried = trial::run(&router, &fresh, &site).await;
    ports::check(&router, settings, &site, &tried, try_ports).await;
    i32::from(!(has_address && tried.usable))
}

/// Whether the router can be reached from the Internet at its address.
async fn check_external_address(
    settings: &Settings,
    router: &dyn Gateway,
    connection: Connection,
) -> bool {
    let host_is_set = settings.router.external_host.is_some();
    if let Some(host) = &settings.router.external_host {
        println!("Outside address: {host} (from the settings).");
    }
    match router.external_address().await {
        Ok(external) => {
            let address = external
                .address
                .map_or("none".to_owned(), |address| address.to_string());
            println!("The router's Internet address: {address}.");
            match external.warning(connection) {
                Some(warning) if !host_is_set => {
                    println!("  {warning}");
                    false
                }
                _ => true,
            }
        }
        Err(why) => {
            println!("The router's Internet address: {}", sentence(&why));
            // Ports are mapped all the same.
            let refused = why.refusal().is_some();
            let unreadable = ExternalAddress::UNREADABLE.warning(Connection::Unknown);
            if let Some(warning) = unreadable.filter(|_| refused && !host_is_set) {
                println!("  {warning}");
            }
            refused && host_is_set
        }
    }
}

//! Whether requests come through proxies that the settings do not name.

use std::net::Ipv4Addr;

use crate::commands::local_server;
use crate::settings::Settings;

const SERIES: &str = "porthole_http_unknown_clients_total ";

/// Says which proxies are believed, and whether the server that runs here, if one does, has met
/// others. It is asked at its address on the LAN, since loopback may be a proxy's.
pub(super) fn check(settings: &Settings, lan: Ipv4Addr) {
    let trusted: Vec<String> = settings
        .http
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    if !trusted.is_empty() {
        println!(
            "Proxies: {} are believed for whom they ask.",
            trusted.join(", ")
        );
    }
    let host = match settings.http.bind {
        any if any.is_unspecified() => lan,
        one => one,
    };
    let url = local_server::url_at(settings, host, settings.http.port.get(), "/metrics");
    let answer = local_server::agent().get(&url).call();
    let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
    if let Some(words) = text.ok().as_deref().and_then(words) {
        println!("{words}");
    }
}

/// What is said of these metrics; none where no such request has come.
fn words(metrics: &str) -> Option<String> {
    let count = metrics.lines().find_map(|line| line.strip_prefix(SERIES))?;
    (count != "0").then(|| {
        format!(
            "Proxies: {count} requests came to the server that runs here through a proxy that does \
             not count: it is not in http.trusted_proxies, or its X-Forwarded-For cannot be read. \
             All its visitors are one address, and none of them is on the LAN. If it is yours, \
             name it there; the log of the server has its address."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_metric_is_found_and_nothing_is_said_of_none() {
        let metrics = Metrics::new([]);
        assert_eq!(words(&metrics.render().1), None);
        metrics.http_unknown_clients_total.inc_by(3);
        let told = words(&metrics.render().1).unwrap();
        assert!(told.starts_with("Proxies: 3 requests came"), "{told}");
    }
}

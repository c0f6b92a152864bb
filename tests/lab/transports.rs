//! Claims 3, 4 and 6 on a real LAN: with the router's table unread, the page from outside fills by
//! what the cameras say to each other, over each of the three transports, long before the next
//! poll.

use crate::support::lab::{Lab, LabConfig, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{NAMES, cameras, links};

/// The addresses of the testbed's cameras.
const PEERS: [&str; 3] = ["192.168.77.11", "192.168.77.12", "192.168.77.13"];

fn the_page_fills_over(transport: &str) {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 3, |setup| {
        let setup = setup
            .set("router", "read_table", false)
            .set("router", "poll_interval", "60s")
            .set("lan", "heartbeat", "1s")
            .set("lan", "transport", transport)
            .set("site", "key", "the key of this site");
        match transport {
            "unicast" => setup.set("lan", "peers", &PEERS[..]),
            _ => setup,
        }
    });
    let reports = "porthole_lan_messages_total{direction=\"received\",kind=\"report\"}";
    eventually("the others on the page from outside", PATIENCE, || {
        let page = lab.outside().get(&lab.external_url(8080))?;
        let seen = links(&page);
        let named = NAMES[1..].iter().all(|name| page.text().contains(name));
        let linked = [8081, 8082].iter().all(|port| {
            seen.iter()
                .any(|link| link.starts_with(&lab.external_url(*port)))
        });
        ensure(named && linked, format!("{seen:?}"))
    });
    assert!(fleet[0].metric(reports).unwrap() > 0.0);
    // Who has read no table knows of no entry: nothing else can have told.
    assert_eq!(fleet[0].metric("porthole_router_table_entries"), Ok(0.0));
}

#[test]
fn with_the_table_unread_the_page_fills_over_multicast() {
    the_page_fills_over("multicast");
}

#[test]
fn with_the_table_unread_the_page_fills_over_broadcast() {
    the_page_fills_over("broadcast");
}

#[test]
fn with_the_table_unread_the_page_fills_over_unicast() {
    the_page_fills_over("unicast");
}

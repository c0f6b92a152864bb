//! Whoever is on the LAN can put a name into the router's table. It gets no picture loaded and no
//! link straight to it, so the visitor's cookie does not go there unasked.

use porthole_sim_router::{Mapping, Protocol, Quirks, TableEntry};
use porthole_types::{ExternalPort, InternalPort};
use serde_json::Value;

use crate::people::{PAGE, ask, log_in, setup, start};
use crate::support::lab::{ADMIN_PASSWORD, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed};

const PORT: u16 = 8085;

/// What a page of the site loads, or links to.
fn addresses(page: &str) -> Vec<&str> {
    [" src=\"", " href=\""]
        .into_iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn a_name_in_the_routers_table_gets_no_picture_and_no_link_of_its_own() {
    let testbed = Testbed::with(Quirks::igd2());
    let first = start(setup(&testbed, 2));
    testbed.await_entry(REPRESENTATIVE_PORT, &first);
    let mapping = Mapping {
        protocol: Protocol::Tcp,
        external_port: ExternalPort::new(PORT).unwrap(),
        client: testbed.console(),
        internal_port: InternalPort::new(9000).unwrap(),
        description: "Porthole Garage".to_owned(),
    };
    let entry = TableEntry {
        mapping,
        lease_end: None,
    };
    testbed.router().add_foreign(entry).unwrap();

    let outside = format!("http://{}:{REPRESENTATIVE_PORT}", testbed.address(1));
    let inside = format!("http://{}:8080", first.address());
    for base in [outside, inside] {
        let session = log_in(&base, "admin", ADMIN_PASSWORD);
        let get = |path: &str| {
            ask(
                "GET",
                &format!("{base}{path}"),
                &[PAGE, ("cookie", &session)],
                "",
            )
        };
        let page = eventually("the stranger is in the list", PATIENCE, || {
            let page = get("/").text();
            ensure(page.contains("<bdi>Garage</bdi>"), &page).map(|()| page.clone())
        });
        let there = [format!(":{PORT}"), testbed.console().to_string()];
        let leave = format!("/leave?to={}:9000", testbed.console());
        let found = addresses(&page);
        for address in &found {
            let leads_there = there.iter().any(|part| address.contains(part));
            assert!(!leads_there || *address == leave, "{address}");
        }
        assert!(found.contains(&&*leave), "{found:?}");

        let fleet: Value = get("/api/v1/cameras").json().unwrap();
        let cameras = fleet["cameras"].as_array().unwrap();
        let stranger = cameras.iter().find(|one| one["name"] == "Garage").unwrap();
        assert_eq!(stranger["still_url"], Value::Null, "{stranger}");
        assert_eq!(stranger["page_url"], *leave, "{stranger}");

        let page = get(&leave);
        let url = stranger["url"].as_str().unwrap();
        let link = format!("<a href=\"{url}\" rel=\"noreferrer noopener\">");
        assert!(page.text().contains(&link), "{}", page.text());
        // Nobody else's address can be put there.
        assert_eq!(get("/leave?to=192.0.2.1:80").status, 404);
        assert_eq!(get("/leave?to=http://evil.example/").status, 400);
    }
}

//! What each SOAP action does (WANIPConnection:2 §2.5), between a read call and its results.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::event::Wan;
use super::router::Router;
use super::services::{Connected, Service};
use super::soap::{Call, elements};
use crate::fault::Fault;
use crate::quirks::{Enablement, EntryForm};
use crate::table::{Mapping, Protocol, Table, TableEntry};
use porthole_types::{ExternalPort, InternalPort};

/// Names and texts of an action's results.
type Results = Vec<(&'static str, String)>;

/// Carries out a call of a WAN connection service for the host at `requester`.
///
/// # Errors
/// 401 for another service or an action that this router lacks; else what the action refuses with.
pub(super) fn connection(
    router: &Router,
    service: &Service,
    requester: Ipv4Addr,
    call: &Call,
) -> Result<Results, Fault> {
    if !service.answers_to.contains(&call.service) {
        return Err(Fault::InvalidAction);
    }
    if service.connected == Connected::No {
        return without_line(call);
    }
    match call.action.as_str() {
        "AddPortMapping" => add(router, requester, call),
        "DeletePortMapping" => {
            let (protocol, port) = key(call)?;
            router.delete(requester, protocol, port).map(|()| vec![])
        }
        "GetSpecificPortMappingEntry" => {
            let (protocol, port) = key(call)?;
            router.read(|table, now| {
                let entry = table.read(now, requester, protocol, port)?;
                Ok(leads_to(table, entry, now))
            })?
        }
        "GetGenericPortMappingEntry" => {
            let index = call.parse("NewPortMappingIndex")?;
            router.read(|table, now| {
                let entry = table.read_index(now, index)?;
                let mut results = leads_from(table, entry);
                results.extend(leads_to(table, entry, now));
                Ok(results)
            })?
        }
        "GetListOfPortMappings" if router.quirks.lists_in_one_request() => list(router, call),
        "GetExternalIPAddress" => Ok(vec![("NewExternalIPAddress", router.external_address()?)]),
        "GetStatusInfo" => Ok(status(router.wan(), router.uptime().as_secs())),
        _ => Err(Fault::InvalidAction),
    }
}

/// A service that the line is not on has no address and maps nothing.
fn without_line(call: &Call) -> Result<Results, Fault> {
    match call.action.as_str() {
        "GetExternalIPAddress" => Ok(vec![("NewExternalIPAddress", String::new())]),
        "GetStatusInfo" => Ok(status(Wan::Down, 0)),
        _ => Err(Fault::ActionFailed),
    }
}

fn status(wan: Wan, uptime: u64) -> Results {
    let status = match wan {
        Wan::Up => "Connected",
        Wan::Down => "Disconnected",
    };
    vec![
        ("NewConnectionStatus", status.to_owned()),
        ("NewLastConnectionError", "ERROR_NONE".to_owned()),
        ("NewUptime", uptime.to_string()),
    ]
}

/// Whether a call changes the table.
pub(super) fn writes(call: &Call) -> bool {
    matches!(call.action.as_str(), "AddPortMapping" | "DeletePortMapping")
}

/// Carries out a call of the WAN interface service.
///
/// # Errors
/// 401 for anything but its one action.
pub(super) fn interface(router: &Router, service: &Service, call: &Call) -> Result<Results, Fault> {
    if !service.answers_to.contains(&call.service) || call.action != "GetCommonLinkProperties" {
        return Err(Fault::InvalidAction);
    }
    // The line's speed means nothing here; a gigabit is what many real ones claim.
    let speed = "1000000000";
    Ok(vec![
        ("NewWANAccessType", "Ethernet".to_owned()),
        ("NewLayer1UpstreamMaxBitRate", speed.to_owned()),
        ("NewLayer1DownstreamMaxBitRate", speed.to_owned()),
        (
            "NewPhysicalLinkStatus",
            match router.wan() {
                Wan::Up => "Up".to_owned(),
                Wan::Down => "Down".to_owned(),
            },
        ),
    ])
}

/// `NewEnabled` is not looked at: a mapping is on, as in miniupnpd.
fn add(router: &Router, requester: Ipv4Addr, call: &Call) -> Result<Results, Fault> {
    let (protocol, external_port) = key(call)?;
    let internal_port = call.parse("NewInternalPort")?;
    let mapping = Mapping {
        protocol,
        external_port,
        client: call.parse("NewInternalClient")?,
        internal_port: InternalPort::new(internal_port).ok_or(Fault::WildcardInternalPort)?,
        description: call.text("NewPortMappingDescription")?.to_owned(),
    };
    let lease = call.parse("NewLeaseDuration")?;
    router.add(requester, mapping, lease).map(|()| vec![])
}

/// Every mapping in a range of ports, whatever `NewManage` says, as in miniupnpd.
fn list(router: &Router, call: &Call) -> Result<Results, Fault> {
    let first: u16 = call.parse("NewStartPort")?;
    let last: u16 = call.parse("NewEndPort")?;
    let protocol: Protocol = call.parse("NewProtocol")?;
    let most = match call.parse("NewNumberOfPorts")? {
        0 => usize::MAX,
        most => most,
    };
    if first > last {
        return Err(Fault::InconsistentParameters);
    }
    let rows: Vec<String> = router.read(|table, now| {
        table
            .listed(now)
            .filter(|entry| entry.mapping.protocol == protocol)
            .filter(|entry| (first..=last).contains(&entry.mapping.external_port.get()))
            .take(most)
            .map(|entry| row(table, entry, now))
            .collect()
    })?;
    if rows.is_empty() {
        return Err(Fault::NothingInRange);
    }
    let listing = format!(
        "<p:PortMappingList xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">{}\
         </p:PortMappingList>",
        rows.concat()
    );
    Ok(vec![("NewPortListing", listing)])
}

/// One entry of the listing, which calls two of the fields otherwise (WANIPConnection:2 §2.3.24).
fn row(table: &Table, entry: &TableEntry, now: Instant) -> String {
    let mut fields = leads_from(table, entry);
    fields.extend(leads_to(table, entry, now));
    for (name, _) in &mut fields {
        *name = match *name {
            "NewPortMappingDescription" => "NewDescription",
            "NewLeaseDuration" => "NewLeaseTime",
            same => same,
        };
    }
    let fields = elements("p:", &fields);
    format!("<p:PortMappingEntry>{fields}</p:PortMappingEntry>")
}

/// Protocol and external port; only mappings for every outside host are known here.
fn key(call: &Call) -> Result<(Protocol, ExternalPort), Fault> {
    if !matches!(call.text("NewRemoteHost")?, "" | "*" | "0.0.0.0") {
        return Err(Fault::RemoteHostOnlyWildcard);
    }
    let port = call.parse("NewExternalPort")?;
    let port = ExternalPort::new(port).ok_or(Fault::WildcardExternalPort)?;
    Ok((call.parse("NewProtocol")?, port))
}

fn leads_from(table: &Table, entry: &TableEntry) -> Results {
    let protocol = entry.mapping.protocol.to_string();
    let (remote_host, protocol) = match table.form(entry) {
        EntryForm::Standard => (Some(("NewRemoteHost", String::new())), protocol),
        EntryForm::Sloppy => (None, protocol.to_lowercase()),
    };
    let rest = [
        ("NewExternalPort", entry.mapping.external_port.to_string()),
        ("NewProtocol", protocol),
    ];
    remote_host.into_iter().chain(rest).collect()
}

fn leads_to(table: &Table, entry: &TableEntry, now: Instant) -> Results {
    let quirks = table.quirks();
    let form = table.form(entry);
    let enabled = match (quirks.enablement, form) {
        (Enablement::On, EntryForm::Standard) => "1",
        (Enablement::On, EntryForm::Sloppy) => "true",
        (Enablement::Off, EntryForm::Standard) => "0",
        (Enablement::Off, EntryForm::Sloppy) => "false",
    };
    let client = quirks.client_text_of(entry.mapping.client);
    let description = entry.mapping.description.clone();
    let mut results = vec![
        ("NewInternalPort", entry.mapping.internal_port.to_string()),
        ("NewInternalClient", client),
        ("NewEnabled", enabled.to_owned()),
        ("NewPortMappingDescription", description),
    ];
    match form {
        EntryForm::Standard => {
            let left = table.seconds_left(entry, now).to_string();
            results.push(("NewLeaseDuration", left));
        }
        EntryForm::Sloppy => {}
    }
    results
}

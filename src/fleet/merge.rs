//! [`merge`]: one fleet from what four sources say.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::observations::{AdvertisedServer, FRESH_HEARTBEATS, Observations, ReportingServer};
use super::{
    Activity, Camera, Fleet, FleetSource, Locality, Presence, Scheme, Standing, Verification,
};
use porthole_election::LanMessaging;
use porthole_gateway::Description;
use porthole_types::{ExternalPort, InstanceId};

/// What this server knows of itself, which no other source may contradict.
#[derive(Clone, Debug)]
pub struct Myself {
    /// Its identity, the same across restarts.
    pub id: InstanceId,
    /// The name that people call it by.
    pub name: String,
    /// Its web server's address and port on the LAN.
    pub lan: SocketAddrV4,
    /// Its port on the router, if it has one.
    pub external: Option<ExternalPort>,
    /// Whether the representative port is mapped to it.
    pub standing: Standing,
    /// What its camera is doing.
    pub activity: Activity,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
}

/// All that the fleet is put together from.
#[derive(Clone, Copy, Debug)]
pub struct MergeInput<'a> {
    /// What this server knows of itself.
    pub me: &'a Myself,
    /// What the router's table, reports and mDNS say.
    pub observations: &'a Observations,
    /// The port whose holder is the representative.
    pub representative_port: ExternalPort,
    /// T, `lan.heartbeat`: how old a report may be is counted in it.
    pub heartbeat: Duration,
    /// Whether servers report themselves on the LAN. Where they do not, mDNS is believed a little
    /// more.
    pub lan: LanMessaging,
}

/// A camera that is being put together.
struct Draft {
    camera: Camera,
    /// When it was last said that its external port is its own.
    claimed_at: Option<Instant>,
}

/// By the one thing that all sources share, the camera's address on the LAN.
type Drafts = BTreeMap<SocketAddrV4, Draft>;

/// One answer from all sources. What a camera says of itself goes before what the table says of it,
/// and that before mDNS; who is mapped where is for the router to say, as of its last reading, and
/// for the camera itself since then.
pub fn merge(input: &MergeInput<'_>, now: Instant) -> Fleet {
    let mut drafts = Drafts::new();
    add_reporting(&mut drafts, input, now);
    add_mapped(&mut drafts, input, now);
    add_advertised(&mut drafts, input, now);
    settle_ports(&mut drafts, input);
    let others = drafts.into_values().map(|draft| draft.camera);
    let mut cameras: Vec<_> = others.chain([myself(input.me)]).collect();
    cameras.sort_by_key(|camera| (camera.external.is_none(), camera.external, camera.lan));
    Fleet { cameras }
}

fn myself(me: &Myself) -> Camera {
    Camera {
        locality: Locality::ThisServer,
        id: Some(me.id),
        name: me.name.clone(),
        lan: me.lan,
        external: me.external,
        standing: me.standing,
        activity: me.activity.clone(),
        scheme: me.scheme,
        verification: Verification::Verified,
        sources: [(FleetSource::Itself, Duration::ZERO)].into(),
        presence: Presence::Here,
        age: Duration::ZERO,
    }
}

/// Those that have reported themselves and are not gone. Of two at one address the one that did so
/// last is there.
fn add_reporting(drafts: &mut Drafts, input: &MergeInput<'_>, now: Instant) {
    let is_other = |server: &&ReportingServer| server.last.id != input.me.id;
    let mut servers: Vec<_> = (input.observations.reporting.values())
        .filter(is_other)
        .collect();
    servers.sort_by_key(|server| (Reverse(server.last.at), server.last.id));
    for server in servers {
        let draft = reported(server, input, now);
        if draft.camera.lan != input.me.lan {
            drafts.entry(draft.camera.lan).or_insert(draft);
        }
    }
}

fn reported(server: &ReportingServer, input: &MergeInput<'_>, now: Instant) -> Draft {
    let ReportingServer {
        last,
        answered,
        unasked,
    } = server;
    let report = &last.report;
    let age = |at| now.saturating_duration_since(at);
    let sources = [
        (FleetSource::Answer, answered),
        (FleetSource::Report, unasked),
    ]
    .into_iter()
    .filter_map(|(source, at)| Some((source, age((*at)?))));
    let (verification, presence) = if age(last.at) < input.heartbeat * FRESH_HEARTBEATS {
        (Verification::Verified, Presence::Here)
    } else {
        (Verification::Unverified, Presence::Fading)
    };
    // Not in the table, or not yet as in the one last read: what it says itself counts until the
    // next reading.
    let table = input.observations.table.as_ref();
    let newer = table.is_none_or(|(_, read_at)| last.at > *read_at);
    Draft {
        claimed_at: newer.then_some(last.at),
        camera: Camera {
            locality: Locality::OtherServer,
            id: Some(last.id),
            name: report.name.clone(),
            lan: SocketAddrV4::new(last.from, report.http_port.get()),
            external: report.external.filter(|_| newer),
            standing: Standing::Member,
            activity: report.activity.clone(),
            scheme: report.scheme,
            verification,
            sources: sources.collect(),
            presence,
            age: age(last.at),
        },
    }
}

fn add_mapped(drafts: &mut Drafts, input: &MergeInput<'_>, now: Instant) {
    let Some((table, read_at)) = &input.observations.table else {
        return;
    };
    let age = now.saturating_duration_since(*read_at);
    // For a moment a new representative holds its old port too; the representative port counts.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|entry| {
        let representative = entry.external == input.representative_port;
        (!representative, entry.external, entry.lan)
    });
    for entry in entries
        .into_iter()
        .filter(|entry| entry.lan != input.me.lan)
    {
        let draft = drafts
            .entry(entry.lan)
            .or_insert_with(|| hinted(entry.lan, entry.name.clone(), input.me.scheme, age));
        draft.camera.sources.insert(FleetSource::Table, age);
        if draft.claimed_at.is_none() {
            draft.camera.external = Some(entry.external);
            draft.claimed_at = Some(*read_at);
        }
    }
}

/// What only a table or an entry in mDNS says is there.
fn hinted(lan: SocketAddrV4, name: String, scheme: Scheme, age: Duration) -> Draft {
    Draft {
        claimed_at: None,
        camera: Camera {
            locality: Locality::OtherServer,
            id: None,
            name,
            lan,
            external: None,
            standing: Standing::Member,
            activity: Activity::Unknown,
            scheme,
            verification: Verification::Unverified,
            sources: BTreeMap::new(),
            presence: Presence::Here,
            age,
        },
    }
}

fn add_advertised(drafts: &mut Drafts, input: &MergeInput<'_>, now: Instant) {
    let reporting: BTreeMap<_, _> = drafts
        .values()
        .filter_map(|draft| Some((draft.camera.id?, draft.camera.lan)))
        .collect();
    let mut advertised: Vec<_> = input.observations.advertised.values().collect();
    // Of two at one address the one that was seen last is there.
    advertised.sort_by_key(|known| (Reverse(known.server.at), known.server.id));
    for known in advertised {
        let server = &known.server;
        let age = now.saturating_duration_since(server.at);
        if server.id == input.me.id || server.lan == input.me.lan {
            continue;
        }
        // What a server reports of itself, its address included, goes before this.
        if let Some(draft) = reporting
            .get(&server.id)
            .and_then(|lan| drafts.get_mut(lan))
        {
            draft.camera.sources.insert(FleetSource::Mdns, age);
        } else if known.counts() {
            add_hint(drafts, server, input, age);
        }
    }
}

fn add_hint(drafts: &mut Drafts, server: &AdvertisedServer, input: &MergeInput<'_>, age: Duration) {
    let nameless = || format!("camera {}", &server.id.to_string()[12..]);
    let draft = drafts.entry(server.lan).or_insert_with(|| {
        let name = server.name.clone().unwrap_or_else(nameless);
        let mut draft = hinted(server.lan, name, server.scheme, age);
        // Where servers report themselves, one that never does has no link from outside: anybody
        // can make such an entry.
        if input.lan == LanMessaging::Disabled && input.observations.table.is_none() {
            draft.camera.external = server.external;
            draft.claimed_at = server.external.map(|_| server.at);
        }
        draft
    });
    let camera = &mut draft.camera;
    if camera.id.is_some() {
        return; // another one reports from there, or was seen there later
    }
    camera.id = Some(server.id);
    camera.sources.insert(FleetSource::Mdns, age);
    camera.age = camera.age.min(age);
    camera.scheme = server.scheme;
    // The table has the same name, as far as a router can write it.
    let described = |name: &str| Description::for_name(name);
    if let Some(name) = &server.name
        && described(name) == described(&camera.name)
    {
        camera.name.clone_from(name);
    }
}

/// Each port leads to one camera: to this one where it says so, which has passed its deadline
/// check, else to whom it was last said to lead (a rotation since then). Who is known by nothing
/// else than a port it has lost is gone.
fn settle_ports(drafts: &mut Drafts, input: &MergeInput<'_>) {
    let mut taken: BTreeSet<_> = input.me.external.into_iter().collect();
    if input.me.standing == Standing::Representative {
        taken.insert(input.representative_port);
    }
    let mut claims: Vec<_> = drafts
        .iter()
        .filter_map(|(lan, draft)| Some((Reverse(draft.claimed_at), *lan, draft.camera.external?)))
        .collect();
    claims.sort_unstable();
    for (_, lan, port) in claims {
        let Some(draft) = drafts.get_mut(&lan) else {
            continue;
        };
        if taken.insert(port) {
            if port == input.representative_port {
                draft.camera.standing = Standing::Representative;
            }
            continue;
        }
        draft.camera.external = None;
        if draft.camera.sources.keys().eq([&FleetSource::Table]) {
            drafts.remove(&lan);
        }
    }
}

#[cfg(test)]
mod tests;

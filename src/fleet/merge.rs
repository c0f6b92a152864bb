//! `merge`: four sources, one answer.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::known::{Advertised, FRESH_HEARTBEATS, Known, Speaker};
use super::{Activity, Camera, Fleet, Presence, Scheme, Source, Standing, Vouched, Who};
use porthole_election::LanMessaging;
use porthole_gateway::Description;
use porthole_types::{ExternalPort, InstanceId};

/// What this server knows of itself, which no other source may contradict.
#[derive(Clone, Debug)]
pub struct Myself {
    /// Its identity.
    pub id: InstanceId,
    /// Its name.
    pub name: String,
    /// Where it answers on the LAN.
    pub lan: SocketAddrV4,
    /// Where it answers from outside.
    pub external: Option<ExternalPort>,
    /// Whether it is the representative.
    pub standing: Standing,
    /// What its camera is doing.
    pub activity: Activity,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
}

/// All that the fleet is put together from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// This server.
    pub me: &'a Myself,
    /// What the router's table, the others themselves and mDNS say.
    pub known: &'a Known,
    /// Whoever is mapped here is the representative.
    pub representative_port: ExternalPort,
    /// How often who is there is heard of.
    pub heartbeat: Duration,
    /// Whether the servers speak with each other. Where they do not, mDNS is believed a little
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
pub fn merge(sources: &Sources<'_>, now: Instant) -> Fleet {
    let mut drafts = Drafts::new();
    add_speakers(&mut drafts, sources, now);
    add_mapped(&mut drafts, sources, now);
    add_advertised(&mut drafts, sources, now);
    settle_ports(&mut drafts, sources);
    let others = drafts.into_values().map(|draft| draft.camera);
    let mut cameras: Vec<_> = others.chain([myself(sources.me)]).collect();
    cameras.sort_by_key(|camera| (camera.external.is_none(), camera.external, camera.lan));
    Fleet { cameras }
}

fn myself(me: &Myself) -> Camera {
    Camera {
        who: Who::Me,
        id: Some(me.id),
        name: me.name.clone(),
        lan: me.lan,
        external: me.external,
        standing: me.standing,
        activity: me.activity.clone(),
        scheme: me.scheme,
        vouched: Vouched::ByItself,
        sources: [(Source::Itself, Duration::ZERO)].into(),
        presence: Presence::Here,
        age: Duration::ZERO,
    }
}

/// Who has spoken, and is not gone. Of two at one address the one that spoke last is there.
fn add_speakers(drafts: &mut Drafts, sources: &Sources<'_>, now: Instant) {
    let another = |speaker: &&Speaker| speaker.last.id != sources.me.id;
    let mut speakers: Vec<_> = (sources.known.speakers.values()).filter(another).collect();
    speakers.sort_by_key(|speaker| (Reverse(speaker.last.at), speaker.last.id));
    for speaker in speakers {
        let draft = speaking(speaker, sources, now);
        if draft.camera.lan != sources.me.lan {
            drafts.entry(draft.camera.lan).or_insert(draft);
        }
    }
}

fn speaking(speaker: &Speaker, sources: &Sources<'_>, now: Instant) -> Draft {
    let Speaker {
        last,
        answered,
        unasked,
    } = speaker;
    let report = &last.report;
    let age = |at| now.saturating_duration_since(at);
    let ways = [(Source::Answer, answered), (Source::Report, unasked)];
    let spoken = ways
        .into_iter()
        .filter_map(|(way, at)| Some((way, age((*at)?))));
    let (vouched, presence) = if age(last.at) < sources.heartbeat * FRESH_HEARTBEATS {
        (Vouched::ByItself, Presence::Here)
    } else {
        (Vouched::ByHint, Presence::Fading)
    };
    // Not in the table, or not yet as in the one last read: its own word stands until the next
    // reading.
    let table = sources.known.table.as_ref();
    let newer = table.is_none_or(|(_, read_at)| last.at > *read_at);
    Draft {
        claimed_at: newer.then_some(last.at),
        camera: Camera {
            who: Who::Another,
            id: Some(last.id),
            name: report.name.clone(),
            lan: SocketAddrV4::new(last.from, report.http_port.get()),
            external: report.external.filter(|_| newer),
            standing: Standing::Member,
            activity: report.activity.clone(),
            scheme: report.scheme,
            vouched,
            sources: spoken.collect(),
            presence,
            age: age(last.at),
        },
    }
}

fn add_mapped(drafts: &mut Drafts, sources: &Sources<'_>, now: Instant) {
    let Some((table, read_at)) = &sources.known.table else {
        return;
    };
    let age = now.saturating_duration_since(*read_at);
    // For a moment a new representative holds its old port too; the office is what counts.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|entry| {
        let office = entry.external == sources.representative_port;
        (!office, entry.external, entry.lan)
    });
    for entry in entries
        .into_iter()
        .filter(|entry| entry.lan != sources.me.lan)
    {
        let draft = drafts
            .entry(entry.lan)
            .or_insert_with(|| hinted(entry.lan, entry.name.clone(), sources.me.scheme, age));
        draft.camera.sources.insert(Source::Table, age);
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
            who: Who::Another,
            id: None,
            name,
            lan,
            external: None,
            standing: Standing::Member,
            activity: Activity::Unknown,
            scheme,
            vouched: Vouched::ByHint,
            sources: BTreeMap::new(),
            presence: Presence::Here,
            age,
        },
    }
}

fn add_advertised(drafts: &mut Drafts, sources: &Sources<'_>, now: Instant) {
    let speaking: BTreeMap<_, _> = drafts
        .values()
        .filter_map(|draft| Some((draft.camera.id?, draft.camera.lan)))
        .collect();
    let mut advertised: Vec<_> = sources.known.advertised.values().collect();
    // Of two at one address the one that was seen last is there.
    advertised.sort_by_key(|known| (Reverse(known.entry.at), known.entry.id));
    for known in advertised {
        let entry = &known.entry;
        let age = now.saturating_duration_since(entry.at);
        if entry.id == sources.me.id || entry.lan == sources.me.lan {
            continue;
        }
        // Who speaks is known better than by this, and where it is as well.
        if let Some(draft) = speaking.get(&entry.id).and_then(|lan| drafts.get_mut(lan)) {
            draft.camera.sources.insert(Source::Mdns, age);
        } else if known.counts() {
            add_hint(drafts, entry, sources, age);
        }
    }
}

fn add_hint(drafts: &mut Drafts, entry: &Advertised, sources: &Sources<'_>, age: Duration) {
    let nameless = || format!("camera {}", &entry.id.to_string()[12..]);
    let draft = drafts.entry(entry.lan).or_insert_with(|| {
        let name = entry.name.clone().unwrap_or_else(nameless);
        let mut draft = hinted(entry.lan, name, entry.scheme, age);
        // Where the servers speak, who never does has no link from outside: anybody can make such
        // an entry.
        if sources.lan == LanMessaging::Disabled && sources.known.table.is_none() {
            draft.camera.external = entry.external;
            draft.claimed_at = entry.external.map(|_| entry.at);
        }
        draft
    });
    let camera = &mut draft.camera;
    if camera.id.is_some() {
        return; // another one speaks from there, or was seen there later
    }
    camera.id = Some(entry.id);
    camera.sources.insert(Source::Mdns, age);
    camera.age = camera.age.min(age);
    camera.scheme = entry.scheme;
    // The table has the same name, as far as a router can write it.
    let described = |name: &str| Description::for_name(name);
    if let Some(name) = &entry.name
        && described(name) == described(&camera.name)
    {
        camera.name.clone_from(name);
    }
}

/// Each port leads to one camera: to this one where it says so, which has passed its deadline
/// check, else to whom it was last said to lead (a rotation since then). Who is known by nothing
/// else than a port it has lost is gone.
fn settle_ports(drafts: &mut Drafts, sources: &Sources<'_>) {
    let mut taken: BTreeSet<_> = sources.me.external.into_iter().collect();
    if sources.me.standing == Standing::Representative {
        taken.insert(sources.representative_port);
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
            if port == sources.representative_port {
                draft.camera.standing = Standing::Representative;
            }
            continue;
        }
        draft.camera.external = None;
        if draft.camera.sources.keys().eq([&Source::Table]) {
            drafts.remove(&lan);
        }
    }
}

#[cfg(test)]
mod tests;

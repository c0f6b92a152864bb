//! `merge`: several sources, one answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::{Activity, Camera, Fleet, Mapped, Presence, Scheme, Source, Standing, Vouched, Who};
use crate::ids::{ExternalPort, InstanceId};
use crate::lan::{Occasion, Report};

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

/// A report and how it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Who.
    pub id: InstanceId,
    /// What the other server said of itself.
    pub report: Report,
    /// The address that it was sent from: the part that it did not choose freely.
    pub from: Ipv4Addr,
    /// When it came.
    pub at: Instant,
}

/// All that the fleet is put together from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// This server.
    pub me: &'a Myself,
    /// The Porthole entries of the router's table, and when it was read.
    pub table: Option<(&'a [Mapped], Instant)>,
    /// The last report of each other server.
    pub heard: &'a BTreeMap<InstanceId, Heard>,
    /// Whoever is mapped here is the representative.
    pub representative_port: ExternalPort,
    /// A report older than this vouches for nobody any more.
    pub fresh_for: Duration,
}

/// One answer from all sources. What a camera says of itself goes before what the table says of it; who is
/// mapped where is for the router to say, as of its last reading, and for the camera itself since then.
pub fn merge(sources: &Sources<'_>, now: Instant) -> Fleet {
    let mut cameras: BTreeMap<SocketAddrV4, Camera> = BTreeMap::new();
    if let Some((table, read_at)) = sources.table {
        for entry in table {
            add_mapped(
                &mut cameras,
                entry,
                now.saturating_duration_since(read_at),
                sources,
            );
        }
    }
    let fresh = |heard: &&Heard| now.saturating_duration_since(heard.at) < sources.fresh_for;
    let mut heard: Vec<_> = sources.heard.values().filter(fresh).collect();
    heard.sort_by_key(|heard| heard.at); // of two that claim a port the later word counts
    for heard in heard {
        add_heard(&mut cameras, heard, now, sources);
    }
    if let Some(port) = sources.me.external {
        yield_port(&mut cameras, port, sources.me.lan);
    }
    cameras.insert(sources.me.lan, myself(sources.me));

    let mut cameras: Vec<Camera> = cameras.into_values().collect();
    // Only one can be: this server's own belief has passed its deadline check, the router's table comes
    // next, and a report alone comes last.
    if sources.me.standing == Standing::Representative {
        for camera in cameras
            .iter_mut()
            .filter(|camera| camera.who == Who::Another)
        {
            camera.standing = Standing::Member;
        }
    }
    cameras.sort_by(|a, b| {
        let key = |c: &Camera| (c.external.is_none(), c.external, c.lan);
        key(a).cmp(&key(b))
    });
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
        sources: [Source::Itself].into(),
        presence: Presence::Here,
        age: Duration::ZERO,
    }
}

fn add_mapped(
    cameras: &mut BTreeMap<SocketAddrV4, Camera>,
    entry: &Mapped,
    age: Duration,
    sources: &Sources<'_>,
) {
    let standing = standing_of(Some(entry.external), sources);
    match cameras.get_mut(&entry.lan) {
        // For a moment a new representative holds its old port too; the office is what counts.
        Some(known) => {
            if standing == Standing::Representative {
                known.standing = standing;
                known.external = Some(entry.external);
            }
        }
        None => {
            let camera = Camera {
                who: Who::Another,
                id: None,
                name: entry.name.clone(),
                lan: entry.lan,
                external: Some(entry.external),
                standing,
                activity: Activity::Unknown,
                // Nobody has told; the cameras of a house are set up alike.
                scheme: sources.me.scheme,
                vouched: Vouched::ByTableOnly,
                sources: [Source::Table].into(),
                presence: Presence::Here,
                age,
            };
            cameras.insert(entry.lan, camera);
        }
    }
}

fn add_heard(
    cameras: &mut BTreeMap<SocketAddrV4, Camera>,
    heard: &Heard,
    now: Instant,
    sources: &Sources<'_>,
) {
    let report = &heard.report;
    let lan = SocketAddrV4::new(heard.from, report.http_port.get());
    // Not in the table, or not yet as in the one last read: its own word stands until the next reading.
    let newer = sources.table.is_none_or(|(_, read_at)| heard.at > read_at);
    let claimed = report.external.filter(|_| newer);
    if let Some(port) = claimed {
        yield_port(cameras, port, lan);
    }
    let camera = cameras.entry(lan).or_insert_with(|| Camera {
        who: Who::Another,
        id: None,
        name: String::new(),
        lan,
        external: None,
        standing: Standing::Member,
        activity: Activity::Unknown,
        scheme: report.scheme,
        vouched: Vouched::ByItself,
        sources: BTreeSet::new(),
        presence: Presence::Here,
        age: Duration::ZERO,
    });
    if newer {
        camera.external = claimed;
        camera.standing = standing_of(claimed, sources);
    }
    camera.id = Some(heard.id);
    camera.name.clone_from(&report.name);
    camera.activity = report.activity.clone();
    camera.scheme = report.scheme;
    camera.sources.insert(match report.occasion {
        Occasion::Asked => Source::Answer,
        Occasion::Unasked => Source::Report,
    });
    camera.vouched = Vouched::ByItself;
    camera.age = now.saturating_duration_since(heard.at);
}

/// Who was known at this port has it no more (a rotation since then); who is known by nothing else is gone.
fn yield_port(cameras: &mut BTreeMap<SocketAddrV4, Camera>, port: ExternalPort, to: SocketAddrV4) {
    cameras.retain(|lan, camera| {
        let before = *lan != to && camera.external == Some(port);
        if before {
            camera.external = None;
            camera.standing = Standing::Member;
        }
        !before || camera.vouched == Vouched::ByItself
    });
}

fn standing_of(external: Option<ExternalPort>, sources: &Sources<'_>) -> Standing {
    if external == Some(sources.representative_port) {
        Standing::Representative
    } else {
        Standing::Member
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{InternalPort, Term};

    const OFFICE: u16 = 8080;

    fn external(port: u16) -> ExternalPort {
        ExternalPort::new(port).unwrap()
    }

    fn lan(host: u8) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, host), 80)
    }

    fn me(standing: Standing) -> Myself {
        Myself {
            id: InstanceId(1),
            name: "server 1".into(),
            lan: lan(1),
            external: Some(external(OFFICE)),
            standing,
            activity: Activity::Idle,
            scheme: Scheme::Http,
        }
    }

    fn entry(host: u8, port: u16, name: &str) -> Mapped {
        Mapped {
            external: external(port),
            lan: lan(host),
            name: name.into(),
        }
    }

    fn heard(host: u8, port: Option<u16>, name: &str, at: Instant) -> Heard {
        let report = Report {
            name: name.into(),
            http_port: InternalPort::new(80).unwrap(),
            external: port.map(external),
            term: Term(1),
            activity: Activity::Live("640×480".into()),
            scheme: Scheme::Http,
            occasion: Occasion::Unasked,
            facts: 0,
        };
        Heard {
            id: InstanceId(host.into()),
            report,
            from: *lan(host).ip(),
            at,
        }
    }

    fn sources<'a>(
        me: &'a Myself,
        table: Option<(&'a [Mapped], Instant)>,
        heard: &'a BTreeMap<InstanceId, Heard>,
    ) -> Sources<'a> {
        let representative_port = external(OFFICE);
        Sources {
            me,
            table,
            heard,
            representative_port,
            fresh_for: Duration::from_secs(6),
        }
    }

    #[test]
    fn the_table_alone_fills_the_fleet_as_in_embodiment_1() {
        let now = Instant::now();
        let me = me(Standing::Representative);
        let table = [
            entry(3, 8082, "server 3"),
            entry(1, 8080, "server 1"),
            entry(2, 8081, "server 2"),
        ];
        let fleet = merge(&sources(&me, Some((&table, now)), &BTreeMap::new()), now);
        let names: Vec<_> = fleet.cameras.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["server 1", "server 2", "server 3"]);
        assert!(fleet.others().all(|c| c.vouched == Vouched::ByTableOnly));
        assert_eq!(fleet.representative().unwrap().who, Who::Me);
    }

    #[test]
    fn a_report_names_and_vouches_for_an_entry_of_the_table() {
        let now = Instant::now();
        let me = me(Standing::Representative);
        let table = [entry(2, 8081, "server 2")];
        let reports = BTreeMap::from([(InstanceId(2), heard(2, Some(8081), "Barn", now))]);
        let fleet = merge(&sources(&me, Some((&table, now)), &reports), now);
        let barn = fleet.others().next().unwrap();
        assert_eq!(barn.name, "Barn");
        assert_eq!(barn.id, Some(InstanceId(2)));
        assert_eq!(barn.external, Some(external(8081)));
        assert_eq!(barn.vouched, Vouched::ByItself);
    }

    #[test]
    fn a_report_sent_unasked_is_there_before_the_table_is_read_again() {
        let read_at = Instant::now();
        let now = read_at + Duration::from_secs(1);
        let me = me(Standing::Representative);
        let reports = BTreeMap::from([(InstanceId(4), heard(4, Some(8083), "Gate", now))]);
        let fleet = merge(&sources(&me, Some((&[], read_at)), &reports), now);
        assert_eq!(
            fleet.others().next().unwrap().external,
            Some(external(8083))
        );
    }

    #[test]
    fn a_port_that_the_newer_table_does_not_confirm_is_not_linked() {
        let at = Instant::now();
        let now = at + Duration::from_secs(1);
        let me = me(Standing::Representative);
        let reports = BTreeMap::from([(InstanceId(4), heard(4, Some(8083), "Gate", at))]);
        let fleet = merge(&sources(&me, Some((&[], now)), &reports), now);
        assert_eq!(fleet.others().next().unwrap().external, None);
    }

    #[test]
    fn nobody_takes_the_office_from_a_holder_by_a_report() {
        let now = Instant::now();
        let me = me(Standing::Representative);
        let reports = BTreeMap::from([(InstanceId(5), heard(5, Some(OFFICE), "Mallory", now))]);
        let fleet = merge(&sources(&me, None, &reports), now);
        assert_eq!(fleet.representative().unwrap().who, Who::Me);
    }

    #[test]
    fn an_old_report_vouches_for_nobody() {
        let at = Instant::now();
        let now = at + Duration::from_secs(7);
        let me = Myself {
            external: None,
            ..me(Standing::Member)
        };
        let table = [entry(2, 8080, "server 2")];
        let reports = BTreeMap::from([(InstanceId(2), heard(2, Some(8080), "Barn", at))]);
        let fleet = merge(&sources(&me, Some((&table, now)), &reports), now);
        let other = fleet.others().next().unwrap();
        assert_eq!(
            (other.name.as_str(), other.vouched),
            ("server 2", Vouched::ByTableOnly)
        );
    }

    #[test]
    fn a_new_representative_that_still_holds_its_old_port_is_one_camera() {
        let now = Instant::now();
        let me = Myself {
            external: None,
            ..me(Standing::Member)
        };
        let table = [entry(2, 8081, "server 2"), entry(2, 8080, "server 2")];
        let fleet = merge(&sources(&me, Some((&table, now)), &BTreeMap::new()), now);
        assert_eq!(fleet.others().count(), 1);
        assert_eq!(
            fleet.representative().unwrap().external,
            Some(external(OFFICE))
        );
    }

    #[test]
    fn after_a_rotation_the_new_representatives_word_goes_before_the_older_table() {
        let read_at = Instant::now();
        let now = read_at + Duration::from_secs(1);
        let me = Myself {
            external: Some(external(8082)),
            ..me(Standing::Member)
        };
        let table = [entry(2, OFFICE, "server 1"), entry(3, 8081, "server 2")];
        let reports = BTreeMap::from([(InstanceId(3), heard(3, Some(OFFICE), "Barn", now))]);
        let fleet = merge(&sources(&me, Some((&table, read_at)), &reports), now);
        let seen: Vec<_> = fleet
            .others()
            .map(|c| {
                (
                    c.name.as_str(),
                    c.external.map(ExternalPort::get),
                    c.standing,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [("Barn", Some(OFFICE), Standing::Representative)],
            "the dead one's entry of the older reading is gone with its port"
        );
    }
}

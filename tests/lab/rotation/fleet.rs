//! Five cameras behind one router, with a heartbeat of a second, and all that watches them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::any_phase;
use crate::support::lab::{
    Camera, Lab, LabConfig, PATIENCE, PortWatch, Role, RuleWatch, SecureMode, Status, Tenure,
};
use crate::support::wait::{ensure, eventually};

/// T, the unit of the table.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);
const NAMES: [&str; 5] = ["Front door", "Garden", "Till", "Yard", "Cellar"];
/// Few pictures a second: a machine that is busy with five programs and as many viewers must not be
/// what loses one.
const FPS: u32 = 5;
/// The Inquiries that a camera has heard.
const INQUIRIES: &str = "porthole_lan_messages_total{direction=\"received\",kind=\"inquiry\"}";
const FIRST_HOST: u8 = 11;

/// The fleet. Its parts go in this order: the cameras before the lab that they live in.
pub(super) struct Fleet {
    pub(super) cameras: Vec<Camera>,
    /// Who answers at 8080, seen from the Internet.
    pub(super) port_watch: PortWatch,
    /// Where the ports lead, as the router's kernel says.
    pub(super) rules: RuleWatch,
    pub(super) lab: Lab,
}

/// Who is what, when all is calm.
pub(super) struct Standing {
    /// The cameras by number, the representative first, the others in the order of their ports.
    pub(super) order: Vec<usize>,
    /// Their ids, by number.
    ids: Vec<String>,
    /// The representative's.
    pub(super) id: String,
    pub(super) term: u64,
}

impl Standing {
    pub(super) fn representative(&self) -> usize {
        self.order[0]
    }
}

/// A new representative.
pub(super) struct Change {
    /// Its number among the cameras.
    pub(super) by: usize,
    id: String,
    pub(super) term: u64,
    /// When the visitor had the first page of it.
    pub(super) answered_at: Instant,
    /// The old one's mapping, with its end.
    pub(super) before: Tenure,
}

impl Fleet {
    /// Five cameras with this lease of 8080, unless `PORTHOLE_LEASE` says another.
    pub(super) fn open(secure_mode: SecureMode, lease: &str) -> Option<Self> {
        let lab = Lab::open(LabConfig {
            secure_mode,
            ..LabConfig::default()
        })?;
        let lease = std::env::var("PORTHOLE_LEASE").unwrap_or_else(|_| lease.to_owned());
        let mut cameras: Vec<_> = (FIRST_HOST..)
            .zip(NAMES)
            .map(|(host, name)| {
                lab.camera(host, name)
                    .set("lan", "heartbeat", "1s")
                    .set("camera", "fps", FPS)
                    .set("router", "representative_lease", lease.as_str())
                    .install()
            })
            .collect();
        cameras[0].start();
        cameras[0].await_leadership();
        for camera in &mut cameras[1..] {
            camera.start();
        }
        Some(Self {
            cameras,
            port_watch: lab.watch_port(8080),
            rules: lab.router.watch_rules(),
            lab,
        })
    }

    /// Waits until all five have a port, one of them 8080, and each has heard all the others say
    /// which, and the representative's next Inquiry: one that has heard none yet would miss it
    /// later than the others do.
    #[track_caller]
    pub(super) fn settle(&self) -> Standing {
        let statuses = eventually("one representative, four members", PATIENCE * 2, || {
            let statuses: Vec<_> = self
                .cameras
                .iter()
                .map(Camera::status)
                .collect::<Result<_, _>>()?;
            let ports: BTreeSet<_> = statuses.iter().filter_map(Status::external_port).collect();
            let named = |role| statuses.iter().filter(|status| status.role == role).count();
            let calm = ports.len() == NAMES.len()
                && ports.contains(&8080)
                && (named(Role::Representative), named(Role::Member)) == (1, NAMES.len() - 1);
            ensure(calm, format!("{statuses:?}"))?;
            Ok::<_, String>(statuses)
        });
        let urls: BTreeSet<_> = statuses
            .iter()
            .filter_map(|status| status.external_url.as_deref())
            .collect();
        for camera in &self.cameras {
            eventually("all have heard of all", PATIENCE, || {
                let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
                let heard: BTreeSet<_> = fleet["cameras"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|camera| camera["self"] == true || camera["verified"] == true)
                    .filter_map(|camera| camera["external_url"].as_str())
                    .collect();
                ensure(heard == urls, format!("{fleet}"))
            });
        }
        let representative = statuses
            .iter()
            .position(|status| status.role == Role::Representative);
        let members = self.cameras.iter().enumerate();
        let so_far: Vec<_> = members
            .filter(|(number, _)| Some(*number) != representative)
            .map(|(_, member)| (member, member.metric(INQUIRIES).expect("its metrics")))
            .collect();
        for (member, so_far) in so_far {
            eventually("the next Inquiry is heard", PATIENCE, || {
                let heard = member.metric(INQUIRIES)?;
                ensure(heard > so_far, format!("{heard} Inquiries"))
            });
        }
        let mut order: Vec<_> = (0..NAMES.len()).collect();
        order.sort_by_key(|number| statuses[*number].external_port());
        let first = &statuses[order[0]];
        assert_eq!(first.role, Role::Representative, "{first:?}");
        Standing {
            id: first.id.clone(),
            term: first.term,
            ids: statuses.iter().map(|status| status.id.clone()).collect(),
            order,
        }
    }

    /// Waits until somebody else than the old representative answers at 8080 as the new one.
    #[track_caller]
    pub(super) fn await_change(&self, standing: &Standing, struck: Instant) -> Change {
        let limit = PATIENCE * 2;
        let first =
            self.port_watch
                .await_answer("another answers at 8080", struck, limit, |answer| {
                    answer.id != standing.id && answer.role == Role::Representative
                });
        let by = standing.ids.iter().position(|id| *id == first.id);
        let by = by.unwrap_or_else(|| panic!("a stranger answers: {first:?}"));
        assert!(
            first.term > standing.term,
            "{first:?} after term {}",
            standing.term
        );
        let before = self.await_news(standing.representative(), by);
        Change {
            by,
            id: first.id,
            term: first.term,
            answered_at: first.at,
            before,
        }
    }

    /// The old one's tenure of 8080, when the kernel's news say that it has ended and the new one's
    /// has begun. They are older than the first answer, but may be read a moment later.
    #[track_caller]
    fn await_news(&self, old: usize, new: usize) -> Tenure {
        let [old, new] = [old, new].map(|number| self.cameras[number].address());
        eventually("the news of the change", PATIENCE, || {
            let tenures = self.rules.tenures(8080);
            match tenures.last_chunk() {
                Some([before, now])
                    if (before.to, now.to) == (old, new) && before.until.is_some() =>
                {
                    Ok(before.clone())
                }
                _ => Err(format!("{tenures:?}")),
            }
        })
    }

    /// The one at this place in the old order took over, and the router led 8080 from the old one
    /// to it alone.
    #[track_caller]
    pub(super) fn expect_succession(&self, standing: &Standing, place: usize, change: &Change) {
        let expected = standing.order[place];
        let (expected, by) = (&self.cameras[expected], &self.cameras[change.by]);
        assert_eq!(by.name, expected.name, "who took over");
        let tenures = self.rules.tenures(8080);
        for pair in tenures.windows(2) {
            let apart = pair[0].until.is_some_and(|until| until <= pair[1].from);
            assert!(apart, "8080 led to two at once: {tenures:?}");
        }
        let since: Vec<_> = tenures
            .iter()
            .skip_while(|tenure| tenure.from <= change.before.from)
            .map(|tenure| (tenure.to, tenure.until))
            .collect();
        assert_eq!(since, [(by.address(), None)], "where 8080 led since");
    }

    /// When all five are back, the new one still represents them, and nobody else ever answered in
    /// between.
    #[track_caller]
    pub(super) fn expect_no_way_back(&self, change: &Change) {
        let after = self.settle();
        assert_eq!(
            (after.representative(), after.term),
            (change.by, change.term)
        );
        for answer in self.port_watch.answers_since(change.answered_at) {
            let after = answer.asked_at - change.answered_at;
            let same = (&answer.id, answer.term) == (&change.id, change.term);
            assert!(
                same,
                "{after:?} after the first answer of {}: {answer:?}",
                change.id
            );
        }
    }

    /// Kills the representative and those who come next, so many in all, at any moment of a
    /// heartbeat; waits for the change, checks it, and brings them back. Gives when it struck,
    /// the seconds that the router said were left of the lease, and the change.
    #[track_caller]
    pub(super) fn kill_first(&mut self, dead: usize) -> (Instant, u32, Change) {
        let standing = self.settle();
        any_phase();
        let entry = self
            .lab
            .router
            .table()
            .entry(8080)
            .expect("the router's table");
        let lease_left = entry.expect("the representative's mapping").lease_seconds;
        let struck = Instant::now();
        for number in &standing.order[..dead] {
            self.cameras[*number].kill();
        }
        let change = self.await_change(&standing, struck);
        self.expect_succession(&standing, dead, &change);
        for number in &standing.order[..dead] {
            self.cameras[*number].start();
        }
        self.expect_no_way_back(&change);
        (struck, lease_left, change)
    }

    /// The port under which a camera is reached from the Internet.
    #[track_caller]
    pub(super) fn port(&self, number: usize) -> u16 {
        let status = self.cameras[number].status().expect("a status");
        status.external_port().expect("a port on the router")
    }

    /// Has a camera step down.
    #[track_caller]
    pub(super) fn withdraw(&self, number: usize) {
        let address = self.cameras[number].address();
        let url = format!("http://{address}:8080/api/v1/representative/withdraw");
        let answer = self.lab.inside().as_admin().post(&url).expect("an answer");
        assert!(
            (200..300).contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.text()
        );
    }
}

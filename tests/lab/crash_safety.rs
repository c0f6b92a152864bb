//! An actor that panics costs its last message, never the leadership.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::support::lab::{Camera, Lab, LabConfig, PATIENCE, Role, picture_size};
use crate::support::wait::{Watch, ensure, eventually};
use crate::testbed::cameras;

const ACTORS: [&str; 9] = [
    "router",
    "registry",
    "election",
    "lan",
    "discovery",
    "capture",
    "encoder",
    "drive",
    "http",
];
/// How often one actor may panic within its window before its supervisor gives up on it.
const BUDGET: u32 = 5;
/// The window, and a little more: an older panic no longer counts.
const WINDOW: Duration = Duration::from_secs(31);
/// Panics in all, each actor in turn.
const PANICS: usize = 50;

fn restarts(camera: &Camera, actor: &str) -> Result<f64, String> {
    camera.metric(&format!(
        "porthole_actor_restarts_total{{actor=\"{actor}\"}}"
    ))
}

/// Makes an actor panic and waits until it was restarted for the `count`th time.
#[track_caller]
fn crash(camera: &Camera, actor: &str, count: u32) {
    camera.crash(actor);
    eventually(&format!("restart {count} of {actor}"), PATIENCE, || {
        let counted = restarts(camera, actor)?;
        ensure((counted - f64::from(count)).abs() < 0.5, counted)
    });
}

#[test]
fn fifty_panics_leave_the_leadership_and_the_viewers_alone() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    // With mDNS, so that the discovery actor has a daemon to lose.
    let mut fleet = cameras(&lab, 2, |setup| setup.set("lan", "mdns", true));
    let term = fleet[0].await_leadership().term;
    let url = lab.external_url(8080);
    let outside = lab.outside();
    let stream = outside.watch(&format!("{url}/stream.mjpg")).unwrap();
    let shows_more = |than: usize| {
        eventually("the stream goes on", PATIENCE, || {
            let seen = stream.seen();
            assert_eq!(
                seen.end, None,
                "the stream broke after {} parts",
                seen.parts
            );
            ensure(seen.parts > than, format!("{} parts", seen.parts))
        });
    };
    shows_more(0);
    let page = format!("{url}/");
    let pages = Watch::start(Duration::from_millis(30), move || {
        outside.get(&page).map(|answer| answer.status)
    });
    let rules = lab.router.watch_rules();
    let table = lab.router.table();
    let entries = Watch::start(Duration::from_millis(100), move || table.entry(8080));

    let mut at: HashMap<&str, Vec<Instant>> = HashMap::new();
    for actor in ACTORS.into_iter().cycle().take(PANICS) {
        let before = at.entry(actor).or_default();
        if let Some(first) = before.iter().rev().nth(BUDGET as usize - 1) {
            let passed = || ensure(first.elapsed() > WINDOW, format!("{:?}", first.elapsed()));
            eventually("the window of the budget has moved on", WINDOW * 2, passed);
        }
        before.push(Instant::now());
        let count = u32::try_from(before.len()).unwrap();
        let parts = stream.seen().parts;
        crash(&fleet[0], actor, count);
        let status = fleet[0].status().unwrap();
        assert_eq!(
            (status.role, status.term),
            (Role::Representative, term),
            "after {actor}"
        );
        shows_more(parts);
    }

    let pages = pages.finish();
    let broken: Vec<_> = pages.iter().filter(|page| **page != Ok(200)).collect();
    assert!(
        broken.is_empty(),
        "{} of {} pages: {broken:?}",
        broken.len(),
        pages.len()
    );
    let entries = entries.finish();
    for entry in &entries {
        let holder = entry.as_ref().unwrap().as_ref().map(|entry| entry.client);
        assert_eq!(
            holder,
            Some(fleet[0].address()),
            "8080 among {} readings",
            entries.len()
        );
    }
    assert_eq!(rules.gone(), [""; 0], "mappings were released");
    for (actor, panics) in at {
        assert_eq!(
            restarts(&fleet[0], actor),
            Ok(panics.len() as f64),
            "{actor}"
        );
    }
    fleet[0].expect_running();
    assert_eq!(fleet[1].status().unwrap().role, Role::Member);
    let seen = stream.seen();
    picture_size(&seen.last_picture).unwrap();
    println!(
        "figure: {PANICS} panics; {} pages and {} readings of the table without a fault; \
         {} frames, longest gap {:?}",
        pages.len(),
        entries.len(),
        seen.parts,
        seen.longest_gap
    );
}

#[test]
fn one_panic_more_than_the_budget_ends_the_process_with_70() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let mut camera = cameras(&lab, 1, |setup| setup).remove(0);
    for count in 1..=BUDGET {
        crash(&camera, "registry", count);
    }
    camera.crash("registry");
    assert_eq!(camera.wait_for_end().code(), Some(70));
}

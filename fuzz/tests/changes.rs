//! Every target for seconds: the kept inputs, and changes of them.
//!
//! `PORTHOLE_FUZZ_RUNS` says how many changes of each target, `PORTHOLE_FUZZ_SEED` which.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use porthole_fuzz::mutation::change;
use porthole_fuzz::{TARGETS, Target};

/// All kept inputs together, in bytes: they are in the repository.
const KEPT: usize = 300 * 1024;

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Runs it, and says how to run it again where a promise is broken.
fn run(target: &Target, input: &[u8]) -> bool {
    catch_unwind(|| (target.run)(input)).unwrap_or_else(|_| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.input", target.name));
        fs::write(&path, input).unwrap();
        let shown: String = input.escape_ascii().to_string().chars().take(400).collect();
        panic!(
            "{} breaks a promise with {} ({} bytes: {shown}); keep it as fuzz/corpus/{}/found-…",
            target.name,
            path.display(),
            input.len(),
            target.name
        )
    })
}

fn changes_of(name: &str) {
    let target = Target::named(name).unwrap();
    let kept = target.kept().unwrap();
    let mut rng = fastrand::Rng::with_seed(number("PORTHOLE_FUZZ_SEED", 0));
    let runs = number("PORTHOLE_FUZZ_RUNS", 500);
    let mut of_use = 0;
    for _ in 0..runs {
        let [one, other] = [(); 2].map(|()| &kept[rng.usize(0..kept.len())].1);
        let mut input = one.clone();
        change(&mut rng, &mut input, other, target.longest);
        of_use += u64::from(run(target, &input));
    }
    println!("{name}: {of_use} of {runs} changed inputs were of use");
    // Where nothing gets past the first check, nothing behind it is tried.
    assert!(of_use > 0 && of_use < runs, "{of_use} of {runs}");
}

macro_rules! changes {
    ($($test:ident: $name:literal,)*) => {
        const TRIED: &[&str] = &[$($name),*];

        $(#[test]
        fn $test() {
            changes_of($name);
        })*
    };
}

changes! {
    search_answers: "ssdp",
    device_descriptions: "description",
    soap_answers: "soap",
    datagrams: "lan-datagram",
    messages: "lan-message",
    picture_queries: "picture-query",
    hosts: "host",
    cookies: "cookie",
    settings_files: "settings",
    state_files: "state",
    jpegs: "jpeg",
}

#[test]
fn every_target_is_tried() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(TRIED, names);
}

#[test]
fn kept_inputs_are_of_use_or_not_as_their_names_say() {
    let mut bytes = 0;
    for target in &TARGETS {
        let kept = target.kept().unwrap();
        let begins = |start| kept.iter().any(|(name, _)| name.starts_with(start));
        assert!(begins("good-") && begins("bad-"), "{}", target.name);
        for (name, input) in &kept {
            bytes += input.len();
            assert!(input.len() <= target.longest, "{} {name}", target.name);
            let of_use = run(target, input);
            match name.split_once('-') {
                Some(("good", _)) => assert!(of_use, "{} {name} is refused", target.name),
                Some(("bad", _)) => assert!(!of_use, "{} {name} is taken", target.name),
                Some(("found", _)) => {}
                _ => panic!("{} {name} says nothing of what it is", target.name),
            }
        }
    }
    assert!(bytes <= KEPT, "{bytes} bytes");
}

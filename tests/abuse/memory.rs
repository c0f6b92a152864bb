//! What logging in costs in memory: one buffer, however many passwords are guessed.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use crate::attacker::{addresses, guess, send, status, target};
use crate::people::{await_answer, fill_in, setup, start, url};
use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::Testbed;

/// Guesses at a time, each from an address of its own.
const AT_ONCE: usize = 10;

/// What each address may guess before it has to wait.
const EACH: usize = 5;

/// Guesses from these addresses, as often as they may, many at a time: how many were looked at.
fn guess_from(to: SocketAddrV4, addresses: &[Ipv4Addr]) -> usize {
    let mut wrong = 0;
    for together in addresses.chunks(AT_ONCE) {
        for attempt in 0..EACH {
            let request = guess(to, &format!("not this one {attempt}"));
            wrong += std::thread::scope(|scope| {
                let guesses: Vec<_> = together
                    .iter()
                    .map(|from| scope.spawn(|| send(*from, to, request.as_bytes()).unwrap()))
                    .collect();
                let codes = guesses
                    .into_iter()
                    .map(|guess| status(&guess.join().unwrap()));
                codes
                    // 503: so many wait on a slow machine that it did not come to its turn.
                    .inspect(|code| assert!(matches!(code, 401 | 503), "{code}"))
                    .filter(|code| *code == 401)
                    .count()
            });
        }
    }
    wrong
}

fn resident(camera: &Camera) -> f64 {
    camera.metric("process_resident_memory_bytes").unwrap() / 1_048_576.0
}

#[test]
fn a_hundred_wrong_passwords_from_many_addresses_take_no_more_memory_than_the_first_ones() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2).set("router", "enabled", false));
    let guessers: Vec<_> = addresses().take(24).collect();
    let (first, others) = guessers.split_at(4);
    assert_eq!(guess_from(target(&camera), first), first.len() * EACH);
    let before = resident(&camera);
    let checked = guess_from(target(&camera), others);
    let after = resident(&camera);
    println!("resident: {before:.1} MiB after 20 wrong passwords, {after:.1} after {checked} more");
    assert!(checked > others.len() * EACH / 2, "{checked}");
    // One more buffer for a hash would be 19 MiB.
    assert!(after - before < 10.0, "{before} MiB, then {after}");
    assert_eq!(
        fill_in(&url(&camera, ""), "admin", ADMIN_PASSWORD).status,
        303
    );
    assert_eq!(camera.metric("porthole_passwords_waiting"), Ok(0.0));
}

/// A control group that bounds memory, for one process; it is removed with the last of them.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Where the kernel lets this user make one; the error says why not. Version 2 of control
    /// groups, or version 1.
    fn new(most: u64) -> Result<Self, String> {
        let (root, limit) = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ]
        .into_iter()
        .find(|(root, _)| Path::new(root).join("cgroup.procs").exists())
        .ok_or("there are no control groups for memory")?;
        let folder = Path::new(root).join(format!("porthole-abuse-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        let group = Self(folder);
        let written = fs::write(group.0.join(limit), most.to_string());
        written.map_err(|why| format!("{limit}: {why}"))?;
        // Without swap, where it counts it.
        let _ = fs::write(group.0.join("memory.swap.max"), "0");
        Ok(group)
    }

    fn take_in(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Its process has to be gone from it first.
        eventually("the control group is empty", PATIENCE, || {
            fs::remove_dir(&self.0).map_err(|why| why.to_string())
        });
    }
}

#[test]
fn it_runs_in_64_mib_whoever_guesses() {
    let group = match MemoryGroup::new(64 * 1024 * 1024) {
        Ok(group) => group,
        Err(why) => {
            println!("skipped: it_runs_in_64_mib_whoever_guesses: {why}");
            return;
        }
    };
    let testbed = Testbed::without_router();
    let mut camera = setup(&testbed, 2).set("router", "enabled", false).start();
    group.take_in(camera.pid());
    await_answer(&camera);
    let guessers: Vec<_> = addresses().skip(100).take(10).collect();
    guess_from(target(&camera), &guessers);
    camera.expect_running();
    eventually("a picture", PATIENCE, || {
        let picture = camera.get("/snapshot.jpg")?;
        ensure(picture.status == 200, picture.status)
    });
    println!("resident: {:.1} MiB of 64", resident(&camera));
    assert_eq!(
        fill_in(&url(&camera, ""), "admin", ADMIN_PASSWORD).status,
        303
    );
    camera.expect_running();
}

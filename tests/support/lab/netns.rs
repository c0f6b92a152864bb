//! Network namespaces: made, entered, and swept away again.
//!
//! A name is `ph<pid>n<number>-<role>`: the process that made it and which of its labs it belongs
//! to, so that tests running at the same time never meet and a later run can tell what a killed one
//! left behind.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::wait::{ensure, eventually};

const MADE: &str = "/run/netns";
const PREFIX: &str = "ph";

/// The common beginning of the names of one lab's namespaces.
#[derive(Clone, Debug)]
pub(crate) struct LabName(String);

impl LabName {
    /// A name no other lab has. The first one of a process also removes what dead processes left.
    pub(crate) fn unique() -> Self {
        static SWEEP: Once = Once::new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        SWEEP.call_once(sweep);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{PREFIX}{}n{number}", std::process::id()))
    }

    /// The namespace with this role in this lab.
    pub(crate) fn namespace(&self, role: &str) -> Namespace {
        Namespace(format!("{}-{role}", self.0))
    }

    /// Removes all namespaces of this lab and ends what still runs in them.
    pub(crate) fn remove(&self) {
        let own = format!("{}-", self.0);
        for name in existing().filter(|name| name.starts_with(&own)) {
            Namespace(name).remove();
        }
    }
}

/// One network namespace of this lab, which may not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct Namespace(String);

impl Namespace {
    /// Its name, as `ip` knows it.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Makes it, with its loopback up.
    ///
    /// # Errors
    /// What `ip` said: mostly that only root may.
    pub(crate) fn create(&self) -> Result<(), String> {
        let made = Command::new("ip").args(["netns", "add", &self.0]).output();
        match made {
            Err(error) => return Err(format!("ip: {error}")),
            Ok(made) if !made.status.success() => return Err(text(&made.stderr)),
            Ok(_) => {}
        }
        self.ip("link set lo up");
        Ok(())
    }

    /// `ip` with these words, inside.
    #[track_caller]
    pub(crate) fn ip(&self, words: &str) {
        self.tool("ip", &words.split(' ').collect::<Vec<_>>());
    }

    /// Runs a short program inside; it must succeed.
    #[track_caller]
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let ran = self.output(program, arguments);
        assert!(
            ran.status.success(),
            "{program} {} in {}: {}",
            arguments.join(" "),
            self.0,
            text(&ran.stderr)
        );
        text(&ran.stdout)
    }

    /// Runs a short program inside and gives how it went. It is ended after 20 s.
    #[track_caller]
    pub(crate) fn output(&self, program: &str, arguments: &[&str]) -> Output {
        self.run(|| {
            Command::new("timeout")
                .arg("20")
                .arg(program)
                .args(arguments)
                .output()
        })
        .unwrap_or_else(|error| panic!("timeout 20 {program}: {error}"))
    }

    /// Does `work` on a thread inside: the sockets it opens and the programs it starts belong
    /// there.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let done = thread::scope(|scope| {
            scope
                .spawn(|| {
                    self.enter()
                        .unwrap_or_else(|error| panic!("entering {}: {error}", self.0));
                    work()
                })
                .join()
        });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Moves the calling thread inside, for as long as the thread lives.
    #[allow(unsafe_code)] // a system call that the standard library does not offer
    fn enter(&self) -> io::Result<()> {
        let place = File::open(Path::new(MADE).join(&self.0))?;
        // SAFETY: setns reads one open descriptor and changes only which network this thread sees.
        match unsafe { libc::setns(place.as_raw_fd(), libc::CLONE_NEWNET) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Ends what runs inside and removes it. Used while unwinding, so it reports and goes on.
    fn remove(&self) {
        if let Ok(inside) = Command::new("ip").args(["netns", "pids", &self.0]).output() {
            for pid in text(&inside.stdout).split_whitespace() {
                let _ = Command::new("kill").args(["-9", pid]).output();
            }
        }
        match Command::new("ip").args(["netns", "del", &self.0]).output() {
            Ok(deleted) if deleted.status.success() => {}
            Ok(deleted) => eprintln!("removing {}: {}", self.0, text(&deleted.stderr)),
            Err(error) => eprintln!("removing {}: {error}", self.0),
        }
    }
}

/// Removes the namespaces of processes that are no more: killed tests could not do it themselves.
fn sweep() {
    for name in existing() {
        if maker(&name).is_some_and(|pid| !alive(pid)) {
            Namespace(name).remove();
        }
    }
}

/// The process that made a namespace of this name, if it was one of ours.
fn maker(name: &str) -> Option<u32> {
    let (pid, rest) = name.strip_prefix(PREFIX)?.split_once('n')?;
    let (number, _role) = rest.split_once('-')?;
    number.parse::<u32>().ok()?;
    pid.parse().ok()
}

/// Whether this process still runs. A zombie does not: where nobody reaps, a killed one stays as
/// that.
fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(
        |stat| !matches!(stat.rsplit_once(") "), Some((_, rest)) if rest.starts_with(['Z', 'X'])),
    )
}

fn existing() -> impl Iterator<Item = String> {
    fs::read_dir(MADE)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[test]
fn only_a_namespace_of_a_lab_has_a_maker() {
    assert_eq!(maker("ph123n4-wan"), Some(123));
    for foreign in ["phone", "ph123", "ph123n-wan", "phxn1-wan", "cni-1234"] {
        assert_eq!(maker(foreign), None, "{foreign}");
    }
}

#[test]
fn a_process_that_has_ended_is_not_alive_even_before_it_is_reaped() {
    assert!(alive(std::process::id()));
    let mut child = Command::new("true").spawn().unwrap();
    eventually("the child ends", Duration::from_secs(5), || {
        ensure(!alive(child.id()), "it is alive")
    });
    child.wait().unwrap();
    assert!(!alive(child.id()));
}

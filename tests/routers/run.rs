//! One row: three cameras start, are left alone, lose the one that represents them, and leave.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::panic::{self, AssertUnwindSafe};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::expected::{Before, End, Expected, Holder, Mapped, Takeover};
use crate::outcome::Outcome;
use crate::quirks::NamedQuirk;
use crate::site::{HEARTBEAT, LEASE, Site, Turns};
use crate::support::lab::Camera;
use crate::support::wait::eventually_every;
use porthole::tree::EXIT_LEFT_BEHIND;
use porthole_sim_router::Quirks;

/// The cameras of a row, in the order of their start.
const CAMERAS: [char; 3] = ['A', 'B', 'C'];
/// Leases that a camera has for its first port.
const TO_START: u32 = 2;
/// Leases of the calm, unless the environment asks for more.
const CALM: u32 = 3;
/// Leases in which somebody has to follow a camera that died.
const TO_FOLLOW: u32 = 3;
/// Heartbeats until a mapping that may be deleted has another's, on a busy machine.
const TO_DELETE: u32 = 12;
/// Mappings of one camera at one time: the new one is there before the old one goes.
const MOST_AT_ONCE: usize = 2;
/// Requests to the router that a camera may make within a minute: 60 at once, and one each second.
const REQUESTS: u64 = 60 + 60;

/// Starts of programs at the same time: they cost most of all.
static STARTS: Turns = Turns::new(2);

/// What a camera says of itself and its router.
struct View {
    believes: bool,
    term: u64,
    class: String,
    says: Vec<String>,
}

fn view(camera: &Camera) -> Result<View, String> {
    let status: Value = camera.get("/api/v1/status")?.json()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let notices = status["notices"].as_array().ok_or("no notices")?;
    Ok(View {
        believes: status["role"] == "representative",
        term: status["term"].as_u64().unwrap_or_default(),
        class: text(&status["router"]["class"]),
        says: notices.iter().map(|notice| text(&notice["text"])).collect(),
    })
}

/// Looks once a heartbeat until there is something, at most so long.
fn within<T>(limit: Duration, probe: impl FnMut() -> Option<T>) -> Option<T> {
    within_every(HEARTBEAT, limit, probe)
}

/// The same with another pause between two looks.
fn within_every<T>(
    pause: Duration,
    limit: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> Option<T> {
    let start = Instant::now();
    // The limit is kept here; a look never takes longer than the limit again.
    let awaited = "an end of looking";
    eventually_every(pause, awaited, 20 * limit, || match probe() {
        Some(seen) => Ok(Some(seen)),
        None if start.elapsed() >= limit => Ok(None),
        None => Err("not yet"),
    })
}

/// Heartbeats, rounded up.
fn heartbeats(time: Duration) -> u32 {
    time.as_millis().div_ceil(HEARTBEAT.as_millis()) as u32
}

/// Asks a camera to end; one that does not is killed, and nothing is given.
fn end(camera: &mut Camera) -> Option<ExitStatus> {
    let pid = camera.pid().to_string();
    let ended = panic::catch_unwind(AssertUnwindSafe(|| camera.terminate()));
    if ended.is_err() {
        let killed = Command::new("kill").args(["-KILL", &pid]).status();
        killed.expect("kill runs");
    }
    ended.ok()
}

/// A row on its way.
struct Row<'a> {
    site: &'a Site,
    cameras: Vec<Camera>,
    expected: &'a Expected,
    outcome: Outcome,
}

/// Runs one row to its end.
pub(crate) fn run(quirk: &NamedQuirk, expected: &Expected, number: u8) -> Outcome {
    let mut quirks = Quirks::default();
    (quirk.set)(&mut quirks);
    let site = Site::new(number, quirks, expected.searched);
    let mut row = Row {
        site: &site,
        cameras: Vec::new(),
        expected,
        outcome: Outcome::new(quirk, expected),
    };
    let requests = site.count_requests();
    row.start();
    row.calm();
    row.death();
    row.leave();
    let (most, requests) = (CAMERAS.len() as u64 * REQUESTS, requests.most_in_a_minute());
    row.outcome.requests = requests;
    row.outcome.expect(requests <= most, || {
        format!("{requests} requests within a minute, not {most} at the most")
    });
    for failure in &mut row.outcome.failures {
        *failure = site.without_addresses(failure);
    }
    row.outcome
}

impl Row<'_> {
    fn letter(&self, address: Ipv4Addr) -> char {
        let mut letters = (0..).zip(CAMERAS);
        let found = letters.find(|(number, _)| self.site.address(*number) == address);
        found.map_or('?', |(_, letter)| letter)
    }

    /// One camera after the other, each when the one before has its port, or has had its time.
    fn start(&mut self) {
        let mut patience = TO_START * self.expected.pace * LEASE;
        for (number, letter) in (0..).zip(CAMERAS) {
            let mut camera = self.site.camera(number, &format!("Camera {letter}"));
            let answers = {
                let _turn = STARTS.take();
                camera.start();
                within(TO_START * LEASE, || view(&camera).ok())
            };
            self.outcome
                .expect(answers.is_some(), || format!("{letter} does not answer"));
            let address = camera.address();
            let port = within(patience, || {
                (!self.site.history().ports(address).is_empty()).then_some(())
            });
            if port.is_none() {
                // What one does not get the next seldom does.
                patience = self.expected.pace * LEASE;
            }
            self.cameras.push(camera);
        }
        self.await_representative();
        if self.expected.before == Before::Reboot {
            self.site.reboot_router();
            within(TO_START * LEASE, || {
                self.portless().is_empty().then_some(())
            });
            self.await_representative();
        }
        if let Mapped::Exactly(expected) = self.expected.mapped {
            let mapped = |row: &Self| CAMERAS.len() - row.portless().len();
            // Whoever was refused once asks again after a pause.
            within(self.expected.pace * LEASE, || {
                (mapped(self) == expected).then_some(())
            });
            let mapped = mapped(self);
            self.outcome.expect(mapped == expected, || {
                format!("{mapped} cameras have a port, not {expected}")
            });
        }
    }

    /// Waits until the camera that has the port knows it.
    fn await_representative(&self) {
        within(self.expected.pace * LEASE, || {
            let holder = self.site.history().holder();
            let mut cameras = self.cameras.iter();
            let holder = cameras.find(|camera| Some(camera.address()) == holder)?;
            view(holder).ok()?.believes.then_some(())
        });
    }

    /// The cameras that have no port.
    fn portless(&self) -> Vec<Ipv4Addr> {
        let history = self.site.history();
        let addresses = self.cameras.iter().map(Camera::address);
        addresses
            .filter(|address| history.ports(*address).is_empty())
            .collect()
    }

    /// Nothing happens for some leases: `PORTHOLE_LEASES=50` makes them so many, and prints what
    /// was seen.
    fn calm(&mut self) {
        let leases = std::env::var("PORTHOLE_LEASES").ok();
        let leases: Option<u32> = leases.and_then(|leases| leases.parse().ok());
        let (begin, requests) = (Instant::now(), self.site.requests());
        let mut believers = Vec::new();
        let mut terms = BTreeSet::new();
        within_every(2 * HEARTBEAT, leases.unwrap_or(CALM) * LEASE, || {
            believers = self.believers();
            terms.extend(
                self.cameras
                    .iter()
                    .filter_map(|camera| Some(view(camera).ok()?.term)),
            );
            let many = believers.len();
            self.outcome.expect(many < 2, || {
                format!("{many} cameras believe at once that they are the representative")
            });
            None::<()>
        });
        let end = Instant::now();
        let (holder, changes, gap) = {
            let history = self.site.history();
            let gap = heartbeats(history.longest_gap(begin, end));
            (history.holder(), history.changes(begin, end), gap)
        };
        if leases.is_some() {
            let gaps = self.site.history().gaps(begin, end);
            let longest = gaps.iter().max().copied().unwrap_or_default();
            let requests = self.site.requests() - requests;
            let seconds = (end - begin).as_secs_f64();
            println!(
                "{seconds:.0} s, leases of {LEASE:?}: 8080 changed hands {changes} times, terms \
                 {terms:?}; {} gaps, the longest {longest:?}, together {:?}; {requests} requests \
                 of {} cameras, {:.2} a second",
                gaps.len(),
                gaps.iter().sum::<Duration>(),
                CAMERAS.len(),
                requests as f64 / seconds,
            );
        }
        let outcome = &mut self.outcome;
        outcome.changes = changes;
        outcome.gap = gap;
        outcome.expect(changes == 0, || {
            format!("8080 changed hands {changes} times")
        });
        self.outcome.holder = holder.map(|holder| self.letter(holder));
        match self.expected.holder {
            Holder::One => {
                self.outcome
                    .expect(holder.is_some(), || "nobody has 8080".to_owned());
                if holder.is_some() {
                    let most = self.expected.gap;
                    self.outcome.expect(gap <= most, || {
                        format!("8080 was nobody's for {gap} heartbeats, not {most} at the most")
                    });
                }
                let names: Vec<_> = believers.iter().map(|one| self.letter(*one)).collect();
                self.outcome
                    .expect(believers.iter().copied().eq(holder), || {
                        format!("those who believe that they have 8080: {names:?}")
                    });
            }
            Holder::Unknowable => {
                let unreadable = self
                    .cameras
                    .iter()
                    .all(|camera| view(camera).is_ok_and(|view| view.class == "unreadable"));
                self.outcome.expect(unreadable, || {
                    "a camera does not say that the router cannot be read".to_owned()
                });
            }
            Holder::Nobody => {
                self.outcome.expect(believers.is_empty(), || {
                    "a camera believes that it has 8080, which nobody can have".to_owned()
                });
            }
        }
        self.listen();
        if self.expected.takeover != Takeover::Deputy {
            self.expect_words();
        }
    }

    fn believers(&self) -> Vec<Ipv4Addr> {
        let mut believers = Vec::new();
        for camera in &self.cameras {
            if view(camera).is_ok_and(|view| view.believes) {
                believers.push(camera.address());
            }
        }
        believers
    }

    /// Writes down what the cameras say now.
    fn listen(&mut self) {
        for camera in &self.cameras {
            match view(camera) {
                Ok(view) => {
                    self.outcome.classes.insert(view.class);
                    let says = view
                        .says
                        .iter()
                        .map(|text| self.site.without_addresses(text));
                    self.outcome.says.extend(says);
                }
                Err(why) => {
                    let name = &camera.name;
                    self.outcome
                        .expect(false, || format!("{name} does not answer: {why}"));
                }
            }
        }
    }

    fn expect_words(&mut self) {
        // Whoever is told of something looks for what is wrong.
        if self.expected.words.is_empty()
            && let Some(first) = self.outcome.says.first()
        {
            let failure = format!("a camera complains without need: {first:?}");
            self.outcome.failures.push(failure);
        }
        for words in self.expected.words {
            let said = self.outcome.says.iter().any(|text| text.contains(words));
            self.outcome
                .expect(said, || format!("no camera says {words:?}"));
        }
    }

    /// The holder of the port is killed.
    fn death(&mut self) {
        let holder = self.site.history().holder();
        let dying = |camera: &Camera| Some(camera.address()) == holder;
        let Some(index) = self.cameras.iter().position(dying) else {
            return;
        };
        let mut dead = self.cameras.remove(index);
        let died = Instant::now();
        dead.kill();
        self.keep_log(&dead);
        let address = dead.address();
        // Every page says it, whichever is looked at.
        let deputy = |row: &Self| {
            row.cameras.iter().all(|camera| {
                let says = view(camera).map(|view| view.says).unwrap_or_default();
                let mut words = row.expected.words.iter();
                words.all(|words| says.iter().any(|text| text.contains(words)))
            })
        };
        let stands_in = self.expected.takeover == Takeover::Deputy;
        let patience = self.expected.pace * TO_FOLLOW * LEASE;
        let followed = within(patience, || {
            if stands_in && deputy(self) {
                return Some(None);
            }
            self.site.history().taken_over(address, died).map(Some)
        });
        let at = followed.flatten();
        self.outcome.deputy = followed == Some(None);
        self.outcome.takeover = at.map(|at| heartbeats(at - died));
        let lease = heartbeats(LEASE);
        let most = match self.expected.takeover {
            Takeover::ByDeleting => TO_DELETE,
            Takeover::ByLease => lease + TO_DELETE,
            Takeover::InTime => heartbeats(patience),
            Takeover::Deputy => {
                self.listen();
                return self.expect_words();
            }
            Takeover::None => return,
        };
        let took = self.outcome.takeover;
        self.outcome
            .expect(took.is_some_and(|took| took <= most), || match took {
                None => format!("nobody took 8080 over in {patience:?}"),
                Some(took) => format!("8080 was taken over after {took} heartbeats, not {most}"),
            });
    }

    /// All are asked to end, at the same time.
    fn leave(&mut self) {
        let mut cameras = std::mem::take(&mut self.cameras);
        let ends: Vec<_> = thread::scope(|scope| {
            let ending: Vec<_> = cameras
                .iter_mut()
                .map(|camera| scope.spawn(|| end(camera)))
                .collect();
            let ended = ending.into_iter().map(thread::ScopedJoinHandle::join);
            ended.map(Result::unwrap_or_default).collect()
        });
        for (camera, end) in cameras.iter().zip(ends) {
            let name = &camera.name;
            match end {
                Some(status) if status.success() => {
                    let left = self.site.left(camera.address());
                    self.outcome.left += left;
                    self.outcome
                        .expect(left == 0, || format!("{name} left {left} mappings behind"));
                }
                Some(status) if status.code() == Some(EXIT_LEFT_BEHIND) => {
                    let told = self.expected.end == End::MaySaySo;
                    self.outcome.expect(told, || {
                        format!("{name} has left mappings behind, and says so")
                    });
                }
                Some(status) => self.outcome.expect(false, || format!("{name}: {status}")),
                None => self
                    .outcome
                    .expect(false, || format!("{name} did not end in time")),
            }
            self.keep_log(camera);
        }
        let history = self.site.history();
        self.outcome.made = history.made;
        self.outcome.renewed = history.renewed;
        for (number, letter) in (0..).zip(CAMERAS) {
            let most = history.most_at_once(self.site.address(number));
            self.outcome.most_at_once = self.outcome.most_at_once.max(most);
            self.outcome.expect(most <= MOST_AT_ONCE, || {
                format!("{letter} had {most} mappings at one time")
            });
        }
    }

    fn keep_log(&mut self, camera: &Camera) {
        let mut log = format!("---- the log of {} of {}\n", camera.name, self.outcome.name);
        for line in camera.log_text().lines() {
            writeln!(log, "{}", self.site.without_addresses(line)).expect("a string takes all");
        }
        self.outcome.logs.push(log);
    }
}

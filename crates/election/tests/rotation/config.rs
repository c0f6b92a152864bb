//! What one seed means: the site, its settings, its network, its router and its troubles.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use porthole_election::{Detection, Succession};
use porthole_election::{LanMessaging, Rules};
use porthole_sim_router::Renewal;
use porthole_types::PortRange;
use porthole_types::{ExternalPort, InstanceId};

use super::fake_router::RouterHabits;
use super::faults::{self, Timed};
use super::wire::Weather;

/// A span or a point of virtual time, in milliseconds.
pub type Millis = u64;

/// The port that everything is about.
pub fn leadership() -> ExternalPort {
    ExternalPort::new(8080).expect("not 0")
}

/// What kind of trouble a seed is about. The narrow kinds have invariants of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// At most one short burst of loss, shorter than a heartbeat: nothing may happen at all (S3).
    Calm,
    /// Loss, duplicates, delay, reordering; nothing else.
    Lossy,
    /// Servers die, come back, freeze, leave.
    Deaths,
    /// The LAN falls apart and heals (L2).
    Partitions,
    /// The router reboots, refuses, lies, loses its replies.
    Router,
    /// Everything at once.
    Everything,
    /// Hours of loss and nothing else, for the statistics of false takeovers.
    Hours,
}

/// How random numbers fall for the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dice {
    /// For each as it will.
    Each,
    /// For all alike, so that random waits collide (claim 10).
    Alike,
}

/// A site and what befalls it.
#[derive(Clone, Debug)]
pub struct Config {
    pub seed: u64,
    pub profile: Profile,
    pub servers: usize,
    pub heartbeat: Millis,
    pub lease: Millis,
    pub own_lease: Millis,
    pub missed_limit: u32,
    pub detection: BTreeSet<Detection>,
    pub succession: Succession,
    pub lan: LanMessaging,
    pub range: PortRange,
    /// How often the table is read; `None` is `read_table = false`.
    pub poll: Option<Millis>,
    /// How long a request to the router may take (`gateway::igd::REQUEST_TIME`).
    pub time_out: Millis,
    pub router: RouterHabits,
    pub weather: Weather,
    pub dice: Dice,
    pub faults: Vec<Timed>,
    /// From then on nothing goes wrong any more.
    pub calm_at: Millis,
    pub ends_at: Millis,
}

impl Config {
    /// What this seed stands for. The same seed is the same site on every machine.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let profile = match rng.u32(0..100) {
            0..12 => Profile::Calm,
            12..22 => Profile::Lossy,
            22..45 => Profile::Deaths,
            45..58 => Profile::Partitions,
            58..70 => Profile::Router,
            _ => Profile::Everything,
        };
        Self::drawn(seed, profile, &mut rng)
    }

    fn drawn(seed: u64, profile: Profile, rng: &mut Rng) -> Self {
        let servers = rng.usize(2..=6);
        let heartbeat = if rng.u8(0..3) == 0 { 2_000 } else { 1_000 };
        let lease = *pick(rng, &[4_000, 8_000, 8_000, 12_000, 30_000]);
        let all = [
            Detection::Withdrawal,
            Detection::Heartbeat,
            Detection::Probe,
        ];
        let mut detection: BTreeSet<Detection> =
            all.into_iter().filter(|_| rng.u8(0..3) > 0).collect();
        if detection.is_empty() {
            detection.extend(all);
        }
        let succession = *pick(
            rng,
            &[
                Succession::PortOrder,
                Succession::Random,
                Succession::ServerValue,
            ],
        );
        let leave_mapping_alone = rng.u16(0..4);
        let last = 8080 + servers as u16 + leave_mapping_alone;
        let range = PortRange::new(port(8081), port(last)).expect("in order");
        let lan = if profile != Profile::Calm && rng.u8(0..20) == 0 {
            LanMessaging::Disabled
        } else {
            LanMessaging::Enabled
        };
        let poll = if lan == LanMessaging::Enabled && rng.u8(0..4) == 0 {
            None
        } else {
            Some(*pick(rng, &[2_000, 5_000, 10_000]))
        };
        let router = RouterHabits::drawn(seed, profile, servers, rng);
        let weather = Weather::drawn(profile, heartbeat, rng);
        let starts: Millis = 20_000;
        let span = match profile {
            Profile::Calm | Profile::Lossy => 60_000,
            _ => rng.u64(10..=60) * 1_000,
        };
        let calm_at = starts + span;
        let mut config = Self {
            seed,
            profile,
            servers,
            heartbeat,
            lease,
            own_lease: *pick(rng, &[60_000, 3_600_000]),
            missed_limit: rng.u32(2..=3),
            detection,
            succession,
            lan,
            range,
            poll,
            time_out: 5_000,
            router,
            weather,
            dice: if rng.u8(0..8) == 0 {
                Dice::Alike
            } else {
                Dice::Each
            },
            faults: Vec::new(),
            calm_at,
            ends_at: calm_at + 40_000 + 40 * heartbeat + lease,
        };
        if config.router.quirks.renewal == Renewal::KeepsEnd {
            // Whether a lease was extended can be told from one second to the next at the soonest.
            config.lease = config.lease.max(8_000);
        }
        config.faults = faults::drawn(&config, starts, calm_at, rng);
        config
    }

    /// Five servers on an honest router, for so many hours of nothing but loss.
    pub fn hours(seed: u64, hours: u64, loss_per_mille: u32) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut config = Self::drawn(seed, Profile::Hours, &mut rng);
        config.servers = 5;
        config.heartbeat = 2_000;
        config.lease = 30_000;
        config.own_lease = 3_600_000;
        config.missed_limit = 2;
        config.detection = [
            Detection::Withdrawal,
            Detection::Heartbeat,
            Detection::Probe,
        ]
        .into();
        config.lan = LanMessaging::Enabled;
        config.range = PortRange::new(port(8081), port(8090)).expect("in order");
        config.poll = Some(10_000);
        config.weather.loss_per_mille = loss_per_mille;
        config.dice = Dice::Each;
        config.calm_at = hours * 3_600_000;
        config.ends_at = config.calm_at;
        config
    }

    /// How slow the router may be where everything is to go well: a lease must outlast the making
    /// of a mapping.
    pub fn calm_slowest(&self) -> Millis {
        self.router.slowest.min(self.lease / 24)
    }

    /// The longest lease that is asked for: a router that is slow to answer is asked for longer
    /// ones (`gateway::verified::secure`).
    pub fn longest_lease(&self) -> Millis {
        let answer = if self.router.late_per_mille > 0 {
            self.time_out
        } else {
            2 * self.router.slowest + 1_000 // and a segment that is sent again
        };
        if answer < 2_000 {
            self.lease
        } else {
            self.lease.max((answer / 1_000 + 1) * 12_000)
        }
    }

    /// The rules of one of its servers.
    pub fn rules(&self, me: InstanceId) -> Rules {
        Rules {
            me,
            representative_port: leadership(),
            range: self.range,
            representative_lease: Duration::from_millis(self.lease),
            lease: Duration::from_millis(self.own_lease),
            heartbeat: Duration::from_millis(self.heartbeat),
            missed_limit: self.missed_limit,
            detection: self.detection.clone(),
            succession: self.succession,
            lan: self.lan,
        }
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {} {:?}: {} servers, T {} ms, lease {} ms (own {} ms), missed limit {}, {:?}, \
             {:?}, LAN {:?}, range {}, poll {:?}",
            self.seed,
            self.profile,
            self.servers,
            self.heartbeat,
            self.lease,
            self.own_lease,
            self.missed_limit,
            self.detection,
            self.succession,
            self.lan,
            self.range,
            self.poll,
        )?;
        writeln!(f, "{:?}", self.router)?;
        writeln!(f, "{:?}, dice {:?}", self.weather, self.dice)?;
        for fault in &self.faults {
            writeln!(f, "  at {:>7}: {:?}", fault.at, fault.fault)?;
        }
        write!(f, "  calm at {}, ends at {}", self.calm_at, self.ends_at)
    }
}

/// A port that is not 0.
pub fn port(number: u16) -> ExternalPort {
    ExternalPort::new(number).expect("not 0")
}

/// One of these.
pub fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(0..from.len())]
}

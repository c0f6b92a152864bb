//! The LAN: what becomes of a datagram between two servers.

use fastrand::Rng;

use super::config::{Millis, Profile, pick};
use super::fake_router::happens;

/// How bad it is.
#[derive(Clone, Debug)]
pub struct Weather {
    pub loss_per_mille: u32,
    pub twice_per_mille: u32,
    /// The usual longest delay.
    pub delay: Millis,
    /// Of 1,000 datagrams: how many take much longer, up to `slow`.
    pub slow_per_mille: u32,
    pub slow: Millis,
}

impl Weather {
    pub fn drawn(profile: Profile, heartbeat: Millis, rng: &mut Rng) -> Self {
        let rough = !matches!(profile, Profile::Calm | Profile::Hours);
        let loss = match profile {
            Profile::Calm | Profile::Hours => 0,
            Profile::Lossy => *pick(rng, &[5, 10, 50, 100, 300]),
            _ => *pick(rng, &[0, 0, 10, 50]),
        };
        Self {
            loss_per_mille: loss,
            twice_per_mille: *pick(rng, &[0, 10, 100]),
            delay: *pick(rng, &[1, 5, 20]),
            slow_per_mille: if rough { *pick(rng, &[0, 10, 50]) } else { 0 },
            slow: heartbeat * 3 / 2,
        }
    }
}

/// Which ways are cut.
#[derive(Clone, Debug)]
pub struct Wire {
    pub weather: Weather,
    /// `cut[a][b]`: nothing gets from `a` to `b`.
    pub cut: Vec<Vec<bool>>,
    /// Nothing gets from this server to the router, or back.
    pub off_router: Vec<bool>,
    /// Whether the last datagram from `a` to `b` that failed (or was slow) was sent then: an
    /// excuse for what `b` believes of `a`.
    pub spoiled: Vec<Vec<Option<Millis>>>,
    pub lost: u64,
    pub sent: u64,
}

/// How a datagram fares: after so long it arrives, perhaps twice, perhaps not at all.
pub type Fares = [Option<Millis>; 2];

impl Wire {
    pub fn new(servers: usize, weather: Weather) -> Self {
        Self {
            weather,
            cut: vec![vec![false; servers]; servers],
            off_router: vec![false; servers],
            spoiled: vec![vec![None; servers]; servers],
            lost: 0,
            sent: 0,
        }
    }

    pub fn heal(&mut self) {
        for row in &mut self.cut {
            row.fill(false);
        }
        self.off_router.fill(false);
    }

    /// What becomes of a datagram that is sent now.
    pub fn carry(&mut self, from: usize, to: usize, now: Millis, rng: &mut Rng) -> Fares {
        self.sent += 1;
        if self.cut[from][to] || happens(rng, self.weather.loss_per_mille) {
            self.lost += 1;
            self.spoiled[from][to] = Some(now);
            return [None, None];
        }
        let first = rng.u64(0..=self.weather.delay);
        let first = if happens(rng, self.weather.slow_per_mille) {
            self.spoiled[from][to] = Some(now);
            first + rng.u64(0..=self.weather.slow)
        } else {
            first
        };
        let again = happens(rng, self.weather.twice_per_mille).then(|| first + rng.u64(0..=100));
        [Some(first), again]
    }
}

//! S1, S1d and S2: who believes to be representative, and what the router has to say to it.

use super::Invariants;
use super::record::Robbed;
use crate::config::Millis;
use crate::fake_router::FakeRouter;
use crate::server::Server;
use crate::wire::Wire;

impl Invariants {
    /// S1: at most one believes, in each epoch of the router. S2: the router has its mapping, for
    /// longer than it believes.
    pub(super) fn beliefs(
        &mut self,
        now: Millis,
        servers: &[Server],
        fake_router: &FakeRouter,
        wire: &Wire,
    ) {
        let holder = fake_router.holder(now);
        let mut believers = 0;
        for (index, server) in servers.iter().enumerate() {
            let believes = server.believes(now);
            let record = &mut self.records[index];
            // Also of one that is about to believe, by an answer that it has not read yet.
            if !fake_router.up || wire.off_router[index] || server.frozen_until > now {
                record.trouble = Some(now);
            }
            if !believes {
                if record.believed {
                    record.believed = false;
                    if server.runs() {
                        self.calm_only(now, format_args!("s{index} believes no more"));
                    }
                }
                continue;
            }
            record.believed = true;
            let epoch = *record.epoch.get_or_insert(fake_router.epoch);
            if epoch != fake_router.epoch {
                continue; // S1 and S2 are stated per router epoch
            }
            if let Some(robbed) = record.robbed {
                let trouble = record.trouble;
                self.overlaps(now, index, robbed, trouble);
                continue;
            }
            believers += 1;
            let covered = holder.is_some_and(|entry| {
                entry.client == server.address
                    && entry.ends.is_none_or(|ends| {
                        server.believes_until().is_some_and(|until| until <= ends)
                    })
            });
            if !covered {
                let until = server.believes_until();
                self.breaks(
                    "S2",
                    now,
                    format!("s{index} believes until {until:?}; the router has {holder:?}"),
                );
            }
        }
        if believers > 1 {
            self.breaks("S1", now, format!("{believers} believe at once"));
        }
    }

    /// S1d: the router forwards to one, and who was wrongly replaced notices.
    fn overlaps(&mut self, now: Millis, index: usize, robbed: Robbed, trouble: Option<Millis>) {
        let (config, at) = (&self.config, robbed.at);
        let beat = config.heartbeat;
        let exchange = 2 * config.router.slowest;
        // A request that is under way (six exchanges, where leases are refused and the list is
        // looked at), and the one that tells: it steps down, or finds the port free and has
        // it again.
        let requests = 10 * exchange + 100;
        let lease = config.longest_lease();
        let hindered = trouble.is_some_and(|trouble| trouble + requests + config.time_out > at);
        // At its Inquiries it misses the other's reports, and asks the router, for four heartbeats.
        let misses = robbed
            .parted
            .map(|parted| parted + beat * Millis::from(config.missed_limit) + beat / 8)
            .filter(|misses| at < misses + 3 * beat);
        let overlaps = &mut self.summary.overlaps;
        let (longest, since, limit) = if hindered {
            // Its deadline; how fast the router's clock may run is no matter of its own.
            (&mut overlaps.hindered, at, lease - lease / 8)
        } else if let Some(warned) = robbed.warned {
            (&mut overlaps.warned, warned, beat / 4 + requests)
        } else if let Some(misses) = misses {
            let limit = misses.saturating_sub(at) + beat + beat / 4 + requests;
            (&mut overlaps.parted, at, limit)
        } else {
            // Where it is not shown who has the port, the first refusal says too little.
            let again = if config.router.shows_whose() {
                0
            } else {
                lease / 16 + requests
            };
            (&mut overlaps.unknown, at, lease / 4 + requests + again)
        };
        let took = now - since;
        if exchange <= beat / 2 {
            // A slow router's share would hide that of the rules.
            *longest = (*longest).max(took * 1_000 / beat);
        }
        if took > limit {
            let what = format!("s{index} was replaced ({robbed:?}) and believes {took} ms after");
            self.breaks("S1d", now, what);
        }
    }
}

//! S1, S1d and S2: who believes to be representative, and what the router has to say to it.

use super::Invariants;
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
            if let Some(at) = record.robbed {
                // S1d: the router forwards to one; who was wrongly replaced notices within one
                // verification, if the router lets it verify.
                self.summary.overlap = self.summary.overlap.max(now - at);
                let request = 8 * self.config.router.slowest + 50;
                if !fake_router.up || wire.off_router[index] || server.frozen_until > now {
                    record.trouble = Some(now);
                }
                let hindered = record
                    .trouble
                    .is_some_and(|trouble| trouble + request + self.config.time_out > at);
                let limit = if hindered {
                    self.config.lease
                } else {
                    self.config.lease / 4 + 2 * request
                };
                if now > at + limit {
                    self.breaks(
                        "S1d",
                        now,
                        format!("s{index} was replaced at {at} and still believes"),
                    );
                }
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
}

//! L1 and L2: after the last fault there is one representative, soon, and it stays.

use porthole_election::Detection;
use porthole_election::{Candidacy, LanMessaging, Lifecycle, Memory, RemoteAccess, StaleMapping};
use porthole_sim_router::{Leases, PerInner, Shown, Visibility};

use crate::config::{Config, Millis, leadership};
use crate::fake_router::{FakeRouter, Held};
use crate::faults::{Fault, OnHolder};
use crate::server::Server;

/// L1: one representative within so many heartbeats of the last fault, of the end of a failed
/// server's lease where the router keeps it, and of the servers' own back-off from a router that
/// refused them.
const K: u64 = 8;

/// Calls to the router in a row that a takeover may have to wait for: a request for the own port
/// that is under way (5), looking (1), deleting (3), mapping (5): each may need a second look.
const CALLS: u64 = 14;

/// What is known of the time after the last fault.
pub(super) struct Liveness {
    config: Config,
    calm_at: Option<Millis>,
    /// Until when the router kept the representative port for somebody who cannot renew it.
    held_until: Millis,
    /// Since when there has been one, without a break.
    one_since: Option<Millis>,
    /// When there last was one.
    last_one: Millis,
    stepped_down: bool,
    /// Since when another program has had the representative port.
    foreign_since: Option<Millis>,
    deputies: u32,
    forever: bool,
    /// A deputy had to do for a while: how long that lasted is no matter of the rules.
    excused: bool,
}

impl Liveness {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            calm_at: None,
            held_until: 0,
            one_since: None,
            last_one: 0,
            stepped_down: config.faults.iter().any(|timed| {
                matches!(
                    timed.fault,
                    Fault::StepDown(_) | Fault::Holder(OnHolder::StepDown)
                )
            }),
            foreign_since: None,
            deputies: 0,
            forever: false,
            excused: false,
        }
    }

    pub(super) fn calm(&mut self, now: Millis) {
        self.calm_at = Some(now);
    }

    pub(super) fn deputies(&self) -> u32 {
        self.deputies
    }

    /// From the last reason to wait to one representative, in thousandths of T.
    pub(super) fn settled(&self) -> Option<u64> {
        let calm = self.patience(self.calm_at?);
        let since = self.one_since.filter(|_| !self.excused)?;
        Some(since.saturating_sub(calm) * 1_000 / self.config.heartbeat)
    }

    /// What has to be waited for whatever the rules are: the tail of the last fault (an answer that
    /// never comes, a write that arrives late), a failed server's lease, and the exchanges with the
    /// router that a takeover is made of.
    fn patience(&self, calm: Millis) -> Millis {
        let router = &self.config.router;
        let previous = if router.late_per_mille > 0 {
            2 * self.config.time_out
        } else {
            0
        };
        let lost = if router.lost_per_mille > 0 {
            self.config.time_out
        } else {
            router.slowest * 2
        };
        // Where no server speaks, no list shows that the port is free, and no lease ends, it is
        // looked at again only after as long as it has been another's.
        let unseen = matches!(router.quirks.shown, Shown::SpecificOnly | Shown::Nothing)
            && router.quirks.leases == Leases::PermanentOnly
            && self.config.lan == LanMessaging::Disabled;
        let stood = if unseen { calm } else { 0 };
        (calm + previous + lost + stood).max(self.held_until)
            + 2 * CALLS * self.config.calm_slowest()
    }

    pub(super) fn after_event(
        &mut self,
        now: Millis,
        servers: &[Server],
        fake_router: &FakeRouter,
        secure: bool,
    ) -> Option<(&'static str, String)> {
        let holder = fake_router.holder(now);
        let mut believers = servers
            .iter()
            .filter(|server| server.believes(now) || server.is_in_gap(now));
        let one = match (believers.next(), believers.next(), holder) {
            (Some(server), None, Some(entry)) => entry.client == server.address,
            // Its mapping is being made anew.
            (Some(server), None, None) => server.is_in_gap(now),
            _ => false,
        };
        self.one_since = if one {
            self.one_since.or(Some(now))
        } else {
            None
        };
        if one {
            self.last_one = now;
        }
        self.note_foreign(now, holder);
        let calm = self.calm_at?;
        if !servers
            .iter()
            .any(|server| server.runs() && server.switch == RemoteAccess::On)
        {
            return None; // nobody is to lead
        }
        if servers
            .iter()
            .any(|server| server.runs() && server.state.lifecycle == Lifecycle::SteppingDown)
        {
            // It keeps the representative port until it has a port of its own.
            self.held_until = self.held_until.max(now);
        }
        let alone = servers.iter().filter(|server| server.runs()).count() == 1;
        if alone && self.stepped_down {
            // Whoever steps down lets others go first for a lease, also where there are none.
            self.held_until = self.held_until.max(self.last_one + self.config.lease);
        }
        let asked = [Detection::Heartbeat, Detection::Probe]
            .iter()
            .any(|detection| self.config.detection.contains(detection));
        if !asked && self.config.poll.is_none() {
            // Where only farewells count and one is lost, the lease that was would have to end.
            self.held_until = self.held_until.max(self.last_one + self.config.lease);
        }
        if fake_router.is_full_without(now, |client| {
            servers
                .iter()
                .any(|server| server.runs() && server.address == client)
        }) {
            // Nobody there has a mapping to give up for the representative port.
            self.held_until = self.held_until.max(now);
        }
        if holder.is_none()
            && fake_router.is_full(now)
            && servers.iter().any(|server| server.is_in_gap(now))
        {
            // Another took the place in the table while the mapping was being made anew.
            self.held_until = self.held_until.max(now);
        }
        if let Some(entry) = holder {
            let owner = servers
                .iter()
                .find(|server| server.runs() && server.address == entry.client);
            // One that has lost its state file does not know that it has the mapping, and lets the
            // lease run out.
            let readable = fake_router.habits.shows_whose();
            let alive = owner.is_some_and(|owner| {
                entry.ends.is_none() && (readable || owner.state.ledger.has(leadership()))
                    || owner.state.leadership.is_some()
                    || owner.state.memory == Memory::WasRepresentative
            });
            let known = servers.iter().any(|server| knows(server, entry.client));
            let unremovable = secure
                || entry.foreign
                || fake_router.habits.quirks.visibility == Visibility::OwnOnly
                // Nobody can say that it is the failed server's.
                || !readable
                // One delete is tried, and it may have been a lie, or be carried out later.
                || self.config.router.lies_per_mille + self.config.router.late_per_mille > 0
                || self.config.lan == LanMessaging::Disabled;
            if !alive && (unremovable || !known || !asked) {
                match entry.ends {
                    // Where its end cannot be seen it is looked at twice in a lease.
                    Some(ends) if !readable => {
                        self.held_until = self.held_until.max(ends + self.config.lease / 2);
                    }
                    Some(ends) => self.held_until = self.held_until.max(ends),
                    None if unremovable => self.forever = true,
                    // A mapping without an end whose owner nobody has ever heard is looked at again
                    // after a lease.
                    None => self.held_until = self.held_until.max(calm + 2 * self.config.lease),
                }
            }
        }
        self.deputies = servers.iter().filter(|server| is_deputy(server)).count() as u32;
        let shaky = self.config.router.lies_per_mille
            + self.config.router.busy_per_mille
            + self.config.router.lost_per_mille
            + self.config.router.late_per_mille;
        // A delete that went wrong once, or was crossed by its owner's return, makes a router
        // without leases look stuck: then a deputy has to do.
        let crosses = self.config.router.slowest > self.config.heartbeat / 4;
        let deputy = self.deputies == 1
            && (shaky > 0 || crosses)
            && self.config.router.quirks.leases == Leases::PermanentOnly;
        // Nobody is to have the port: a deputy shows the page.
        let reserved = self
            .config
            .router
            .quirks
            .reserved
            .is_some_and(|ports| ports.refusal(leadership()).is_some());
        // It was refused for a moment to one without a mapping, and so taken for reserved.
        let quirks = &self.config.router.quirks;
        let taken_for_reserved = self.deputies == 1
            && self.config.router.busy_per_mille > 0
            && quirks.per_inner == PerInner::One;
        let deputy = deputy || taken_for_reserved;
        self.excused |= self.forever || deputy || reserved;
        if self.forever || deputy || reserved {
            return None;
        }
        let deadline = self.patience(calm) + K * self.config.heartbeat;
        if now > deadline && self.one_since.is_none_or(|since| since > deadline) {
            return Some((
                "L1",
                format!(
                    "no single representative {K} T after {}",
                    self.patience(calm)
                ),
            ));
        }
        None
    }
}

impl Liveness {
    /// An endless mapping of another program is looked at each two silences for a lease's time,
    /// then less and less (`docs/design/rotation.md`, "What may be deleted"): where nobody reads
    /// the table, it may take as long again as it stood until anybody sees that it is gone.
    fn note_foreign(&mut self, now: Millis, holder: Option<Held>) {
        if holder.is_some_and(|entry| entry.foreign) {
            self.foreign_since.get_or_insert(now);
        } else if let Some(since) = self.foreign_since.take()
            && self.config.poll.is_none()
            && now - since > self.config.lease
        {
            self.held_until = self.held_until.max(now + (now - since));
        }
    }
}

/// Whether it has heard the one whose mapping this is, and may judge its silence.
fn knows(server: &Server, client: std::net::Ipv4Addr) -> bool {
    let watched = server.state.detector.map(|detector| detector.address);
    let previous = server.state.vacancy.and_then(|vacancy| vacancy.address);
    server.runs() && (watched == Some(client) || previous == Some(client))
}

/// Whether this server shows the fleet in place of a failed one whose mapping nobody can remove.
fn is_deputy(server: &Server) -> bool {
    server.runs()
        && matches!(
            server.state.candidacy,
            Candidacy::Acquiring {
                mapping: StaleMapping::Permanent | StaleMapping::Reserved,
                ..
            }
        )
}

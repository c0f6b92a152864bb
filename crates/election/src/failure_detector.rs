//! Watching the representative: what counts as a sign of life, and when its absence counts (¶75,
//! ¶76, ¶80).

use std::net::Ipv4Addr;

use super::context::StepContext;
use super::{Cause, Peer, Rules, Timestamp};
use crate::Detection;
use porthole_types::{InstanceId, Term};

/// Direct questions that must stay unanswered before silence counts as certain.
pub(super) const QUESTIONS: u32 = 2;

/// The representative, as another server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FailureDetector {
    /// Who it is; unknown where only the router says that there is one.
    pub id: Option<InstanceId>,
    /// Its address on the LAN.
    pub address: Ipv4Addr,
    /// The term it holds.
    pub term: Term,
    /// Since when, by this server's clock.
    pub since: Timestamp,
    /// Why it holds it.
    pub cause: Cause,
    /// The last sign of life, from which missed Inquiries are counted.
    pub heard_at: Timestamp,
    /// Inquiries missed in a row (claim 14).
    pub misses: u32,
    /// The next probe at random intervals (claim 15).
    pub probe_at: Timestamp,
    /// Until when the answer to the last one may come.
    pub answer_by: Option<Timestamp>,
    /// Probes unanswered in a row.
    pub probes_missed: u32,
    /// Direct questions asked since there was doubt, before acting on silence.
    pub asked: u32,
    /// The next of these, or the end of the wait for the last one's answer.
    pub ask_at: Timestamp,
}

impl FailureDetector {
    /// A representative that has just been heard.
    pub(super) fn of(
        peer: Peer,
        term: Term,
        cause: Cause,
        since: Timestamp,
        context: &StepContext,
    ) -> Self {
        let mut detector = Self {
            id: Some(peer.id),
            address: peer.address,
            term,
            since,
            cause,
            heard_at: context.now,
            misses: 0,
            probe_at: context.now + context.rules.probe_interval(context.entropy),
            answer_by: None,
            probes_missed: 0,
            asked: 0,
            ask_at: context.now,
        };
        detector.alive(context);
        detector
    }

    /// One that the router names and nobody has heard: it is asked at once, and its silence counts
    /// whatever the settings say of detection.
    pub(super) fn unheard(address: Ipv4Addr, term: Term, context: &StepContext) -> Self {
        Self {
            id: None,
            address,
            term,
            since: context.now,
            cause: Cause::Free,
            heard_at: context.now,
            misses: 0,
            probe_at: context.now,
            answer_by: None,
            probes_missed: context.rules.missed_limit,
            asked: 0,
            ask_at: context.now,
        }
    }

    /// It gave a sign of life.
    pub(super) fn alive(&mut self, context: &StepContext) {
        let rules = context.rules;
        self.heard_at = context.now;
        self.misses = 0;
        self.probes_missed = 0;
        self.answer_by = None;
        self.asked = 0;
        self.ask_at = context.now;
        // While Inquiries come, they answer the question before it is put: probes begin when one is
        // overdue. Without that detection every server goes on asking at random intervals
        // (¶81).
        if rules.detection.contains(&Detection::Heartbeat) {
            self.probe_at = context.now
                + rules.heartbeat
                + rules.slack()
                + rules.probe_interval(context.entropy);
        }
    }

    /// Whether it was heard so lately that nobody else should ask for the representative port.
    pub(super) fn is_live(&self, rules: &Rules, now: Timestamp) -> bool {
        self.id.is_some() && now < self.heard_at + rules.silence()
    }

    /// Whether a sign of life is overdue.
    pub(super) fn is_doubtful(&self) -> bool {
        self.misses > 0 || self.probes_missed > 0
    }

    /// Counts what did not come and asks what is due; the answer is why it counts as gone, if it
    /// does.
    pub(super) fn tick(&mut self, context: &mut StepContext) -> Option<Cause> {
        let rules = context.rules;
        let limit = rules.missed_limit;
        if rules.detection.contains(&Detection::Heartbeat) {
            while self.misses < limit && context.now >= self.next_miss(rules) {
                self.misses += 1;
            }
        }
        if rules.detection.contains(&Detection::Probe) {
            if self.answer_by.is_some_and(|by| context.now >= by) {
                self.answer_by = None;
                self.probes_missed = (self.probes_missed + 1).min(limit);
            }
            if self.answer_by.is_none() && context.now >= self.probe_at {
                context.probe(self.address, self.id);
                self.answer_by = Some(context.now + rules.reply_wait());
                self.probe_at = context.now + rules.probe_interval(context.entropy);
            }
        }
        // The direct questions begin one miss before the last, so that confirming costs no time.
        let nearly = |missed: u32| missed > 0 && missed + 1 >= limit;
        if !nearly(self.misses) && !nearly(self.probes_missed) {
            return None;
        }
        if self.asked < QUESTIONS && context.now >= self.ask_at {
            context.probe(self.address, self.id);
            self.asked += 1;
            self.ask_at = context.now + rules.reply_wait();
        }
        if self.asked < QUESTIONS || context.now < self.ask_at {
            return None;
        }
        if self.misses >= limit {
            Some(Cause::MissedHeartbeats)
        } else if self.probes_missed >= limit {
            Some(Cause::UnansweredProbes)
        } else {
            None
        }
    }

    fn next_miss(&self, rules: &Rules) -> Timestamp {
        self.heard_at + rules.heartbeat * (self.misses + 1) + rules.slack()
    }

    /// When to look again.
    pub(super) fn wakes(&self, rules: &Rules) -> [Option<Timestamp>; 4] {
        let heartbeat = rules.detection.contains(&Detection::Heartbeat);
        let probe = rules.detection.contains(&Detection::Probe);
        [
            (heartbeat && self.misses < rules.missed_limit).then(|| self.next_miss(rules)),
            probe.then(|| self.answer_by.unwrap_or(self.probe_at)),
            self.is_doubtful().then_some(self.ask_at),
            // Then the fallback by the lease may begin.
            Some(self.heard_at + rules.silence()),
        ]
    }
}

//! The lan actor's part in agreeing about logins: telling everybody what has changed here, and each who differs what
//! is known here. Only where there is a site key: who cannot sign is not believed, and is told nothing.

use std::time::Instant;

use actix::prelude::*;

use super::{LanActor, chance};
use crate::lan::{Accord, Body, Digests, Occasion};
use crate::site::Facts;
use porthole_election::{Peer, To};

/// What this life of the actor knows of the facts.
pub(super) struct Shared {
    /// What the others have been told, or have told.
    facts: Facts,
    /// Of what is known here; reckoned once for all the reports that are compared with it.
    digest: u32,
    accord: Accord,
}

impl LanActor {
    /// Where there is no key nothing is shared.
    pub(super) fn share(&self) -> Option<Shared> {
        let settings = &self.cells.settings;
        settings.site.key.is_some().then(|| {
            let facts = self.cells.facts.now();
            Shared {
                digest: facts.digest(),
                facts,
                accord: Accord::new(settings.lan.heartbeat),
            }
        })
    }

    /// What a report says; 0 where nothing is shared.
    pub(super) fn digest(&self) -> u32 {
        self.life.shared.as_ref().map_or(0, |shared| shared.digest)
    }

    /// The facts have changed. What the others do not know they are told at once.
    fn facts_changed(&mut self, facts: &Facts) {
        let Some(shared) = &mut self.life.shared else {
            return;
        };
        shared.digest = facts.digest();
        let news = facts.since(&shared.facts).pieces();
        shared.facts.clone_from(facts);
        if news.is_empty() {
            return;
        }
        for piece in news {
            self.send(To::Everybody, Body::Facts(piece));
        }
        self.report(Occasion::Unasked);
    }

    /// Another server knows something.
    pub(super) fn learn(&mut self, facts: &Facts, ctx: &mut Context<Self>) {
        let Some(shared) = &mut self.life.shared else {
            return;
        };
        shared.facts.merge(facts);
        if !self.cells.facts.learn(facts) {
            return;
        }
        shared.digest = self.cells.facts.with(Facts::digest);
        // Merged already; this has it stored, with what others have learned meanwhile.
        self.cells.learn(facts).soon();
        let promise =
            |reporting: &mut crate::lan::Reporting| reporting.learned(Instant::now(), chance());
        if let Some(wait) = self.life.reporting.as_mut().and_then(promise) {
            ctx.run_later(wait, |actor, _| actor.glance());
        }
    }

    /// A report has come, with the digest of what its sender knows.
    pub(super) fn compare(&mut self, from: Peer, theirs: u32, ctx: &mut Context<Self>) {
        let Some(shared) = &mut self.life.shared else {
            return;
        };
        let mine = shared.digest;
        let digests = Digests { mine, theirs };
        let heard = shared.accord.heard(from, digests, Instant::now(), chance());
        if let Some(wait) = heard {
            ctx.run_later(wait, |actor, _| actor.tell_who_differs());
        }
    }

    fn tell_who_differs(&mut self) {
        let Some(shared) = &mut self.life.shared else {
            return;
        };
        let different = shared.accord.due(shared.digest, Instant::now());
        if different.is_empty() {
            return;
        }
        let pieces = self.cells.facts.with(Facts::pieces);
        for address in different {
            for piece in &pieces {
                self.send(To::One(address), Body::Facts(piece.clone()));
            }
        }
    }
}

impl StreamHandler<Facts> for LanActor {
    fn handle(&mut self, facts: Facts, _: &mut Self::Context) {
        self.facts_changed(&facts);
    }
}

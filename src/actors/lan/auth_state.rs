//! The lan actor's part in agreeing about logins: telling everybody what has changed here, and each
//! server whose digest differs what is known here. Only where there is a site key: a server that
//! cannot sign is not believed, and is told nothing.

use std::time::Instant;

use actix::prelude::*;
use tracing::debug;

use super::volatile::AuthSync;
use super::{LanActor, entropy};
use crate::fleet::Occasion;
use crate::lan::{AntiEntropy, Body, DigestPair};
use crate::site::AuthState;
use porthole_election::{Destination, Peer};

impl LanActor {
    /// Where there is no key nothing is shared.
    pub(super) fn start_auth_sync(&self) -> Option<AuthSync> {
        let settings = &self.wired.shared.settings;
        settings.site.key.is_some().then(|| {
            let auth_state = self.wired.shared.auth_state.now();
            AuthSync {
                digest: auth_state.digest(),
                auth_state,
                anti_entropy: AntiEntropy::new(settings.lan.heartbeat),
            }
        })
    }

    /// What a report says; 0 where nothing is shared.
    pub(super) fn digest(&self) -> u32 {
        self.volatile
            .auth_sync
            .as_ref()
            .map_or(0, |sync| sync.digest)
    }

    /// The auth state has changed. What the others do not know they are told at once.
    fn auth_state_changed(&mut self, auth_state: &AuthState) {
        let Some(sync) = &mut self.volatile.auth_sync else {
            return;
        };
        sync.digest = auth_state.digest();
        let news = auth_state.delta(&sync.auth_state).fragments();
        sync.auth_state.clone_from(auth_state);
        if news.is_empty() {
            return;
        }
        for piece in news {
            self.send(Destination::Everybody, Body::AuthState(piece));
        }
        self.report(Occasion::Unasked);
    }

    /// Another server knows something.
    pub(super) fn learn(&mut self, auth_state: &AuthState, ctx: &mut Context<Self>) {
        let Some(sync) = &mut self.volatile.auth_sync else {
            return;
        };
        if !auth_state.follows(&sync.auth_state) {
            debug!("what a camera says of passwords is out of all proportion: ignored");
            return;
        }
        sync.auth_state.merge(auth_state);
        if !self.wired.shared.auth_state.learn(auth_state) {
            return;
        }
        sync.digest = self.wired.shared.auth_state.with(AuthState::digest);
        // Merged already; this has it stored, with what others have learned meanwhile.
        self.wired.shared.learn(auth_state).detach();
        let promise =
            |reporting: &mut crate::lan::Reporting| reporting.on_learned(Instant::now(), entropy());
        if let Some(wait) = self.volatile.reporting.as_mut().and_then(promise) {
            ctx.run_later(wait, |actor, _| actor.glance());
        }
    }

    /// A report has come, with the digest of what its sender knows.
    pub(super) fn compare(&mut self, from: Peer, theirs: u32, ctx: &mut Context<Self>) {
        let Some(sync) = &mut self.volatile.auth_sync else {
            return;
        };
        let mine = sync.digest;
        let digests = DigestPair {
            own: mine,
            other: theirs,
        };
        let heard = sync
            .anti_entropy
            .compare(from, digests, Instant::now(), entropy());
        if let Some(wait) = heard {
            ctx.run_later(wait, |actor, _| actor.tell_who_differs());
        }
    }

    fn tell_who_differs(&mut self) {
        let Some(sync) = &mut self.volatile.auth_sync else {
            return;
        };
        let different = sync.anti_entropy.due(sync.digest, Instant::now());
        if different.is_empty() {
            return;
        }
        let pieces = self.wired.shared.auth_state.with(AuthState::fragments);
        for address in different {
            for piece in &pieces {
                self.send(Destination::One(address), Body::AuthState(piece.clone()));
            }
        }
    }
}

impl StreamHandler<AuthState> for LanActor {
    fn handle(&mut self, auth_state: AuthState, _: &mut Self::Context) {
        self.auth_state_changed(&auth_state);
    }
}

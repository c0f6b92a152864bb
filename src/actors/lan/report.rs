//! The lan actor's reports of this server (port number notice, ¶47): asked for, and unasked where
//! something has changed.

use std::time::Instant;

use actix::prelude::*;

use super::{LanActor, entropy};
use crate::fleet::{Occasion, Report};
use crate::lan::{AnswerTiming, Body};
use crate::settings::Transport;
use porthole_election::{Destination, Lifecycle};
use porthole_types::InternalPort;

impl LanActor {
    /// Reports unasked where something has changed, to the servers that are known by now.
    pub(super) fn glance(&mut self) {
        if self.wired.shared.settings.lan.transport == Transport::Unicast {
            // Of the router's table and of mDNS, too.
            let fleet = self.wired.shared.fleet.borrow().clone();
            let addresses = fleet.others().map(|camera| *camera.lan.ip());
            self.lasting.peers.set_known(addresses);
        }
        let due = match (&self.volatile.reporting, self.wired.shared.myself()) {
            (Some(reporting), Some(me)) => reporting.is_due(&me, Instant::now()),
            _ => None,
        };
        if let Some(occasion) = due {
            self.report(occasion);
        }
    }

    /// Says where this server is (¶47, ¶64).
    pub(super) fn report(&mut self, occasion: Occasion) {
        // A server that has said goodbye is not to be shown again.
        if matches!(
            self.wired.shared.role.load().lifecycle,
            Lifecycle::Leaving | Lifecycle::Gone
        ) {
            return;
        }
        let Some(me) = self.wired.shared.myself() else {
            return;
        };
        let Some(http_port) = InternalPort::new(me.lan.port()) else {
            return;
        };
        if let Some(reporting) = &mut self.volatile.reporting {
            reporting.sent(&me, Instant::now());
        }
        let report = Report {
            name: me.name,
            http_port,
            external: me.external,
            term: self.wired.shared.role.load().term,
            activity: me.activity,
            scheme: me.scheme,
            occasion,
            auth_state: self.digest(),
        };
        self.send(Destination::Everybody, Body::Report(report));
    }

    /// The representative asks everybody to report (claim 3).
    pub(super) fn asked(&mut self, ctx: &mut Context<Self>) {
        let (Some(reporting), Some(me)) =
            (&mut self.volatile.reporting, self.wired.shared.myself())
        else {
            return;
        };
        match reporting.on_inquiry(&me, Instant::now(), entropy()) {
            AnswerTiming::Now => self.report(Occasion::Asked),
            AnswerTiming::After(wait) => {
                ctx.run_later(wait, |actor, _| actor.glance());
            }
            AnswerTiming::AlreadyDue => {}
        }
    }
}

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
        let Some(report) = self.own_report(occasion) else {
            return;
        };
        if let (Some(reporting), Some(me)) =
            (&mut self.volatile.reporting, self.wired.shared.myself())
        {
            reporting.sent(&me, Instant::now());
        }
        self.send(Destination::Everybody, Body::Report(report));
    }

    /// What this server says of itself; nothing while it has no address, and once it has said
    /// goodbye: it is not to be shown again.
    pub(super) fn own_report(&self, occasion: Occasion) -> Option<Report> {
        let lifecycle = self.wired.shared.role.load().lifecycle;
        if matches!(lifecycle, Lifecycle::Leaving | Lifecycle::Gone) {
            return None;
        }
        let me = self.wired.shared.myself()?;
        Some(Report {
            http_port: InternalPort::new(me.lan.port())?,
            name: me.name,
            external: me.external,
            term: self.wired.shared.role.load().term,
            activity: me.activity,
            scheme: me.scheme,
            occasion,
            auth_state: self.digest(),
        })
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

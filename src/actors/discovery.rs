//! `DiscoveryActor`: this server's entries in the LAN's mDNS, and those of the others.
//!
//! Owns the mDNS daemon (a thread of the library), which shares port 5353 with whatever else the
//! machine runs. It runs while there is an address with a link. Restarts with a new one. Loses the
//! entries of both sides: its own are announced again at once, the others' are asked for again;
//! what other machines remember of it outlives that.

mod running;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use mdns_sd::{ResolvedService, ServiceEvent, VERIFY_TIMEOUT_DEFAULT};
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use self::running::Running;
use super::crash::crashes_on_demand;
use crate::discovery::{
    Announcement, PORTHOLE, Resolved, SelfCheck, advertised_server, fullname, has_link, id_of,
};
use crate::fleet::{Fleet, FleetSource, MAX_PEERS, Presence};
use crate::lan::interface::{LanAddress, NoAddress};
use crate::messages::discovery::WithdrawMdns;
use crate::messages::registry::{RecordMdns, RemoveMdns};
use crate::shared::SharedState;
use porthole_supervise::{Fixed, Lasting, Resync, UntilRestart, supervised};
use porthole_types::InstanceId;

/// What changes about this server within this time is announced together: at a start it gets name
/// and port one after the other.
const QUIET: Duration = Duration::from_secs(1);

/// The wait after a failure.
const AGAIN: Duration = Duration::from_secs(30);

/// How often it is looked whether there is a link, and whether anything is heard.
const LOOK: Duration = Duration::from_secs(2);

/// Everything is said once more so long after a daemon began, and asked where nobody was heard: a
/// switch may forward nothing for the first 30 s of a link (IEEE 802.1D, twice the forward delay).
const SETTLED: Duration = Duration::from_secs(35);

/// Keeps this server's entries in mDNS, and tells the registry of the others'.
pub struct DiscoveryActor {
    wired: Fixed<Wired>,
    /// Nothing is announced again after that.
    said_goodbye: Lasting<bool>,
    volatile: UntilRestart<Volatile>,
}

struct Wired {
    shared: Arc<SharedState>,
    record: Recipient<RecordMdns>,
    remove: Recipient<RemoveMdns>,
}

#[derive(Default)]
struct Volatile {
    running: Option<Running>,
    /// The daemon before is still ending: one at a time.
    ending: bool,
    /// The refresh that is to come.
    refresh: Option<SpawnHandle>,
    /// From the first daemon on.
    check: Option<SelfCheck>,
}

impl DiscoveryActor {
    /// An actor that has yet to announce anything.
    pub fn new(
        shared: Arc<SharedState>,
        record: Recipient<RecordMdns>,
        remove: Recipient<RemoveMdns>,
    ) -> Self {
        Self {
            wired: Fixed::new(Wired {
                shared,
                record,
                remove,
            }),
            said_goodbye: Lasting::new(false),
            volatile: UntilRestart::default(),
        }
    }

    fn refresh_in(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if *self.said_goodbye || self.volatile.refresh.is_some() {
            return;
        }
        self.volatile.refresh = Some(ctx.run_later(wait, |actor, ctx| {
            actor.volatile.refresh = None;
            actor.refresh(ctx);
        }));
    }

    /// Brings what is announced in line with what is.
    fn refresh(&mut self, ctx: &mut Context<Self>) {
        if let Err(why) = self.try_refresh(ctx) {
            warn!(%why, "mDNS does not work; the cameras find each other without it");
            self.stop(ctx);
            self.refresh_in(AGAIN, ctx);
        }
    }

    fn try_refresh(&mut self, ctx: &mut Context<Self>) -> Result<(), mdns_sd::Error> {
        if *self.said_goodbye {
            return Ok(());
        }
        let lan = self.linked();
        if self.runs_on() != lan.as_ref() {
            self.stop(ctx);
        }
        let (Some(lan), Some(me)) = (lan, self.wired.shared.myself()) else {
            return Ok(());
        };
        if self.volatile.ending {
            return Ok(()); // its end brings the next refresh
        }
        let fleet = self.wired.shared.fleet.borrow().clone();
        let volatile = &mut *self.volatile;
        let running = match &mut volatile.running {
            Some(running) => running,
            none => {
                let running = none.insert(Running::start(lan)?);
                running.settled = Some(ctx.run_later(SETTLED, Self::say_all_again));
                let now = Instant::now();
                let check = volatile.check.get_or_insert(SelfCheck::new(now));
                check.begun(now);
                running
            }
        };
        if running.browsing.is_none() {
            let events = running.daemon.browse(PORTHOLE)?;
            running.browsing = Some(ctx.add_stream(events.into_stream()));
        }
        let namesakes = fleet.others().map(|camera| camera.name.as_str());
        running.announce(me.id, Announcement::of(&me, namesakes))
    }

    /// The address on the LAN, while the interface has a link.
    fn linked(&self) -> Option<LanAddress> {
        let lan = self.wired.shared.lan_address();
        lan.filter(|lan| has_link(&lan.name))
    }

    fn runs_on(&self) -> Option<&LanAddress> {
        self.volatile.running.as_ref().map(|running| &running.lan)
    }

    /// Begins or ends with the link; begins anew where nothing is heard.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if *self.said_goodbye || self.volatile.ending {
            return;
        }
        let lan = self.linked();
        if self.runs_on() != lan.as_ref() {
            if let (Some(running), None) = (self.runs_on(), &lan) {
                info!(interface = %running.name, "no link; mDNS goes on when it is back");
            }
            self.refresh_in(QUIET, ctx);
            return;
        }
        let check = self.volatile.check.as_mut();
        if lan.is_some() && check.is_some_and(|check| check.is_deaf(Instant::now())) {
            info!("nothing is heard by mDNS, not even this camera itself; beginning anew");
            self.stop(ctx);
            return;
        }
        let check = self.volatile.check.as_mut();
        if check.is_some_and(|check| check.asks_again(Instant::now())) {
            self.ask_again(ctx);
        }
    }

    /// Asks who is there, as at the begin.
    fn ask_again(&mut self, ctx: &mut Context<Self>) {
        let running = self.volatile.running.as_mut();
        if let Some(browsing) = running.and_then(|running| running.browsing.take()) {
            ctx.cancel_future(browsing);
        }
        self.refresh_in(Duration::ZERO, ctx);
    }

    /// Who is known already is not asked for: what is remembered would pass for news.
    fn say_all_again(&mut self, ctx: &mut Context<Self>) {
        let Some(running) = &mut self.volatile.running else {
            return;
        };
        running.again = true;
        if running.told.is_empty() {
            self.ask_again(ctx);
        } else {
            self.refresh_in(Duration::ZERO, ctx);
        }
    }

    /// Ends the daemon. What it has told is taken back; when its thread has ended the next one may
    /// begin.
    fn stop(&mut self, ctx: &mut Context<Self>) {
        let Some(mut running) = self.volatile.running.take() else {
            return;
        };
        let futures = [running.browsing.take(), running.settled.take()];
        for future in futures.into_iter().flatten() {
            ctx.cancel_future(future);
        }
        if !running.told.is_empty() {
            self.lost_last();
        }
        self.volatile.ending = true;
        let remove = self.wired.remove.clone();
        let ended = async move {
            for id in std::mem::take(&mut running.told) {
                let _ = remove.send(RemoveMdns(id)).await; // an error is a registry that crashed
            }
            running.end().await;
        };
        ctx.spawn(ended.into_actor(self).map(|(), actor, ctx| {
            actor.volatile.ending = false;
            actor.refresh_in(Duration::ZERO, ctx);
        }));
    }

    /// Asks again after servers that are not heard any more: the entries of those that do not
    /// answer are dropped long before they would lapse (RFC 6762, 10.4).
    fn doubt(&mut self, fleet: &Fleet) {
        let Some(running) = &mut self.volatile.running else {
            return;
        };
        let fading: BTreeSet<_> = fleet
            .others()
            .filter(|camera| camera.presence == Presence::Fading)
            .filter(|camera| camera.sources.contains_key(&FleetSource::Mdns))
            .filter_map(|camera| camera.id)
            .collect();
        for id in fading.difference(&running.doubted) {
            let asked = running.daemon.verify(fullname(*id), VERIFY_TIMEOUT_DEFAULT);
            debug!(%id, ?asked, "asked by mDNS after a camera that is not heard any more");
        }
        running.doubted = fading;
    }

    fn seen(&mut self, service: &ResolvedService) {
        let me = self.wired.shared.identity.id;
        let volatile = &mut *self.volatile;
        let Some(running) = &mut volatile.running else {
            return;
        };
        let addresses: BTreeSet<_> = service.addresses.iter().filter_map(v4).collect();
        let addresses: Vec<_> = addresses.into_iter().collect();
        let resolved = Resolved {
            fullname: &service.fullname,
            port: service.port,
            addresses: &addresses,
            txt: |key| service.txt_properties.get_property_val_str(key),
        };
        let Some(entry) = advertised_server(&resolved, &running.lan, Instant::now()) else {
            debug!(name = %service.fullname, "passed an entry in mDNS over");
            return;
        };
        if let Some(check) = &mut volatile.check {
            check.heard(entry.id == me, entry.at);
        }
        if entry.id != me {
            if running.told.len() < MAX_PEERS {
                running.told.insert(entry.id);
            }
            // A hint: where the registry's mailbox is full the page does without.
            let _ = self.wired.record.try_send(RecordMdns(entry));
        }
    }

    fn lapsed(&mut self, id: InstanceId) {
        if id == self.wired.shared.identity.id {
            if let Some(check) = &mut self.volatile.check {
                check.lost_own(Instant::now());
            }
            return;
        }
        let _ = self.wired.remove.try_send(RemoveMdns(id));
        let Some(running) = &mut self.volatile.running else {
            return;
        };
        if running.told.remove(&id) && running.told.is_empty() {
            self.lost_last();
        }
    }

    fn lost_last(&mut self) {
        if let Some(check) = &mut self.volatile.check {
            check.lost_last(Instant::now());
        }
    }
}

fn v4(address: &mdns_sd::ScopedIp) -> Option<Ipv4Addr> {
    match address.to_ip_addr() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

impl Actor for DiscoveryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let shared = &self.wired.shared;
        if shared.settings.lan.mdns {
            ctx.add_stream(WatchStream::new(shared.lan.subscribe()));
            // Of this server too: another name, port or scheme shows there.
            ctx.add_stream(WatchStream::new(shared.fleet.subscribe()));
            ctx.run_interval(LOOK, Self::look);
        }
    }
}

supervised!(DiscoveryActor {
    wired,
    said_goodbye,
    volatile
});

impl StreamHandler<Result<LanAddress, NoAddress>> for DiscoveryActor {
    fn handle(&mut self, _: Result<LanAddress, NoAddress>, ctx: &mut Self::Context) {
        self.refresh_in(QUIET, ctx);
    }
}

impl StreamHandler<Arc<Fleet>> for DiscoveryActor {
    fn handle(&mut self, fleet: Arc<Fleet>, ctx: &mut Self::Context) {
        self.doubt(&fleet);
        self.refresh_in(QUIET, ctx);
    }
}

impl StreamHandler<ServiceEvent> for DiscoveryActor {
    fn handle(&mut self, event: ServiceEvent, _: &mut Self::Context) {
        match event {
            ServiceEvent::ServiceResolved(service) => self.seen(&service),
            ServiceEvent::ServiceRemoved(_, name) => {
                if let Some(id) = id_of(&name) {
                    self.lapsed(id);
                }
            }
            _ => {}
        }
    }

    /// The library ends the stream of a reader that does not keep up.
    fn finished(&mut self, ctx: &mut Self::Context) {
        if let Some(running) = &mut self.volatile.running {
            running.browsing = None;
        }
        self.refresh_in(QUIET, ctx);
    }
}

impl Handler<Resync> for DiscoveryActor {
    type Result = ();

    /// The registry may have forgotten what it was told: a new browse reports all
    /// there is.
    fn handle(&mut self, _: Resync, ctx: &mut Self::Context) {
        let running = self.volatile.running.as_mut();
        let browsing = running.and_then(|running| running.browsing.take());
        if let Some(browsing) = browsing {
            ctx.cancel_future(browsing);
            self.refresh_in(QUIET, ctx);
        }
    }
}

impl Handler<WithdrawMdns> for DiscoveryActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: WithdrawMdns, _: &mut Self::Context) -> Self::Result {
        *self.said_goodbye = true;
        let running = self.volatile.running.take();
        let me = self.wired.shared.identity.id;
        Box::pin(async move {
            if let Some(running) = running {
                running.say_goodbye(me).await;
            }
        })
    }
}

crashes_on_demand!(DiscoveryActor);

//! `DiscoveryActor`: this server's entries in the LAN's mDNS, and those of the others.
//!
//! Owns the mDNS daemon (a thread of the library), which shares port 5353 with whatever else the
//! machine runs. Restarts with a new one. Loses the entries of both sides: its own are announced
//! again at once, the others' are asked for again; what other machines remember of it outlives
//! that.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use mdns_sd::{
    IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo, VERIFY_TIMEOUT_DEFAULT,
};
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use crate::discovery::{
    Announcement, Changes, PORTHOLE, Resolved, Service, fullname, id_of, label, mdns_record,
};
use crate::fleet::{Fleet, Presence, Source};
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

/// The library says each goodbye twice; the second is this much later at the most.
const SECOND_GOODBYE: Duration = Duration::from_millis(150);

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
    /// The refresh that is to come.
    refresh: Option<SpawnHandle>,
}

/// A daemon on one interface. Dropping it ends the daemon, which says goodbye by itself.
struct Running {
    daemon: ServiceDaemon,
    lan: LanAddress,
    announced: Announcement,
    /// None until the next refresh.
    browsing: Option<SpawnHandle>,
    /// The servers that are not heard any more, and were asked after.
    doubted: BTreeSet<InstanceId>,
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
        let shared = &self.wired.shared;
        let lan = shared.lan_address();
        let runs_on = self
            .volatile
            .running
            .as_ref()
            .map(|running| running.lan.clone());
        if runs_on != lan {
            self.stop(ctx);
        }
        let (Some(lan), Some(me)) = (lan, self.wired.shared.myself()) else {
            return Ok(());
        };
        let fleet = self.wired.shared.fleet.borrow().clone();
        let running = match &mut self.volatile.running {
            Some(running) => running,
            none => none.insert(Running::start(lan)?),
        };
        if running.browsing.is_none() {
            let events = running.daemon.browse(PORTHOLE)?;
            running.browsing = Some(ctx.add_stream(events.into_stream()));
        }
        let namesakes = fleet.others().map(|camera| camera.name.as_str());
        running.announce(me.id, Announcement::of(&me, namesakes))
    }

    /// Ends the daemon without waiting for it.
    fn stop(&mut self, ctx: &mut Context<Self>) {
        let running = self.volatile.running.take();
        if let Some(browsing) = running.and_then(|mut running| running.browsing.take()) {
            ctx.cancel_future(browsing);
        }
    }

    /// Asks again after servers that are not heard any more: the entries of those that do not answer
    /// are dropped long before they would lapse (RFC 6762, 10.4).
    fn doubt(&mut self, fleet: &Fleet) {
        let Some(running) = &mut self.volatile.running else {
            return;
        };
        let fading: BTreeSet<_> = fleet
            .others()
            .filter(|camera| camera.presence == Presence::Fading)
            .filter(|camera| camera.sources.contains_key(&Source::Mdns))
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
        let Some(running) = &mut self.volatile.running else {
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
        let Some(entry) = mdns_record(&resolved, &running.lan, Instant::now()) else {
            debug!(name = %service.fullname, "passed an entry in mDNS over");
            return;
        };
        if entry.id != me {
            // A hint: where the registry's mailbox is full the page does without.
            let _ = self.wired.record.try_send(RecordMdns(entry));
        }
    }
}

fn v4(address: &mdns_sd::ScopedIp) -> Option<Ipv4Addr> {
    match address.to_ip_addr() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

impl Running {
    fn start(lan: LanAddress) -> Result<Self, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(IfKind::Name(lan.name.clone()))?;
        // Everything else between the cameras is IPv4 as well.
        daemon.disable_interface(IfKind::IPv6)?;
        Ok(Self {
            daemon,
            lan,
            announced: Announcement::default(),
            browsing: None,
            doubted: BTreeSet::new(),
        })
    }

    fn announce(&mut self, me: InstanceId, wanted: Announcement) -> Result<(), mdns_sd::Error> {
        let Changes {
            register,
            unregister,
        } = wanted.since(&self.announced);
        for service in &register {
            let info = self.info(me, service)?;
            info!(name = %info.get_fullname(), port = service.port, "announced by mDNS");
            self.daemon.register(info)?;
        }
        for service in &unregister {
            let info = self.info(me, service)?;
            self.daemon.unregister(info.get_fullname())?;
        }
        self.announced = wanted;
        Ok(())
    }

    fn info(&self, me: InstanceId, service: &Service) -> Result<ServiceInfo, mdns_sd::Error> {
        let host = format!("{}.local.", label(me));
        let address = IpAddr::V4(self.lan.address);
        let Service {
            kind,
            instance,
            port,
            txt,
        } = service;
        ServiceInfo::new(kind, instance, &host, address, *port, &txt[..])
    }

    /// Takes everything back and waits until that is said.
    async fn say_goodbye(self, me: InstanceId) {
        for service in &self.announced.services {
            let Ok(info) = self.info(me, service) else {
                continue;
            };
            if let Ok(gone) = self.daemon.unregister(info.get_fullname()) {
                let _ = gone.recv_async().await; // an error is a daemon that has ended
            }
        }
        tokio::time::sleep(SECOND_GOODBYE).await;
        if let Ok(ended) = self.daemon.shutdown() {
            let _ = ended.recv_async().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(why) = self.daemon.shutdown() {
            debug!(%why, "the mDNS daemon had ended already");
        }
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
                    let _ = self.wired.remove.try_send(RemoveMdns(id));
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

    /// The registry may have forgotten what it was told: whoever begins to browse is told of all
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

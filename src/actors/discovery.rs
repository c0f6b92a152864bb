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
use super::registry::{Advertise, RegistryActor, Unadvertise};
use crate::discovery::{
    Announcement, Changes, PORTHOLE, Resolved, Service, advertised_server, fullname, id_of, label,
};
use crate::fleet::{Fleet, FleetSource, Presence};
use crate::lan::interface::{LanAddress, NoAddress};
use crate::shared::SharedState;
use porthole_supervise::Resync;
use porthole_types::InstanceId;

/// What changes about this server within this time is announced together: at a start it gets name
/// and port one after the other.
const QUIET: Duration = Duration::from_secs(1);

/// After a failure.
const AGAIN: Duration = Duration::from_secs(30);

/// The library says each goodbye twice; the second is this much later at the most.
const SECOND_GOODBYE: Duration = Duration::from_millis(150);

/// Take the entries back and wait until the LAN has been told (a daemon that is merely dropped says
/// no goodbye).
#[derive(Message)]
#[rtype(result = "()")]
pub struct SayGoodbye;

/// See the module.
pub struct DiscoveryActor {
    shared: Arc<SharedState>,
    registry: Addr<RegistryActor>,
    /// None once goodbye is said.
    life: Option<Life>,
}

#[derive(Default)]
struct Life {
    running: Option<Running>,
    /// The look at what has changed that is to come.
    refresh: Option<SpawnHandle>,
}

/// A daemon on one interface.
struct Running {
    daemon: ServiceDaemon,
    lan: LanAddress,
    announced: Announcement,
    /// None until the next refresh.
    browsing: Option<SpawnHandle>,
    /// Who is not heard any more, and was asked after.
    doubted: BTreeSet<InstanceId>,
}

impl DiscoveryActor {
    /// An actor that has yet to announce anything.
    pub fn new(shared: Arc<SharedState>, registry: Addr<RegistryActor>) -> Self {
        Self {
            shared,
            registry,
            life: Some(Life::default()),
        }
    }

    fn refresh_in(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        let Some(life) = &mut self.life else {
            return;
        };
        if life.refresh.is_none() {
            life.refresh = Some(ctx.run_later(wait, |actor, ctx| {
                if let Some(life) = &mut actor.life {
                    life.refresh = None;
                }
                actor.refresh(ctx);
            }));
        }
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
        let lan = self.shared.lan_address();
        let runs_on = self.running().map(|running| running.lan.clone());
        if runs_on != lan {
            self.stop(ctx);
        }
        let (Some(lan), Some(me)) = (lan, self.shared.myself()) else {
            return Ok(());
        };
        let fleet = self.shared.fleet.borrow().clone();
        let Some(life) = &mut self.life else {
            return Ok(());
        };
        let running = match &mut life.running {
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

    fn running(&mut self) -> Option<&mut Running> {
        self.life.as_mut()?.running.as_mut()
    }

    /// Ends the daemon, which says goodbye by itself, without waiting for it.
    fn stop(&mut self, ctx: &mut Context<Self>) {
        let Some(running) = self.life.as_mut().and_then(|life| life.running.take()) else {
            return;
        };
        if let Some(browsing) = running.browsing {
            ctx.cancel_future(browsing);
        }
        running.shut_down();
    }

    /// Asks again after who is not heard any more: the entries of who does not answer are
    /// forgotten, long before they would lapse (RFC 6762, 10.4).
    fn doubt(&mut self, fleet: &Fleet) {
        let Some(running) = self.running() else {
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
        let me = self.shared.identity.id;
        let Some(running) = self.running() else {
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
        if entry.id != me {
            // A hint: where the registry has no time for it the page does without.
            let _ = self.registry.try_send(Advertise(entry));
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

    fn shut_down(self) {
        if let Err(why) = self.daemon.shutdown() {
            debug!(%why, "the mDNS daemon had ended already");
        }
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

impl Actor for DiscoveryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.shared.settings.lan.mdns {
            ctx.add_stream(WatchStream::new(self.shared.lan.subscribe()));
            // Of this server too: another name, port or scheme shows there.
            ctx.add_stream(WatchStream::new(self.shared.fleet.subscribe()));
        }
    }
}

impl Supervised for DiscoveryActor {
    fn restarting(&mut self, ctx: &mut Self::Context) {
        self.stop(ctx);
        self.life = self.life.take().map(|_| Life::default());
    }
}

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
                    let _ = self.registry.try_send(Unadvertise(id));
                }
            }
            _ => {}
        }
    }

    /// The library lets go of who does not keep up.
    fn finished(&mut self, ctx: &mut Self::Context) {
        if let Some(running) = self.running() {
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
        let browsing = self.running().and_then(|running| running.browsing.take());
        if let Some(browsing) = browsing {
            ctx.cancel_future(browsing);
            self.refresh_in(QUIET, ctx);
        }
    }
}

impl Handler<SayGoodbye> for DiscoveryActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: SayGoodbye, _: &mut Self::Context) -> Self::Result {
        let running = self.life.take().and_then(|life| life.running);
        let me = self.shared.identity.id;
        Box::pin(async move {
            if let Some(running) = running {
                running.say_goodbye(me).await;
            }
        })
    }
}

crashes_on_demand!(DiscoveryActor);

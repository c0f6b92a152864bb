//! [`Running`]: a daemon of mDNS, from its begin to the end of its thread.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use actix::SpawnHandle;
use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use tracing::{debug, info, warn};

use crate::discovery::{Announcement, Changes, Service, label};
use crate::lan::interface::LanAddress;
use porthole_types::InstanceId;

/// How long the end of a daemon may take; its thread is left to itself then.
const LONGEST_END: Duration = Duration::from_secs(5);

/// Until a daemon that has too much to do is asked again.
const BUSY: Duration = Duration::from_millis(50);

/// The library says each goodbye twice; the second is this much later at the most.
const SECOND_GOODBYE: Duration = Duration::from_millis(150);

/// A daemon on one interface. Dropping it ends the daemon, which says goodbye by itself.
pub(super) struct Running {
    pub(super) daemon: ServiceDaemon,
    pub(super) lan: LanAddress,
    announced: Announcement,
    /// None until the next refresh.
    pub(super) browsing: Option<SpawnHandle>,
    /// When all of it is said once more.
    pub(super) settled: Option<SpawnHandle>,
    /// Whether that is due.
    pub(super) again: bool,
    /// The servers that the registry was told of. Of more than it remembers some are left out.
    pub(super) told: BTreeSet<InstanceId>,
    /// The servers that are not heard any more, and were asked after.
    pub(super) doubted: BTreeSet<InstanceId>,
}

impl Running {
    /// Begins a daemon that has nothing to say yet.
    pub(super) fn start(lan: LanAddress) -> Result<Self, mdns_sd::Error> {
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
            settled: None,
            again: false,
            told: BTreeSet::new(),
            doubted: BTreeSet::new(),
        })
    }

    /// Brings what is announced in line with what is wanted.
    pub(super) fn announce(
        &mut self,
        me: InstanceId,
        wanted: Announcement,
    ) -> Result<(), mdns_sd::Error> {
        let Changes {
            mut register,
            unregister,
        } = wanted.since(&self.announced);
        if std::mem::take(&mut self.again) {
            register.clone_from(&wanted.services);
        }
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
    pub(super) async fn say_goodbye(self, me: InstanceId) {
        for service in &self.announced.services {
            let Ok(info) = self.info(me, service) else {
                continue;
            };
            if let Ok(gone) = self.daemon.unregister(info.get_fullname()) {
                let _ = gone.recv_async().await; // an error is a daemon that has ended
            }
        }
        tokio::time::sleep(SECOND_GOODBYE).await;
        self.end().await;
    }

    /// Ends the daemon and waits until it has ended: a thread that lives on costs memory.
    pub(super) async fn end(self) {
        let ended = async {
            loop {
                match self.daemon.shutdown() {
                    Ok(ended) => break drop(ended.recv_async().await),
                    Err(mdns_sd::Error::Again) => tokio::time::sleep(BUSY).await,
                    Err(_) => break, // it has ended already
                }
            }
        };
        if tokio::time::timeout(LONGEST_END, ended).await.is_err() {
            warn!("a daemon of mDNS does not end; its thread is left behind");
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

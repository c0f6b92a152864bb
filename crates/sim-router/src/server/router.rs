//! The running router between two reboots: the table, the open WAN ports and the expiry of leases,
//! in step.
//!
//! Every change is computed on a copy and stored only after the WAN port is open, so a refusal
//! leaves no trace.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, broadcast, watch};
use tracing::{debug, warn};

use super::counts::Counts;
use super::event::{Event, Wan};
use super::forward::Forwarder;
use crate::fault::Fault;
use crate::quirks::{Enablement, Quirks};
use crate::table::{AddOutcome, Mapping, Protocol, Table, TableEntry};
use porthole_types::ExternalPort;

/// One run of the router.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) quirks: Quirks,
    /// The bits of the address that it says it has.
    external: AtomicU32,
    counts: Arc<Counts>,
    /// Writes whose answers are still to be lost.
    lost_answers: AtomicU32,
    booted: Instant,
    wan: watch::Receiver<Wan>,
    events: broadcast::Sender<Event>,
    changed: Notify,
    /// `None` once it is switched off.
    state: Mutex<Option<State>>,
}

#[derive(Debug)]
struct State {
    table: Table,
    forwarder: Forwarder,
}

impl Router {
    pub(super) fn new(
        quirks: Quirks,
        external: Ipv4Addr,
        counts: Arc<Counts>,
        wan: watch::Receiver<Wan>,
        events: broadcast::Sender<Event>,
        forwarder: Forwarder,
    ) -> Self {
        let booted = Instant::now();
        Self {
            quirks,
            external: external.to_bits().into(),
            counts,
            lost_answers: AtomicU32::new(0),
            booted,
            wan,
            events,
            changed: Notify::new(),
            state: Mutex::new(Some(State {
                table: Table::new(quirks, booted),
                forwarder,
            })),
        }
    }

    /// Whether the line to the Internet is up.
    pub(super) fn wan(&self) -> Wan {
        *self.wan.borrow()
    }

    /// What the router says its address is; nothing while the line is down.
    ///
    /// # Errors
    /// 501 from a router that never says it.
    pub(super) fn external_address(&self) -> Result<String, Fault> {
        if self.wan() == Wan::Down {
            return Ok(String::new());
        }
        let first = Ipv4Addr::from_bits(self.external.load(Ordering::Relaxed));
        let now = self.quirks.external_change.address(first, self.uptime());
        self.quirks.external.says(now)
    }

    /// Says another address from now on.
    pub(super) fn set_external(&self, external: Ipv4Addr) {
        self.external.store(external.to_bits(), Ordering::Relaxed);
    }

    /// Loses the answers to this many writes from now on.
    pub(super) fn lose_answers(&self, count: u32) {
        self.lost_answers.store(count, Ordering::Relaxed);
    }

    /// Whether the answer to the write just carried out is one of those; each is counted.
    pub(super) fn loses_answer(&self) -> bool {
        self.lost_answers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    /// Since the last boot.
    pub(super) fn uptime(&self) -> Duration {
        self.booted.elapsed()
    }

    /// A request came to a control URL.
    pub(super) fn count_call(&self) {
        self.counts.count_call();
    }

    /// `AddPortMapping`; see [`Table::add`].
    ///
    /// # Errors
    /// As the table says; 501 while the line is down, 729 where the WAN port cannot be bound on
    /// this machine.
    pub(super) fn add(
        &self,
        requester: Ipv4Addr,
        mapping: Mapping,
        lease: u32,
    ) -> Result<(), Fault> {
        if self.wan() == Wan::Down {
            return Err(Fault::ActionFailed);
        }
        self.at_now(|state, now| {
            let mut next = state.table.clone();
            let change = next.add(now, requester, mapping, lease)?;
            let event = match change {
                AddOutcome::Added(entry) => Event::Added(entry),
                AddOutcome::Renewed(entry) => Event::Renewed(entry),
                AddOutcome::Replaced { old, new } => Event::Replaced { old, new },
                AddOutcome::NotStored => return Ok(()),
            };
            if let Event::Added(entry)
            | Event::Renewed(entry)
            | Event::Replaced { new: entry, .. } = &event
            {
                state.forward(&entry.mapping)?;
            }
            state.table = next;
            if let Event::Added(entry) | Event::Replaced { new: entry, .. } = &event {
                self.counts.count_added(entry.mapping.external_port);
            }
            self.tell(event);
            Ok(())
        })?
    }

    /// `DeletePortMapping`; see [`Table::delete`].
    ///
    /// # Errors
    /// As the table says.
    pub(super) fn delete(
        &self,
        requester: Ipv4Addr,
        protocol: Protocol,
        port: ExternalPort,
    ) -> Result<(), Fault> {
        self.at_now(|state, now| {
            if let Some(entry) = state.table.delete(now, requester, protocol, port)? {
                state.stop_forwarding(&entry.mapping);
                self.tell(Event::Deleted(entry));
            }
            Ok(())
        })?
    }

    /// Puts a mapping in past all rules.
    ///
    /// # Errors
    /// 729 where the WAN port cannot be bound on this machine.
    pub(super) fn put(&self, entry: TableEntry) -> Result<(), Fault> {
        self.at_now(|state, now| {
            state.forward(&entry.mapping)?;
            let mapping = &entry.mapping;
            let old = state
                .table
                .get(now, mapping.protocol, mapping.external_port)
                .cloned();
            state.table.put(entry.clone());
            self.tell(match old {
                Some(old) => Event::Replaced { old, new: entry },
                None => Event::Added(entry),
            });
            Ok(())
        })?
    }

    /// Looks at the table as it is now.
    ///
    /// # Errors
    /// 501 when the router is switched off.
    pub(super) fn read<R>(&self, look: impl FnOnce(&Table, Instant) -> R) -> Result<R, Fault> {
        self.at_now(|state, now| look(&state.table, now))
    }

    /// Switches it off: the WAN ports are closed when this returns, connections are cut, every
    /// request is refused.
    pub(super) fn switch_off(&self) {
        *self.lock() = None;
    }

    /// Ends leases when they are due, until the task that runs this is dropped.
    pub(super) async fn expire_leases(self: Arc<Self>) {
        while let Ok(next) = self.read(|table, _| table.next_expiry()) {
            match next {
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at.into()) => {}
                        () = self.changed.notified() => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }

    /// Runs `f` on the state after the leases that have ended were taken out.
    fn at_now<R>(&self, f: impl FnOnce(&mut State, Instant) -> R) -> Result<R, Fault> {
        let mut guard = self.lock();
        let state = guard.as_mut().ok_or(Fault::ActionFailed)?;
        let now = Instant::now();
        for entry in state.table.expire(now) {
            state.stop_forwarding(&entry.mapping);
            self.tell(Event::Expired(entry));
        }
        Ok(f(state, now))
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        // A change is stored in one assignment, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        debug!(%event, "simulated router");
        // Nobody has to listen.
        let _ = self.events.send(event);
        self.changed.notify_one();
    }
}

impl State {
    fn forward(&mut self, mapping: &Mapping) -> Result<(), Fault> {
        let port = mapping.external_port;
        match (mapping.protocol, self.table.quirks().enablement) {
            (Protocol::Udp, _) | (_, Enablement::Off) => Ok(()),
            (Protocol::Tcp, Enablement::On) => {
                self.forwarder
                    .open(port, mapping.target())
                    .map_err(|error| {
                        warn!(
                            %port,
                            %error,
                            "port {port} of the WAN address cannot be bound on this machine: \
                             mapping refused"
                        );
                        Fault::OtherMechanism
                    })
            }
        }
    }

    fn stop_forwarding(&mut self, mapping: &Mapping) {
        match mapping.protocol {
            Protocol::Udp => {}
            Protocol::Tcp => self.forwarder.close(mapping.external_port),
        }
    }
}

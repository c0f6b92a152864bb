//! `LanActor`: this server's place on the LAN.
//!
//! Owns the sockets, the door that messages come through, the echoes under way, and the watch over
//! the interface's address (¶41: it waits for one, and notices when it changes). Restarts with new
//! sockets; who was heard, and how far each has counted, outlives that. Loses what was in the old
//! sockets' buffers and the echoes: each is the second of two, and the next heartbeat brings the
//! rest.

mod auth_state;
mod request;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use super::election::{self, ElectionActor};
use super::registry::{Forget, Hear, Introduce, RegistryActor};
use crate::fleet::{Occasion, ReceivedReport, Report};
use crate::lan::{
    AnswerTiming, Body, BoundPort, InboundFilter, Keyring, Peers, PendingRequests, ReceivedMessage,
    Rejection, Reporting, RequestError, Sender, ServedRequests, Sockets, interface, listen,
};
use crate::metrics::Direction;
use crate::settings::Transport;
use crate::shared::{Identity, SharedState};
use porthole_election::{Destination, ElectionMessage, Entropy, Event, Lifecycle, Peer};
use porthole_types::Name;
use porthole_types::{InstanceId, InternalPort};

/// How often the interface is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often this server looks whether others have to know something new of it, at the least.
const GLANCE: Duration = Duration::from_millis(200);

/// Until a cancelled future is gone.
const TURN: Duration = Duration::from_millis(10);

/// What is said to everybody is said again after this time: a burst that loses the one seldom loses
/// both.
const ECHO: Duration = Duration::from_millis(50);

/// Echoes under way; beyond it a word is said once. The rules say a few words a heartbeat.
const MOST_ECHOES: usize = 64;

/// Say this on the LAN.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Say {
    /// To whom.
    pub to: Destination,
    /// What.
    pub message: ElectionMessage,
}

/// Answers when the echoes under way are out: what was said last has been said twice.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Flush;

/// Ask another server to take this name, or with none the one of its settings (¶53). Answers when
/// it has.
#[derive(Message)]
#[rtype(result = "Result<(), RequestError>")]
pub struct Rename {
    /// Who is to be renamed.
    pub id: InstanceId,
    /// Where it was last heard.
    pub address: Ipv4Addr,
    /// Its new name.
    pub name: Option<Name>,
}

/// See the module.
pub struct LanActor {
    shared: Arc<SharedState>,
    registry: Addr<RegistryActor>,
    /// Given once; it lasts, since the election's address does.
    election: Option<Addr<ElectionActor>>,
    inbound_filter: Arc<Mutex<InboundFilter>>,
    sender: Sender,
    peers: Peers,
    life: Life,
}

#[derive(Default)]
struct Life {
    sockets: Option<Arc<Sockets>>,
    listener: Option<SpawnHandle>,
    reporting: Option<Reporting>,
    echoes: usize,
    flushes: Vec<oneshot::Sender<()>>,
    trouble: Option<String>,
    /// What was asked of others.
    requests: PendingRequests<request::Waits>,
    /// What others have asked.
    served: ServedRequests,
    /// None where there is no site key.
    shared: Option<auth_state::Shared>,
}

/// Without randomness all answer at once, which a LAN can bear.
fn entropy() -> Entropy {
    Entropy(getrandom::u64().unwrap_or_default())
}

impl LanActor {
    /// An actor that has yet to look for its interface.
    pub fn new(shared: Arc<SharedState>, registry: Addr<RegistryActor>) -> Self {
        let Identity { id, boot } = shared.identity;
        let keys = Arc::new(Keyring::new(&shared.settings.site));
        let inbound_filter = InboundFilter::new(id, Arc::clone(&keys), Instant::now());
        let lan = &shared.settings.lan;
        Self {
            peers: Peers::new(lan.peers.clone(), lan.group.port()),
            shared,
            registry,
            election: None,
            inbound_filter: Arc::new(Mutex::new(inbound_filter)),
            sender: Sender::new(id, boot, keys),
            life: Life::default(),
        }
    }

    /// Looks at the interface; opens the sockets anew when the address is another one.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let shared = Arc::clone(&self.shared);
        let settings = &shared.settings;
        let seen = interface::find(settings.node.interface.as_deref(), settings.http.bind);
        let changed = self.shared.lan.send_if_modified(|known| {
            let changed = *known != seen;
            if changed {
                match &seen {
                    Ok(lan) => info!(address = %lan.address, interface = %lan.name, "on the LAN"),
                    Err(why) => warn!(%why, "no address on the LAN"),
                }
                *known = seen;
            }
            changed
        });
        if changed && self.life.sockets.is_some() {
            self.close(ctx);
            // The cancelled listener still holds the port until this actor has had another turn.
            ctx.run_later(TURN, Self::look);
            return;
        }
        if self.life.sockets.is_none() && settings.lan.enabled {
            self.open(ctx);
        }
    }

    fn close(&mut self, ctx: &mut Context<Self>) {
        self.life.sockets = None;
        if let Some(listener) = self.life.listener.take() {
            ctx.cancel_future(listener);
        }
    }

    fn open(&mut self, ctx: &mut Context<Self>) {
        let Some(lan) = self.shared.lan_address() else {
            return;
        };
        let settings = &self.shared.settings.lan;
        match Sockets::open(settings.transport, settings.group, &lan) {
            Ok(sockets) => {
                if sockets.port() == BoundPort::Ephemeral {
                    warn!(
                        "UDP port {} of {} is taken, probably by another camera on this machine: \
                         better give each an address of its own (http.bind)",
                        settings.group.port(),
                        lan.address
                    );
                }
                let sockets = Arc::new(sockets);
                let mut inbound_filter = self
                    .inbound_filter
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                inbound_filter.set_address(lan.address);
                drop(inbound_filter);
                let shared = Arc::clone(&self.shared);
                let heard = listen(
                    Arc::clone(&sockets),
                    Arc::clone(&self.inbound_filter),
                    move |why, from| refused(&shared, why, from),
                );
                self.life.listener = Some(ctx.add_stream(heard));
                self.life.sockets = Some(sockets);
                self.life.trouble = None;
                self.report(Occasion::Unasked);
            }
            Err(why) => {
                let why = why.to_string();
                // Said once: the next look is a second away, and would say the same.
                if self.life.trouble.as_ref() != Some(&why) {
                    warn!(%why, transport = %settings.transport, "cannot speak on the LAN yet");
                    self.life.trouble = Some(why);
                }
            }
        }
    }

    /// Says what there is to say unasked, to whom there is.
    fn glance(&mut self) {
        if self.shared.settings.lan.transport == Transport::Unicast {
            // Of the router's table and of mDNS, too.
            let fleet = self.shared.fleet.borrow().clone();
            let addresses = fleet.others().map(|camera| *camera.lan.ip());
            self.peers.set_known(addresses);
        }
        let due = match (&self.life.reporting, self.shared.myself()) {
            (Some(reporting), Some(me)) => reporting.is_due(&me, Instant::now()),
            _ => None,
        };
        if let Some(occasion) = due {
            self.report(occasion);
        }
    }

    /// Says where this server is (¶47, ¶64).
    fn report(&mut self, occasion: Occasion) {
        // Who has said goodbye is not to be shown again.
        if matches!(
            self.shared.role.load().lifecycle,
            Lifecycle::Leaving | Lifecycle::Gone
        ) {
            return;
        }
        let Some(me) = self.shared.myself() else {
            return;
        };
        let Some(http_port) = InternalPort::new(me.lan.port()) else {
            return;
        };
        if let Some(reporting) = &mut self.life.reporting {
            reporting.sent(&me, Instant::now());
        }
        let report = Report {
            name: me.name,
            http_port,
            external: me.external,
            term: self.shared.role.load().term,
            activity: me.activity,
            scheme: me.scheme,
            occasion,
            auth_state: self.digest(),
        };
        self.send(Destination::Everybody, Body::Report(report));
    }

    /// The representative asks everybody to report (claim 3).
    fn asked(&mut self, ctx: &mut Context<Self>) {
        let (Some(reporting), Some(me)) = (&mut self.life.reporting, self.shared.myself()) else {
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

    fn say(&mut self, to: Destination, message: ElectionMessage, ctx: &mut Context<Self>) {
        self.send(to, Body::Election(message));
        if to != Destination::Everybody || self.life.echoes >= MOST_ECHOES {
            return;
        }
        self.life.echoes += 1;
        ctx.run_later(ECHO, move |actor, _| {
            actor.send(to, Body::Election(message));
            actor.echoed(message);
        });
    }

    fn echoed(&mut self, message: ElectionMessage) {
        self.life.echoes = self.life.echoes.saturating_sub(1);
        if self.life.echoes == 0 {
            for waiting in self.life.flushes.drain(..) {
                let _ = waiting.send(()); // who asked may have given up
            }
        }
        if let (ElectionMessage::Withdrawal { .. }, Some(reporting)) =
            (message, &mut self.life.reporting)
        {
            reporting.reset();
        }
    }

    /// Sends one message, each time with a number of its own.
    fn send(&mut self, to: Destination, body: Body) {
        let Some(sockets) = &self.life.sockets else {
            return;
        };
        let now = Instant::now();
        let kind = body.kind();
        let datagram = self.sender.datagram(to, body);
        let to = match (to, sockets.everybody()) {
            (Destination::One(address), _) => self.peers.at(address, now),
            (Destination::Everybody, Some(everybody)) => [everybody].into(),
            (Destination::Everybody, None) => self.peers.all(now),
        };
        for to in to.into_iter().filter(|to| *to != sockets.local_address()) {
            if let Err(why) = sockets.send(&datagram, to) {
                debug!(%to, %why, "a message could not be sent");
            }
        }
        let counter = &self.shared.metrics.lan_messages_total;
        counter.of((kind, Direction::Sent)).inc();
    }

    /// Hands on what was heard. A full mailbox loses it, like the network would.
    fn heard(
        &mut self,
        ReceivedMessage { message, from }: ReceivedMessage,
        ctx: &mut Context<Self>,
    ) {
        let now = Instant::now();
        self.peers.heard(from, now);
        let id = message.from;
        let from = *from.ip();
        let peer = Peer { id, address: from };
        let counter = &self.shared.metrics.lan_messages_total;
        counter.of((message.body.kind(), Direction::Received)).inc();
        match message.body {
            Body::Report(report) => {
                self.compare(peer, report.auth_state, ctx);
                let _ = self.registry.try_send(Hear(ReceivedReport {
                    id,
                    report,
                    from,
                    at: now,
                }));
            }
            Body::Election(message) => {
                if let Some(election) = &self.election {
                    let heard = Event::Heard {
                        from: peer,
                        message,
                    };
                    let _ = election.try_send(election::Hear(heard));
                }
                match message {
                    ElectionMessage::Inquiry { .. } => self.asked(ctx),
                    // Of another than its speaker it is hearsay.
                    ElectionMessage::Withdrawal { of, .. } if of == id => {
                        let _ = self.registry.try_send(Forget(id));
                    }
                    _ => {}
                }
            }
            // Two servers may share an address: what is said to the other is heard here too.
            Body::Rename {
                request_id,
                of,
                name,
            } if of == self.shared.identity.id => {
                self.asked_to_rename(peer, request_id, name, ctx);
            }
            Body::Done { request_id, of } if of == self.shared.identity.id => {
                self.answered(id, request_id, Ok(()));
            }
            Body::Refused {
                request_id,
                of,
                why,
            } if of == self.shared.identity.id => {
                self.answered(id, request_id, Err(why));
            }
            Body::Rename { .. } | Body::Done { .. } | Body::Refused { .. } => {}
            Body::AuthState(auth_state) => self.learn(&auth_state, ctx),
        }
    }
}

fn refused(shared: &SharedState, why: Rejection, from: SocketAddrV4) {
    if why == Rejection::OwnMessage
        && Some(*from.ip()) != shared.lan_address().map(|lan| lan.address)
    {
        static SAID: Once = Once::new(); // it will be heard with every heartbeat
        SAID.call_once(|| {
            warn!(
                %from,
                "another device says that it is this camera: is its data directory a copy of this one's? Empty it there"
            );
        });
    }
    let Some(label) = why.reason() else {
        return;
    };
    debug!(%from, %why, "passed a datagram over");
    shared.metrics.lan_messages_rejected_total.of(label).inc();
    if let Rejection::Key(mismatch) = why {
        shared.keys.hear(*from.ip(), mismatch);
    }
}

impl Actor for LanActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let heartbeat = self.shared.settings.lan.heartbeat;
        ctx.set_mailbox_capacity(512); // an answer to a probe of every server
        self.life.reporting = Some(Reporting::new(heartbeat));
        self.life.shared = self.share();
        // Another name and other facts are told at once, not at the next glance.
        ctx.add_stream(WatchStream::from_changes(self.shared.name.watch()));
        ctx.add_stream(WatchStream::from_changes(self.shared.auth_state.watch()));
        self.look(ctx);
        ctx.run_interval(LOOK, Self::look);
        ctx.run_interval(GLANCE.min(heartbeat / 2), |actor, _| actor.glance());
    }
}

impl Supervised for LanActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.life = Life::default();
    }
}

impl StreamHandler<std::io::Result<Vec<ReceivedMessage>>> for LanActor {
    fn handle(&mut self, heard: std::io::Result<Vec<ReceivedMessage>>, ctx: &mut Self::Context) {
        match heard {
            Ok(heard) => {
                for admitted in heard {
                    self.heard(admitted, ctx);
                }
            }
            Err(why) => {
                warn!(%why, "lost the sockets on the LAN, opening them again");
                self.close(ctx);
            }
        }
    }

    /// The actor outlives its sockets.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Say> for LanActor {
    type Result = ();

    fn handle(&mut self, Say { to, message }: Say, ctx: &mut Self::Context) {
        self.say(to, message, ctx);
    }
}

impl Handler<Flush> for LanActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Flush, _: &mut Self::Context) -> Self::Result {
        let (out, waiting) = oneshot::channel();
        if self.life.echoes > 0 {
            self.life.flushes.push(out);
        }
        Box::pin(async move {
            // An error is that nothing is under way, or a crash of this actor meanwhile.
            let _ = waiting.await;
        })
    }
}

impl StreamHandler<String> for LanActor {
    /// This server has another name.
    fn handle(&mut self, _: String, _: &mut Self::Context) {
        self.glance();
    }
}

impl Handler<Introduce> for LanActor {
    type Result = ();

    fn handle(&mut self, Introduce(election): Introduce, _: &mut Self::Context) {
        self.election = Some(election);
    }
}

crashes_on_demand!(LanActor);

//! `LanActor`: this server's place on the LAN.
//!
//! Owns the sockets, the repeats under way, and the watch over the interface's address (¶41: it
//! waits for one, and notices when it changes). Restarts with new sockets; which servers were heard,
//! and how far each has counted, outlives that. Loses what was in the old sockets' buffers and the
//! repeats: each is the second of two, and the next heartbeat brings the rest.

mod auth_state;
mod request;

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use crate::fleet::Heard;
use crate::lan::interface::{LanAddress, NoAddress};
use crate::lan::{
    Admitted, Answer, Body, InboundFilter, Keyring, Occasion, Peers, PendingRequests, Port,
    Rejected, Report, Reporting, Sender, Served, Sockets, interface, listen,
};
use crate::messages::election::DeliverElectionMessage;
use crate::messages::lan::{FlushRepeats, SendElectionMessage};
use crate::messages::registry::{RecordReport, RemoveCamera};
use crate::metrics::Direction;
use crate::settings::Transport;
use crate::shared::{Identity, KeyNoticePublisher, Publisher, SharedState};
use porthole_election::{Destination, ElectionMessage, Entropy, Lifecycle, Peer};
use porthole_supervise::{Fixed, Lasting, UntilRestart, supervised};
use porthole_types::InternalPort;

/// How often the interface is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often this server looks whether others have to know something new of it, at the least.
const GLANCE: Duration = Duration::from_millis(200);

/// Until a cancelled future is gone.
const UNTIL_CANCELLED: Duration = Duration::from_millis(10);

/// What is sent to everybody is sent again after this time: a burst of losses that takes the one
/// seldom takes both.
const REPEAT_AFTER: Duration = Duration::from_millis(50);

/// Repeats under way; beyond it a message is sent once. The rules send a few a heartbeat.
const MOST_REPEATS: usize = 64;

/// Speaks with the other cameras: sends what the rules and the reports have to say, and hands on
/// what is heard.
pub struct LanActor {
    wired: Fixed<Wired>,
    lasting: Lasting<Counters>,
    volatile: UntilRestart<Volatile>,
}

struct Wired {
    shared: Arc<SharedState>,
    address: Publisher<Result<LanAddress, NoAddress>>,
    keys: Arc<KeyNoticePublisher>,
    recipients: Recipients,
}

/// Where the lan actor hands on what it hears.
pub struct Recipients {
    /// What the rules of the election are to know.
    pub election_message: Recipient<DeliverElectionMessage>,
    /// What others report of themselves.
    pub report: Recipient<RecordReport>,
    /// Those that leave.
    pub leaving: Recipient<RemoveCamera>,
}

/// How far this server and each other one have counted their messages: begun anew, others would
/// pass ours over, and old ones would be let through.
struct Counters {
    inbound_filter: Arc<Mutex<InboundFilter>>,
    sender: Sender,
    peers: Peers,
}

#[derive(Default)]
struct Volatile {
    sockets: Option<Arc<Sockets>>,
    listener: Option<SpawnHandle>,
    reporting: Option<Reporting>,
    /// Repeats under way.
    repeats: usize,
    flushes: Vec<oneshot::Sender<()>>,
    /// Why the sockets could not be opened, as last logged.
    trouble: Option<String>,
    /// What this server has asked of others.
    requests: PendingRequests<request::Waits>,
    /// What others have asked of this server.
    served: Served,
    /// None where there is no site key.
    auth_sync: Option<auth_state::AuthSync>,
}

/// Without randomness all answer at once, which a LAN can bear.
fn entropy() -> Entropy {
    Entropy(getrandom::u64().unwrap_or_default())
}

impl LanActor {
    /// An actor that has yet to look for its interface.
    pub fn new(
        shared: Arc<SharedState>,
        address: Publisher<Result<LanAddress, NoAddress>>,
        keys: KeyNoticePublisher,
        recipients: Recipients,
    ) -> Self {
        let Identity { id, boot } = shared.identity;
        let keyring = Arc::new(Keyring::new(&shared.settings.site));
        let inbound_filter = InboundFilter::new(id, Arc::clone(&keyring), Instant::now());
        let lan = &shared.settings.lan;
        Self {
            lasting: Lasting::new(Counters {
                peers: Peers::new(lan.peers.clone(), lan.group.port()),
                inbound_filter: Arc::new(Mutex::new(inbound_filter)),
                sender: Sender::new(id, boot, keyring),
            }),
            wired: Fixed::new(Wired {
                shared,
                address,
                keys: Arc::new(keys),
                recipients,
            }),
            volatile: UntilRestart::default(),
        }
    }

    /// Looks at the interface; opens the sockets anew when the address is another one.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let shared = Arc::clone(&self.wired.shared);
        let settings = &shared.settings;
        let seen = interface::find(settings.node.interface.as_deref(), settings.http.bind);
        let changed = self.wired.address.publish(seen.clone());
        if changed {
            match &seen {
                Ok(lan) => info!(address = %lan.address, interface = %lan.name, "on the LAN"),
                Err(why) => warn!(%why, "no address on the LAN"),
            }
        }
        if changed && self.volatile.sockets.is_some() {
            self.close(ctx);
            // The cancelled listener still holds the port until this actor is polled again.
            ctx.run_later(UNTIL_CANCELLED, Self::look);
            return;
        }
        if self.volatile.sockets.is_none() && settings.lan.enabled {
            self.open(ctx);
        }
    }

    fn close(&mut self, ctx: &mut Context<Self>) {
        self.volatile.sockets = None;
        if let Some(listener) = self.volatile.listener.take() {
            ctx.cancel_future(listener);
        }
    }

    fn open(&mut self, ctx: &mut Context<Self>) {
        let Some(lan) = self.wired.shared.lan_address() else {
            return;
        };
        let settings = &self.wired.shared.settings.lan;
        match Sockets::open(settings.transport, settings.group, &lan) {
            Ok(sockets) => {
                if sockets.port() == Port::AnyFree {
                    warn!(
                        "UDP port {} of {} is taken, probably by another camera on this machine: \
                         better give each an address of its own (http.bind)",
                        settings.group.port(),
                        lan.address
                    );
                }
                let sockets = Arc::new(sockets);
                let mut inbound_filter = self
                    .lasting
                    .inbound_filter
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                inbound_filter.move_to(lan.address);
                drop(inbound_filter);
                let (shared, keys) = (Arc::clone(&self.wired.shared), Arc::clone(&self.wired.keys));
                let heard = listen(
                    Arc::clone(&sockets),
                    Arc::clone(&self.lasting.inbound_filter),
                    move |why, from| refused(&shared, &keys, why, from),
                );
                self.volatile.listener = Some(ctx.add_stream(heard));
                self.volatile.sockets = Some(sockets);
                self.volatile.trouble = None;
                self.report(Occasion::Unasked);
            }
            Err(why) => {
                let why = why.to_string();
                // Said once: the next look is a second away, and would say the same.
                if self.volatile.trouble.as_ref() != Some(&why) {
                    warn!(%why, transport = %settings.transport, "cannot speak on the LAN yet");
                    self.volatile.trouble = Some(why);
                }
            }
        }
    }

    /// Reports unasked where something has changed, to the servers that are known by now.
    fn glance(&mut self) {
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
    fn report(&mut self, occasion: Occasion) {
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
            reporting.said(&me, Instant::now());
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
    fn asked(&mut self, ctx: &mut Context<Self>) {
        let (Some(reporting), Some(me)) =
            (&mut self.volatile.reporting, self.wired.shared.myself())
        else {
            return;
        };
        match reporting.asked(&me, Instant::now(), entropy()) {
            Answer::AtOnce => self.report(Occasion::Asked),
            Answer::After(wait) => {
                ctx.run_later(wait, |actor, _| actor.glance());
            }
            Answer::Given => {}
        }
    }

    fn send_twice(&mut self, to: Destination, message: ElectionMessage, ctx: &mut Context<Self>) {
        self.send(to, Body::Election(message));
        if to != Destination::Everybody || self.volatile.repeats >= MOST_REPEATS {
            return;
        }
        self.volatile.repeats += 1;
        ctx.run_later(REPEAT_AFTER, move |actor, _| {
            actor.send(to, Body::Election(message));
            actor.repeated(message);
        });
    }

    fn repeated(&mut self, message: ElectionMessage) {
        self.volatile.repeats = self.volatile.repeats.saturating_sub(1);
        if self.volatile.repeats == 0 {
            for waiting in self.volatile.flushes.drain(..) {
                let _ = waiting.send(()); // who asked may have given up
            }
        }
        if let (ElectionMessage::Withdrawal { .. }, Some(reporting)) =
            (message, &mut self.volatile.reporting)
        {
            reporting.forgotten();
        }
    }

    /// Sends one message, each time with a number of its own.
    fn send(&mut self, to: Destination, body: Body) {
        let Some(sockets) = &self.volatile.sockets else {
            return;
        };
        let now = Instant::now();
        let kind = body.kind();
        let datagram = self.lasting.sender.say(to, body);
        let to = match (to, sockets.everybody()) {
            (Destination::One(address), _) => self.lasting.peers.at(address, now),
            (Destination::Everybody, Some(everybody)) => [everybody].into(),
            (Destination::Everybody, None) => self.lasting.peers.all(now),
        };
        for to in to.into_iter().filter(|to| *to != sockets.own()) {
            if let Err(why) = sockets.send(&datagram, to) {
                debug!(%to, %why, "a message could not be sent");
            }
        }
        let counter = &self.wired.shared.metrics.lan_messages_total;
        counter.of((kind, Direction::Sent)).inc();
    }

    /// Hands on what was heard. A full mailbox loses it, like the network would.
    fn heard(&mut self, Admitted { message, from }: Admitted, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.lasting.peers.heard(from, now);
        let id = message.from;
        let from = *from.ip();
        let peer = Peer { id, address: from };
        let counter = &self.wired.shared.metrics.lan_messages_total;
        counter.of((message.body.kind(), Direction::Received)).inc();
        match message.body {
            Body::Report(report) => {
                self.compare(peer, report.auth_state, ctx);
                let _ = self.wired.recipients.report.try_send(RecordReport(Heard {
                    id,
                    report,
                    from,
                    at: now,
                }));
            }
            Body::Election(message) => {
                let delivery = DeliverElectionMessage {
                    from: peer,
                    message,
                };
                let _ = self.wired.recipients.election_message.try_send(delivery);
                match message {
                    ElectionMessage::Inquiry { .. } => self.asked(ctx),
                    // Only the leaving server itself is believed.
                    ElectionMessage::Withdrawal { of, .. } if of == id => {
                        let _ = self.wired.recipients.leaving.try_send(RemoveCamera(id));
                    }
                    _ => {}
                }
            }
            // Two servers may share an address: what is said to the other is heard here too.
            Body::Rename {
                request_id,
                of,
                name,
            } if of == self.wired.shared.identity.id => {
                self.asked_to_rename(peer, request_id, name, ctx);
            }
            Body::Done { request_id, of } if of == self.wired.shared.identity.id => {
                self.answered(id, request_id, Ok(()));
            }
            Body::Refused {
                request_id,
                of,
                why,
            } if of == self.wired.shared.identity.id => {
                self.answered(id, request_id, Err(why));
            }
            Body::Rename { .. } | Body::Done { .. } | Body::Refused { .. } => {}
            Body::AuthState(auth_state) => self.learn(&auth_state, ctx),
        }
    }
}

fn refused(shared: &SharedState, keys: &KeyNoticePublisher, why: Rejected, from: SocketAddrV4) {
    if why == Rejected::Own && Some(*from.ip()) != shared.lan_address().map(|lan| lan.address) {
        static SAID: Once = Once::new(); // it will be heard with every heartbeat
        SAID.call_once(|| {
            warn!(
                %from,
                "another device says that it is this camera: is its data directory a copy of this one's? Empty it there"
            );
        });
    }
    let Some(label) = why.label() else {
        return;
    };
    debug!(%from, %why, "passed a datagram over");
    shared.metrics.lan_messages_rejected_total.of(label).inc();
    if let Rejected::Key(mismatch) = why {
        keys.hear(*from.ip(), mismatch);
    }
}

impl Actor for LanActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let heartbeat = self.wired.shared.settings.lan.heartbeat;
        ctx.set_mailbox_capacity(512); // an answer to a probe of every server
        self.volatile.reporting = Some(Reporting::new(heartbeat));
        self.volatile.auth_sync = self.start_auth_sync();
        // Another name and another auth state are told at once, not at the next glance.
        ctx.add_stream(WatchStream::from_changes(self.wired.shared.name.watch()));
        ctx.add_stream(WatchStream::from_changes(
            self.wired.shared.auth_state.watch(),
        ));
        self.look(ctx);
        ctx.run_interval(LOOK, Self::look);
        ctx.run_interval(GLANCE.min(heartbeat / 2), |actor, _| actor.glance());
    }
}

supervised!(LanActor {
    wired,
    lasting,
    volatile
});

impl StreamHandler<std::io::Result<Vec<Admitted>>> for LanActor {
    fn handle(&mut self, heard: std::io::Result<Vec<Admitted>>, ctx: &mut Self::Context) {
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

impl Handler<SendElectionMessage> for LanActor {
    type Result = ();

    fn handle(&mut self, message: SendElectionMessage, ctx: &mut Self::Context) {
        self.send_twice(message.to, message.message, ctx);
    }
}

impl Handler<FlushRepeats> for LanActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: FlushRepeats, _: &mut Self::Context) -> Self::Result {
        let (out, waiting) = oneshot::channel();
        if self.volatile.repeats > 0 {
            self.volatile.flushes.push(out);
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

crashes_on_demand!(LanActor);

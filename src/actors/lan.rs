//! `LanActor`: this server's place on the LAN.
//!
//! Owns the sockets, the repeats under way, and the watch over the interface's address (¶41: it
//! waits for one, and notices when it changes). Restarts with new sockets; which servers were
//! heard, and how far each has counted, outlives that. Loses what was in the old sockets' buffers
//! and the repeats: each is the second of two, and the next heartbeat brings the rest.

mod address;
mod auth_state;
mod handshake;
mod report;
mod request;
mod volatile;

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, warn};

use self::volatile::Volatile;
use super::crash::crashes_on_demand;
use super::entropy::entropy;
use crate::fleet::ReceivedReport;
use crate::lan::interface::{LanAddress, NoAddress};
use crate::lan::{
    Body, InboundFilter, Keyring, Peers, Received, ReceivedMessage, Reporting, Sender,
};
use crate::messages::election::DeliverElectionMessage;
use crate::messages::lan::{FlushRepeats, SendElectionMessage};
use crate::messages::registry::{RecordReport, RemoveCamera};
use crate::metrics::Direction;
use crate::shared::{Identity, KeyNoticePublisher, Publisher, SharedState};
use porthole_election::{Destination, ElectionMessage, Peer};
use porthole_supervise::{Fixed, Lasting, UntilRestart, supervised};

/// How often the interface is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often this server looks whether others have to know something new of it, at the least.
const GLANCE: Duration = Duration::from_millis(200);

/// What is sent to everybody is sent again after this time: a burst of losses that takes the one
/// seldom takes both.
const REPEAT_AFTER: Duration = Duration::from_millis(50);

/// How many repeats may be under way; beyond it a message is sent once.
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
    /// The servers that say that they leave.
    pub leaving: Recipient<RemoveCamera>,
}

/// How far this server and each other one have counted their messages: begun anew, others would
/// pass ours over, and old ones would be let through.
struct Counters {
    inbound_filter: Arc<Mutex<InboundFilter>>,
    sender: Sender,
    peers: Peers,
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

    fn has_key(&self) -> bool {
        self.wired.shared.settings.site.key.is_some()
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
                let _ = waiting.send(()); // the caller may have given up
            }
        }
        if let (ElectionMessage::Withdrawal { .. }, Some(reporting)) =
            (message, &mut self.volatile.reporting)
        {
            reporting.reset();
        }
    }

    /// Sends one message, each time with a number of its own.
    fn send(&mut self, to: Destination, body: Body) {
        self.keep_for_who_missed_it(to, &body);
        let Some(sockets) = &self.volatile.sockets else {
            return;
        };
        let now = Instant::now();
        let to_whom = match (to, sockets.everybody()) {
            (Destination::One(address), _) => self.lasting.peers.at(address, now),
            (Destination::Everybody, Some(everybody)) => [everybody].into(),
            (Destination::Everybody, None) => self.lasting.peers.all(now),
        };
        self.send_to(to_whom, to, body);
    }

    /// Sends one message to these.
    fn send_to(
        &mut self,
        to_whom: impl IntoIterator<Item = SocketAddrV4>,
        to: Destination,
        body: Body,
    ) {
        let Some(sockets) = &self.volatile.sockets else {
            return;
        };
        let kind = body.kind();
        let datagram = match self.lasting.sender.datagram(to, body) {
            Ok(datagram) => datagram,
            Err(why) => return debug!(%why, "a message could not be sealed"),
        };
        let own = sockets.local_address();
        for to in to_whom.into_iter().filter(|to| *to != own) {
            if let Err(why) = sockets.send(&datagram, to) {
                debug!(%to, %why, "a message could not be sent");
            }
        }
        let counter = &self.wired.shared.metrics.lan_messages_total;
        counter.of((kind, Direction::Sent)).inc();
    }

    /// Hands on what was heard. A full mailbox loses it, like the network would.
    fn heard(
        &mut self,
        ReceivedMessage { message, from }: ReceivedMessage,
        ctx: &mut Context<Self>,
    ) {
        let now = Instant::now();
        self.lasting.peers.heard(from, now);
        let source = from;
        let id = message.from;
        let from = *from.ip();
        let peer = Peer { id, address: from };
        let counter = &self.wired.shared.metrics.lan_messages_total;
        counter.of((message.body.kind(), Direction::Received)).inc();
        match message.body {
            Body::Report(report) => {
                self.compare(peer, report.auth_state, ctx);
                let _ = self
                    .wired
                    .recipients
                    .report
                    .try_send(RecordReport(ReceivedReport {
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
            // Without a key nobody asks: a stranger would have this server send to anybody.
            Body::Handshake(handshake) => {
                if let Some(answer) = handshake.answer().filter(|_| self.has_key()) {
                    self.shake_hands(source, answer);
                }
            }
        }
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

impl StreamHandler<std::io::Result<Vec<Received>>> for LanActor {
    fn handle(&mut self, heard: std::io::Result<Vec<Received>>, ctx: &mut Self::Context) {
        match heard {
            Ok(heard) => {
                for received in heard {
                    match received {
                        Received::Message(message) => self.heard(message, ctx),
                        Received::Unproven { reply, from } => self.shake_hands(from, reply),
                    }
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

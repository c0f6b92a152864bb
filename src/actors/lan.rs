//! `LanActor`: this server's place on the LAN.
//!
//! Owns the sockets, the door that messages come through, the echoes under way, and the watch over the
//! interface's address (¶41: it waits for one, and notices when it changes). Restarts with new sockets; who was
//! heard, and how far each has counted, outlives that. Loses what was in the old sockets' buffers and the
//! echoes: each is the second of two, and the next heartbeat brings the rest.

mod errand;
mod facts;

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
use crate::fleet::Heard;
use crate::lan::{
    Admitted, Answer, Body, Errands, Gate, Keyring, NotDone, Occasion, Peers, Port, Rejected,
    Report, Reporting, Served, Sockets, Voice, interface, listen,
};
use crate::metrics::Direction;
use crate::settings::Transport;
use crate::shared::{Cells, Identity};
use porthole_election::{Chance, Event, Peer, Stay, To, Word};
use porthole_types::Name;
use porthole_types::{InstanceId, InternalPort};

/// How often the interface is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often this server looks whether others have to know something new of it, at the least.
const GLANCE: Duration = Duration::from_millis(200);

/// Until a cancelled future is gone.
const TURN: Duration = Duration::from_millis(10);

/// What is said to everybody is said again after this time: a burst that loses the one seldom loses both.
const ECHO: Duration = Duration::from_millis(50);

/// Echoes under way; beyond it a word is said once. The rules say a few words a heartbeat.
const MOST_ECHOES: usize = 64;

/// Say this on the LAN.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Say {
    /// To whom.
    pub to: To,
    /// What.
    pub word: Word,
}

/// Answers when the echoes under way are out: what was said last has been said twice.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Flush;

/// Ask another server to take this name, or with none the one of its settings (¶53). Answers when it has.
#[derive(Message)]
#[rtype(result = "Result<(), NotDone>")]
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
    cells: Arc<Cells>,
    registry: Addr<RegistryActor>,
    /// Given once; it lasts, since the election's address does.
    election: Option<Addr<ElectionActor>>,
    gate: Arc<Mutex<Gate>>,
    voice: Voice,
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
    errands: Errands<errand::Waits>,
    /// What others have asked.
    served: Served,
    /// None where there is no site key.
    shared: Option<facts::Shared>,
}

/// Without randomness all answer at once, which a LAN can bear.
fn chance() -> Chance {
    Chance(getrandom::u64().unwrap_or_default())
}

impl LanActor {
    /// An actor that has yet to look for its interface.
    pub fn new(cells: Arc<Cells>, registry: Addr<RegistryActor>) -> Self {
        let Identity { id, boot } = cells.identity;
        let keys = Arc::new(Keyring::new(&cells.settings.site));
        let gate = Gate::new(id, Arc::clone(&keys), Instant::now());
        let lan = &cells.settings.lan;
        Self {
            peers: Peers::new(lan.peers.clone(), lan.group.port()),
            cells,
            registry,
            election: None,
            gate: Arc::new(Mutex::new(gate)),
            voice: Voice::new(id, boot, keys),
            life: Life::default(),
        }
    }

    /// Looks at the interface; opens the sockets anew when the address is another one.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let cells = Arc::clone(&self.cells);
        let settings = &cells.settings;
        let seen = interface::find(settings.node.interface.as_deref(), settings.http.bind);
        let changed = self.cells.lan.send_if_modified(|known| {
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
        let Some(lan) = self.cells.lan_address() else {
            return;
        };
        let settings = &self.cells.settings.lan;
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
                let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
                gate.move_to(lan.address);
                drop(gate);
                let cells = Arc::clone(&self.cells);
                let heard = listen(
                    Arc::clone(&sockets),
                    Arc::clone(&self.gate),
                    move |why, from| refused(&cells, why, from),
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
        if self.cells.settings.lan.transport == Transport::Unicast {
            // Of the router's table and of mDNS, too.
            let fleet = self.cells.fleet.borrow().clone();
            let addresses = fleet.others().map(|camera| *camera.lan.ip());
            self.peers.set_known(addresses);
        }
        let due = match (&self.life.reporting, self.cells.myself()) {
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
        if matches!(self.cells.role.load().stay, Stay::Leaving | Stay::Gone) {
            return;
        }
        let Some(me) = self.cells.myself() else {
            return;
        };
        let Some(http_port) = InternalPort::new(me.lan.port()) else {
            return;
        };
        if let Some(reporting) = &mut self.life.reporting {
            reporting.said(&me, Instant::now());
        }
        let report = Report {
            name: me.name,
            http_port,
            external: me.external,
            term: self.cells.role.load().term,
            activity: me.activity,
            scheme: me.scheme,
            occasion,
            facts: self.digest(),
        };
        self.send(To::Everybody, Body::Report(report));
    }

    /// The representative asks everybody to report (claim 3).
    fn asked(&mut self, ctx: &mut Context<Self>) {
        let (Some(reporting), Some(me)) = (&mut self.life.reporting, self.cells.myself()) else {
            return;
        };
        match reporting.asked(&me, Instant::now(), chance()) {
            Answer::AtOnce => self.report(Occasion::Asked),
            Answer::After(wait) => {
                ctx.run_later(wait, |actor, _| actor.glance());
            }
            Answer::Given => {}
        }
    }

    fn say(&mut self, to: To, word: Word, ctx: &mut Context<Self>) {
        self.send(to, Body::Word(word));
        if to != To::Everybody || self.life.echoes >= MOST_ECHOES {
            return;
        }
        self.life.echoes += 1;
        ctx.run_later(ECHO, move |actor, _| {
            actor.send(to, Body::Word(word));
            actor.echoed(word);
        });
    }

    fn echoed(&mut self, word: Word) {
        self.life.echoes = self.life.echoes.saturating_sub(1);
        if self.life.echoes == 0 {
            for waiting in self.life.flushes.drain(..) {
                let _ = waiting.send(()); // who asked may have given up
            }
        }
        if let (Word::Withdrawal { .. }, Some(reporting)) = (word, &mut self.life.reporting) {
            reporting.forgotten();
        }
    }

    /// Sends one message, each time with a number of its own.
    fn send(&mut self, to: To, body: Body) {
        let Some(sockets) = &self.life.sockets else {
            return;
        };
        let now = Instant::now();
        let kind = body.kind();
        let datagram = self.voice.say(to, body);
        let to = match (to, sockets.everybody()) {
            (To::One(address), _) => self.peers.at(address, now),
            (To::Everybody, Some(everybody)) => [everybody].into(),
            (To::Everybody, None) => self.peers.all(now),
        };
        for to in to.into_iter().filter(|to| *to != sockets.own()) {
            if let Err(why) = sockets.send(&datagram, to) {
                debug!(%to, %why, "a message could not be sent");
            }
        }
        let counter = &self.cells.metrics.lan_messages_total;
        counter.of((kind, Direction::Sent)).inc();
    }

    /// Hands on what was heard. A full mailbox loses it, like the network would.
    fn heard(&mut self, Admitted { message, from }: Admitted, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.peers.heard(from, now);
        let id = message.from;
        let from = *from.ip();
        let peer = Peer { id, address: from };
        let counter = &self.cells.metrics.lan_messages_total;
        counter.of((message.body.kind(), Direction::Received)).inc();
        match message.body {
            Body::Report(report) => {
                self.compare(peer, report.facts, ctx);
                let _ = self.registry.try_send(Hear(Heard {
                    id,
                    report,
                    from,
                    at: now,
                }));
            }
            Body::Word(word) => {
                if let Some(election) = &self.election {
                    let heard = Event::Heard { from: peer, word };
                    let _ = election.try_send(election::Hear(heard));
                }
                match word {
                    Word::Inquiry { .. } => self.asked(ctx),
                    // Of another than its speaker it is hearsay.
                    Word::Withdrawal { of, .. } if of == id => {
                        let _ = self.registry.try_send(Forget(id));
                    }
                    _ => {}
                }
            }
            // Two servers may share an address: what is said to the other is heard here too.
            Body::Rename { ask, of, name } if of == self.cells.identity.id => {
                self.asked_to_rename(peer, ask, name, ctx);
            }
            Body::Done { ask, of } if of == self.cells.identity.id => {
                self.answered(id, ask, Ok(()));
            }
            Body::Refused { ask, of, why } if of == self.cells.identity.id => {
                self.answered(id, ask, Err(why));
            }
            Body::Rename { .. } | Body::Done { .. } | Body::Refused { .. } => {}
            Body::Facts(facts) => self.learn(&facts, ctx),
        }
    }
}

fn refused(cells: &Cells, why: Rejected, from: SocketAddrV4) {
    if why == Rejected::Own && Some(*from.ip()) != cells.lan_address().map(|lan| lan.address) {
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
    cells.metrics.lan_messages_rejected_total.of(label).inc();
    if let Rejected::Key(mismatch) = why {
        cells.keys.hear(*from.ip(), mismatch);
    }
}

impl Actor for LanActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let heartbeat = self.cells.settings.lan.heartbeat;
        ctx.set_mailbox_capacity(512); // an answer to a probe of every server
        self.life.reporting = Some(Reporting::new(heartbeat));
        self.life.shared = self.share();
        // Another name and other facts are told at once, not at the next glance.
        ctx.add_stream(WatchStream::from_changes(self.cells.name.watch()));
        ctx.add_stream(WatchStream::from_changes(self.cells.facts.watch()));
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

impl Handler<Say> for LanActor {
    type Result = ();

    fn handle(&mut self, Say { to, word }: Say, ctx: &mut Self::Context) {
        self.say(to, word, ctx);
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

//! `RouterActor`: finds the router, asks it, and says what it is like.
//!
//! Owns the way to the router that was found, the lease ladder and the leases that it saw run.
//! Restarts with the router that the cell remembers, and what was learned of it, without a new
//! search. Loses ladder and leases (the next requests teach them again) and the request in hand,
//! which its asker makes again.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix::prelude::*;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use crate::lan::interface::{LanAddress, NoAddress};
use crate::shared::{Refusal, RouterState, RouterView, SharedState, TableView};
use porthole_election::{Event, Request};
use porthole_gateway::{
    self, Backoff, Connection, Countdowns, DiscoveredRouter, Error, ExternalAddress, Igd,
    MappingEntry, Observer, PollResult, PollScope, Preference, Protocol, RouterCapabilities,
    RouterChoice, SSDP_PORT, Search,
};
use porthole_supervise::Progress;

use answer::{Answer, Learned};

mod answer;

/// How long a search waits for answers.
const SEARCH: Duration = Duration::from_secs(3);

/// How long a look for the default gateway alone waits.
const LOOK: Duration = Duration::from_secs(1);

/// Longer than a search or a poll can take with all its time-outs.
const ROUND: Duration = Duration::from_secs(90);

/// Ask the router on behalf of the election; whatever becomes of it is the answer.
#[derive(Message)]
#[rtype(result = "Event")]
pub struct Ask {
    /// What to ask.
    pub request: Request,
    /// Where the port is to lead.
    pub internal: SocketAddrV4,
    /// Under which name (¶51: stored into the table together with the port).
    pub name: String,
    /// Whether it is the representative port.
    pub entry: EntryOf,
}

/// Which of a server's two mappings is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryOf {
    /// The representative port.
    Office,
    /// A port of the range.
    Member,
}

/// See the module.
pub struct RouterActor {
    shared: Arc<SharedState>,
    observer: Arc<dyn Observer>,
    progress: Progress,
    life: Life,
}

#[derive(Default)]
struct Life {
    router: Option<Arc<Igd>>,
    learned: Learned,
    countdowns: Countdowns,
    backoff: Backoff,
    preference: Preference,
    uptime: Option<u64>,
    address: Option<LanAddress>,
    next_round: Option<SpawnHandle>,
}

impl RouterActor {
    /// An actor that has yet to look for a router.
    pub fn new(shared: Arc<SharedState>, progress: Progress) -> Self {
        let observer = Arc::new(shared.metrics.router());
        Self {
            shared,
            observer,
            progress,
            life: Life::default(),
        }
    }

    /// A round is a search while there is no router, and a poll while there is one.
    fn round(&mut self, ctx: &mut Context<Self>) {
        let Some(lan) = self.life.address.clone() else {
            return;
        };
        match self.life.router.clone() {
            None => self.search(&lan, ctx),
            Some(router) => self.poll(router, ctx),
        }
    }

    fn round_after(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        let next = ctx.run_later(wait, Self::round);
        self.replace_round(next, ctx);
    }

    /// One round at a time: whatever was planned or under way gives way to this one.
    fn replace_round(&mut self, next: SpawnHandle, ctx: &mut Context<Self>) {
        if let Some(earlier) = self.life.next_round.replace(next) {
            ctx.cancel_future(earlier);
        }
    }

    fn search(&mut self, lan: &LanAddress, ctx: &mut Context<Self>) {
        let search = Search {
            from: lan.address,
            ssdp: self.shared.settings.router.ssdp_address,
            default_gateway: lan.default_gateway,
            wait: SEARCH,
        };
        let found = self.looking_for("the search for a router", search);
        let round = ctx.spawn(found.into_actor(self).map(|found, actor, ctx| match found {
            Ok(found) => actor.choose(found, ctx),
            Err(why) => actor.miss(&why.to_string(), ctx),
        }));
        self.replace_round(round, ctx);
    }

    fn looking_for(
        &self,
        job: &'static str,
        search: Search,
    ) -> impl Future<Output = Result<DiscoveredRouter, Error>> + use<> {
        let observer = Arc::clone(&self.observer);
        let job = self.progress.job(job, ROUND);
        async move {
            let found = porthole_gateway::discover(&search, &observer).await;
            drop(job);
            found
        }
    }

    fn arrive(&mut self, found: DiscoveredRouter, ctx: &mut Context<Self>) {
        info!(router = %found.identity.name, address = %found.identity.address, "router found");
        self.life = Life {
            router: Some(Arc::new(Igd::new(
                found.clone(),
                Arc::clone(&self.observer),
            ))),
            address: self.life.address.take(),
            next_round: self.life.next_round.take(),
            ..Life::default()
        };
        self.shared.router.send_modify(|view| {
            // The same one on another port is still the same; what it has become will show.
            let known = view.found.as_ref().map(|known| &known.identity);
            if known != Some(&found.identity) {
                view.lessons = RouterCapabilities::default();
            }
            view.state = RouterState::Found;
            view.found = Some(found);
            view.epoch = Some(Instant::now());
            view.table = None;
            view.refusal = None;
            view.last_answer = Some(SystemTime::now());
        });
        self.round_after(Duration::ZERO, ctx);
    }

    /// A search found a router: the one to use, or one to use only if the default gateway stays
    /// away.
    fn choose(&mut self, found: DiscoveredRouter, ctx: &mut Context<Self>) {
        let lan = self.life.address.as_ref();
        let gateway = lan.and_then(|lan| lan.default_gateway);
        let choice = {
            let view = self.shared.router.borrow();
            let known = view.found.as_ref().map(|known| &known.identity);
            self.life.preference.found(&found.identity, known, gateway)
        };
        match choice {
            RouterChoice::Take => self.arrive(found, ctx),
            RouterChoice::WaitForDefault => {
                let (name, address) = (found.identity.name, found.identity.address);
                let why = format!(
                    "the router that is the default gateway does not answer; another one does \
                     ({name} at {address}), and is used if that goes on"
                );
                self.miss(&why, ctx);
            }
        }
    }

    fn miss(&mut self, why: &str, ctx: &mut Context<Self>) {
        let wait = self.life.backoff.failed(jitter());
        // Said once, then only when it changes: a house without such a router is no emergency.
        let news = self.shared.router.send_if_modified(|view| {
            let why = why.to_owned();
            let state = match view.state {
                RouterState::Lost { .. } => RouterState::Lost { why },
                _ => RouterState::Searching { why: Some(why) },
            };
            let news = view.state != state;
            view.state = state;
            news
        });
        if news {
            warn!(%why, "no router; serving the LAN, and looking again");
        } else {
            debug!(%why, again_in = ?wait, "no router yet");
        }
        self.round_after(wait, ctx);
    }

    fn poll(&mut self, router: Arc<Igd>, ctx: &mut Context<Self>) {
        let scope = if self.shared.settings.router.read_table {
            PollScope::WithTable
        } else {
            PollScope::WithoutTable
        };
        let job = self.progress.job("a poll of the router", ROUND);
        let poll = async move {
            let polled = porthole_gateway::poll(&router, scope).await;
            drop(job);
            polled
        };
        let round = ctx.spawn(poll.into_actor(self).map(|polled, actor, ctx| {
            if let Some(table) = &polled.table {
                actor
                    .shared
                    .metrics
                    .router_poll_duration_seconds
                    .observe(polled.took.as_secs_f64());
                let entries = i64::try_from(table.entries.len()).unwrap_or(i64::MAX);
                actor.shared.metrics.router_table_entries.set(entries);
            }
            match polled.gone {
                Some(why) => actor.lose(&why, ctx),
                None => {
                    actor.note(polled);
                    actor.after_poll(ctx);
                }
            }
        }));
        self.replace_round(round, ctx);
    }

    /// The next poll; before it, where the router is not the default gateway, now and then a look
    /// for that one.
    fn after_poll(&mut self, ctx: &mut Context<Self>) {
        let interval = self.shared.settings.router.poll_interval;
        let look = self.life.address.as_ref().and_then(|lan| {
            let view = self.shared.router.borrow();
            let used = &view.found.as_ref()?.identity;
            let gateway = self.life.preference.polled(used, lan.default_gateway)?;
            Some(Search {
                from: lan.address,
                ssdp: SocketAddrV4::new(gateway, SSDP_PORT),
                default_gateway: Some(gateway),
                wait: LOOK,
            })
        });
        let Some(search) = look else {
            self.round_after(interval, ctx);
            return;
        };
        let found = self.looking_for("a look for the default gateway", search);
        let round = ctx.spawn(found.into_actor(self).map(move |found, actor, ctx| {
            if let Ok(found) = found {
                info!("the router that is the default gateway answers again");
                actor.arrive(found, ctx);
            } else {
                actor.round_after(interval, ctx);
            }
        }));
        self.replace_round(round, ctx);
    }

    /// What a poll saw.
    fn note(&mut self, polled: PollResult) {
        let uptime = polled.status.and_then(|status| status.uptime_seconds);
        let rebooted =
            matches!((self.life.uptime, uptime), (Some(before), Some(now)) if now < before);
        self.life.uptime = uptime.or(self.life.uptime);
        if rebooted {
            warn!("the router has started anew; its table may be gone");
            self.life.learned = Learned::default();
        }
        self.shared.router.send_modify(|view| {
            let address = |seen: Option<ExternalAddress>| seen.and_then(|seen| seen.address);
            let line_is_back = view.external.is_some()
                && address(view.external).is_none()
                && address(polled.external).is_some();
            view.external = polled.external;
            view.connection = polled
                .status
                .map_or(Connection::Unknown, |status| status.connection);
            view.last_answer = Some(SystemTime::now());
            // What it refused before it may grant now.
            if rebooted || line_is_back {
                view.epoch = Some(Instant::now());
            }
            if let Some(table) = polled.table {
                let tcp = |entry: &&MappingEntry| entry.protocol == Protocol::Tcp;
                let now = Instant::now();
                for entry in table.entries.iter().filter(tcp) {
                    self.life.countdowns.remaining(entry, now);
                }
                view.table = Some(TableView {
                    table: Arc::new(table),
                    read_at: polled.began,
                    read_wall: SystemTime::now(),
                });
            }
        });
    }

    /// The router does not answer where it did: it may have gone, or moved.
    fn lose(&mut self, why: &Error, ctx: &mut Context<Self>) {
        warn!(%why, "the router is lost, looking for it");
        self.life.router = None;
        self.life.backoff = Backoff::default();
        self.shared.router.send_modify(|view| {
            view.state = RouterState::Lost {
                why: why.to_string(),
            };
            view.table = None;
        });
        self.round_after(Duration::ZERO, ctx);
    }

    /// What a request taught about the router.
    fn learn(&self, request: Request, answer: &Answer) {
        self.shared.router.send_if_modified(|view| {
            let over = answer.refusal().is_none()
                && view.refusal.as_ref().is_some_and(|refusal| {
                    refusal.port == request.port() || answer.granted().is_some()
                });
            if over {
                view.refusal = None;
            }
            let before = view.class();
            if let Some(granted) = answer.granted() {
                view.lessons.granted(granted);
            }
            view.lessons.delete_tried(answer.right());
            over || view.class() != before
        });
    }

    /// What an answer says to the rules; what it says about the router stays here.
    fn tell(
        &mut self,
        request: Request,
        answer: Result<Answer, Error>,
        ctx: &mut Context<Self>,
    ) -> Event {
        match answer {
            Ok(answer) => {
                self.learn(request, &answer);
                if let Some(why) = answer.refusal() {
                    self.note_refusal(request, why);
                }
                let clock = self.shared.clock;
                answer.event(request, &mut self.life.countdowns, |sent| clock.at(sent))
            }
            Err(why) => {
                self.note_refusal(request, &why);
                if why.wants_rediscovery() {
                    self.round_after(Duration::ZERO, ctx); // the poll decides whether it is gone
                }
                answer::event_of_error(request, &why)
            }
        }
    }

    /// A mapping that came to nothing, for people to read: it is asked for again soon, and told
    /// again only when the reason is another one.
    fn note_refusal(&self, request: Request, why: &Error) {
        let Request::Secure { port, .. } = request else {
            warn!(port = %request.port(), %why, "a mapping was not deleted");
            return;
        };
        let refusal = Refusal {
            port,
            kind: why.code(),
            why: why.to_string(),
        };
        let news = self.shared.router.send_if_modified(|view| {
            let before = view.refusal.as_ref().map(|old| old.kind);
            let news = before != Some(refusal.kind);
            if news {
                view.refusal = Some(refusal);
            }
            news
        });
        if news {
            warn!(%port, %why, "a mapping was not made");
        } else {
            debug!(%port, %why, "a mapping was not made, again");
        }
    }
}

/// Spreads the servers of a house apart when they all wait for the same router.
fn jitter() -> f64 {
    // Without randomness all wait the same: no harm, only less spread.
    getrandom::u32().map_or(0.0, |draw| f64::from(draw) / f64::from(u32::MAX))
}

impl Actor for RouterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if !self.shared.settings.router.enabled {
            return;
        }
        let view: RouterView = self.shared.router.borrow().clone();
        if let (RouterState::Found, Some(found)) = (view.state, view.found) {
            self.life.router = Some(Arc::new(Igd::new(found, Arc::clone(&self.observer))));
        }
        ctx.add_stream(WatchStream::new(self.shared.lan.subscribe()));
    }
}

impl Supervised for RouterActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.life = Life::default();
    }
}

impl StreamHandler<Result<LanAddress, NoAddress>> for RouterActor {
    /// The first is the address at the start of this life; every other is a change, and on another
    /// network there is another router.
    fn handle(&mut self, lan: Result<LanAddress, NoAddress>, ctx: &mut Self::Context) {
        let moved = self.life.address.is_some();
        match lan {
            Ok(lan) => self.life.address = Some(lan),
            Err(why) => {
                self.life.address = None;
                self.shared.router.send_modify(|view| {
                    view.state = RouterState::Searching {
                        why: Some(why.to_string()),
                    };
                });
            }
        }
        if moved || self.life.address.is_none() {
            self.life.router = None;
        }
        self.life.backoff = Backoff::default();
        self.round_after(Duration::ZERO, ctx);
    }
}

impl Handler<Ask> for RouterActor {
    type Result = ResponseActFuture<Self, Event>;

    fn handle(&mut self, ask: Ask, _: &mut Self::Context) -> Self::Result {
        let request = ask.request;
        let Some(router) = self.life.router.clone() else {
            return Box::pin(actix::fut::ready(Event::Failed(request)));
        };
        let mut learned = self.life.learned.clone();
        let answered = async move {
            let answer = answer::to(&*router, &ask, &mut learned).await;
            (answer, learned)
        };
        let told = move |(answer, learned), actor: &mut Self, ctx: &mut Context<Self>| {
            actor.life.learned = learned;
            actor.tell(request, answer, ctx)
        };
        Box::pin(answered.into_actor(self).map(told))
    }
}

crashes_on_demand!(RouterActor);

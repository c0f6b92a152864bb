//! `RouterActor`: finds the router, asks it, and says what it is like.
//!
//! Owns the connection to the router that was found, the lease fallback and the countdowns of the
//! leases that it saw run. Restarts with the router that the shared state names, and what was
//! learned of it, without a new search. Loses fallback and countdowns (the next requests teach them
//! again) and the request in hand, which the election makes again.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix::prelude::*;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use crate::lan::interface::{LanAddress, NoAddress};
use crate::messages::router::AskRouter;
use crate::shared::{
    Publisher, Refusal, RouterNews, RouterState, RouterView, SharedState, TableView,
};
use porthole_election::{Asked, Event, Request};
use porthole_gateway::{
    self, Connection, Countdowns, DiscoveredRouter, Error, Finder, Igd, MappingEntry, Observer,
    PollResult, PollScope, Preference, Protocol, RequestQueue, RouterChoice, SEARCH_AGAIN,
    SSDP_PORT, Search, budget,
};
use porthole_supervise::{Fixed, Progress, UntilRestart, supervised};

use answer::Answer;
use porthole_gateway::verified::Learned;

mod answer;

/// How long a search waits for answers.
const SEARCH: Duration = Duration::from_secs(3);

/// How long a look for the default gateway alone waits.
const LOOK: Duration = Duration::from_secs(1);

/// Longer than a search or a poll can take with all its time-outs: a poll is six requests, or
/// reading the table entry by entry in their place.
const ROUND: Duration = Duration::from_secs(150);

/// Searches for a router while there is none, polls it while there is one, and asks it what the
/// election wants.
pub struct RouterActor {
    wired: Fixed<Wired>,
    volatile: UntilRestart<Volatile>,
}

struct Wired {
    shared: Arc<SharedState>,
    view: Publisher<RouterView>,
    observer: Arc<dyn Observer>,
    progress: Progress,
    /// Every request waits for its turn here, whichever router and incarnation it belongs to: a
    /// crash is no reason to ask more often.
    queue: Arc<RequestQueue>,
}

#[derive(Default)]
struct Volatile {
    router: Option<Arc<Igd>>,
    learned: Learned,
    countdowns: Countdowns,
    /// Searches in a row that found no router.
    failures: u32,
    preference: Preference,
    /// From the first search to the router that it finds: late answers to one search count for the
    /// next.
    finder: Option<Finder>,
    uptime: Option<u64>,
    address: Option<LanAddress>,
    next_round: Option<SpawnHandle>,
}

impl RouterActor {
    /// An actor that has yet to look for a router.
    pub fn new(shared: Arc<SharedState>, view: Publisher<RouterView>, progress: Progress) -> Self {
        let observer = Arc::new(shared.metrics.router());
        let settings = &shared.settings.router;
        let spacing = budget::spacing(settings.representative_lease, settings.poll_interval);
        Self {
            wired: Fixed::new(Wired {
                shared,
                view,
                observer,
                progress,
                queue: Arc::new(RequestQueue::new(spacing)),
            }),
            volatile: UntilRestart::default(),
        }
    }

    fn client(&self, found: DiscoveredRouter) -> Arc<Igd> {
        let igd = Igd::new(found, Arc::clone(&self.wired.observer));
        Arc::new(igd.within(Arc::clone(&self.wired.queue)))
    }

    /// A round is a search while there is no router, and a poll while there is one.
    fn round(&mut self, ctx: &mut Context<Self>) {
        let Some(lan) = self.volatile.address.clone() else {
            return;
        };
        match self.volatile.router.clone() {
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
        if let Some(earlier) = self.volatile.next_round.replace(next) {
            ctx.cancel_future(earlier);
        }
    }

    fn search(&mut self, lan: &LanAddress, ctx: &mut Context<Self>) {
        let mut finder = self.volatile.finder.take().unwrap_or_else(|| {
            let search = Search {
                from: lan.address,
                ssdp: self.wired.shared.settings.router.ssdp_address,
                default_gateway: lan.default_gateway,
                wait: SEARCH,
            };
            Finder::new(search, Arc::clone(&self.wired.observer))
        });
        let job = self.wired.progress.job("the search for a router", ROUND);
        let search = async move {
            let found = finder.search().await;
            drop(job);
            (finder, found)
        };
        let round = ctx.spawn(search.into_actor(self).map(|(finder, found), actor, ctx| {
            actor.volatile.finder = Some(finder);
            match found {
                Ok(found) => actor.choose(found, ctx),
                Err(why) => actor.miss(&why.to_string(), ctx),
            }
        }));
        self.replace_round(round, ctx);
    }

    /// Until the next search: a router that answers late, or announces itself, is not searched for
    /// again.
    fn overhear(&mut self, until: Instant, ctx: &mut Context<Self>) {
        let wait = until.saturating_duration_since(Instant::now());
        let Some(mut finder) = self.volatile.finder.take() else {
            self.round_after(wait, ctx);
            return;
        };
        let overhear = async move {
            let found = finder.overhear(wait).await;
            (finder, found)
        };
        let round = ctx.spawn(
            overhear
                .into_actor(self)
                .map(move |(finder, found), actor, ctx| {
                    actor.volatile.finder = Some(finder);
                    match found {
                        None => actor.round(ctx),
                        Some(found) if actor.may_use(&found) => actor.arrive(found, ctx),
                        Some(_) => actor.overhear(until, ctx),
                    }
                }),
        );
        self.replace_round(round, ctx);
    }

    /// Whether a router that was heard of between two searches may be used at once.
    fn may_use(&self, found: &DiscoveredRouter) -> bool {
        let view = self.wired.shared.router.borrow();
        let known = view.found.as_ref().map(|known| &known.identity);
        let lan = self.volatile.address.as_ref();
        let gateway = lan.and_then(|lan| lan.default_gateway);
        Preference::heard(&found.identity, known, gateway) == RouterChoice::Take
    }

    fn arrive(&mut self, found: DiscoveredRouter, ctx: &mut Context<Self>) {
        info!(router = %found.identity.name, address = %found.identity.address, "router found");
        *self.volatile = Volatile {
            router: Some(self.client(found.clone())),
            address: self.volatile.address.take(),
            next_round: self.volatile.next_round.take(),
            ..Volatile::default()
        };
        self.publish(RouterNews::Found(found));
        self.round_after(Duration::ZERO, ctx);
    }

    /// A search found a router: the one to use, or one to use only if the default gateway stays
    /// away.
    fn choose(&mut self, found: DiscoveredRouter, ctx: &mut Context<Self>) {
        let lan = self.volatile.address.as_ref();
        let gateway = lan.and_then(|lan| lan.default_gateway);
        let choice = {
            let view = self.wired.shared.router.borrow();
            let known = view.found.as_ref().map(|known| &known.identity);
            self.volatile
                .preference
                .found(&found.identity, known, gateway)
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
        self.volatile.failures = self.volatile.failures.saturating_add(1);
        let wait = SEARCH_AGAIN.after(self.volatile.failures, jitter());
        // Said once, then only when it changes: a site without such a router is no emergency.
        let news = self.publish(RouterNews::NotFound {
            why: why.to_owned(),
        });
        if news {
            warn!(%why, "no router; serving the LAN, and looking again");
        } else {
            debug!(%why, again_in = ?wait, "no router yet");
        }
        self.overhear(Instant::now() + wait, ctx);
    }

    fn poll(&mut self, router: Arc<Igd>, ctx: &mut Context<Self>) {
        let scope = if self.wired.shared.settings.router.read_table {
            PollScope::WithTable
        } else {
            PollScope::WithoutTable
        };
        let progress = self.wired.progress.clone();
        let poll = async move {
            router.poll_turn().await;
            let job = progress.job("a poll of the router", ROUND);
            let polled = porthole_gateway::poll(&router, scope).await;
            drop(job);
            polled
        };
        let round = ctx.spawn(poll.into_actor(self).map(|polled, actor, ctx| {
            if let Some(table) = &polled.table {
                actor
                    .wired
                    .shared
                    .metrics
                    .router_poll_duration_seconds
                    .observe(polled.took.as_secs_f64());
                let entries = i64::try_from(table.entries.len()).unwrap_or(i64::MAX);
                actor.wired.shared.metrics.router_table_entries.set(entries);
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
        let interval = self.wired.shared.settings.router.poll_interval;
        let volatile = &mut *self.volatile;
        let look = volatile.address.as_ref().and_then(|lan| {
            let view = self.wired.shared.router.borrow();
            let used = &view.found.as_ref()?.identity;
            let gateway = volatile.preference.polled(used, lan.default_gateway)?;
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
        let observer = Arc::clone(&self.wired.observer);
        let job = self
            .wired
            .progress
            .job("a look for the default gateway", ROUND);
        let found = async move {
            let found = porthole_gateway::discover(&search, &observer).await;
            drop(job);
            found
        };
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
            matches!((self.volatile.uptime, uptime), (Some(before), Some(now)) if now < before);
        self.volatile.uptime = uptime.or(self.volatile.uptime);
        if rebooted {
            warn!("the router has started anew; its table may be gone");
            self.volatile.learned = Learned::default();
        }
        let table = polled.table.map(|table| {
            let now = Instant::now();
            if !table.entries.is_empty() {
                self.volatile.learned.reading.saw_a_mapping();
            }
            let tcp = |entry: &&MappingEntry| entry.protocol == Protocol::Tcp;
            for entry in table.entries.iter().filter(tcp) {
                self.volatile.countdowns.remaining(entry, now);
            }
            TableView {
                table: Arc::new(table),
                read_at: polled.began,
                read_wall: SystemTime::now(),
            }
        });
        self.publish(RouterNews::Polled {
            external: polled.external,
            connection: polled
                .status
                .map_or(Connection::Unknown, |status| status.connection),
            table,
            rebooted,
            answer_time: polled.answer_time,
        });
    }

    /// The router does not answer where it did: it may have gone, or moved.
    fn lose(&mut self, why: &Error, ctx: &mut Context<Self>) {
        warn!(%why, "the router is lost, looking for it");
        self.volatile.router = None;
        self.volatile.failures = 0;
        self.publish(RouterNews::Lost {
            why: why.to_string(),
        });
        self.round_after(Duration::ZERO, ctx);
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
                self.publish(RouterNews::Answered {
                    port: request.port(),
                    granted: answer.granted(request),
                    first: matches!(
                        request,
                        Request::Secure {
                            asked: Asked::First,
                            ..
                        }
                    ),
                    delete_right: answer.right(),
                });
                if let Some(why) = answer.refusal() {
                    self.note_refusal(request, why);
                }
                let clock = self.wired.shared.clock;
                let line = self.wired.shared.router.borrow().connection;
                answer.event(request, line, &mut self.volatile.countdowns, |sent| {
                    clock.at(sent)
                })
            }
            Err(why) => {
                self.note_refusal(request, &why);
                if why.wants_rediscovery() {
                    self.round_after(Duration::ZERO, ctx); // the poll decides whether it is gone
                }
                Event::Failed(request)
            }
        }
    }

    /// A mapping that was not made, for people to read; one that was not deleted is only logged.
    fn note_refusal(&self, request: Request, why: &Error) {
        let (Request::Secure { port, .. } | Request::Remake { port, .. }) = request else {
            warn!(port = %request.port(), %why, "a mapping was not deleted");
            return;
        };
        let news = self.publish(RouterNews::Refused(Refusal {
            port,
            kind: why.code(),
            why: why.to_string(),
        }));
        if news {
            warn!(%port, %why, "a mapping was not made");
        } else {
            debug!(%port, %why, "a mapping was not made, again");
        }
    }

    /// The one place where this actor changes what is known of the router. Returns whether that was
    /// news to its readers.
    fn publish(&self, news: RouterNews) -> bool {
        self.wired.view.update(|view| view.apply(news))
    }
}

/// Spreads the servers of a site apart when they all wait for the same router.
fn jitter() -> u64 {
    getrandom::u64().unwrap_or(0) // without randomness all wait the same: no harm, only less spread
}

impl Actor for RouterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if !self.wired.shared.settings.router.enabled {
            return;
        }
        let view: RouterView = self.wired.shared.router.borrow().clone();
        if let (RouterState::Found, Some(found)) = (view.state, view.found) {
            self.volatile.router = Some(self.client(found));
        }
        ctx.add_stream(WatchStream::new(self.wired.shared.lan.subscribe()));
    }
}

supervised!(RouterActor { wired, volatile });

impl StreamHandler<Result<LanAddress, NoAddress>> for RouterActor {
    /// The first is the address at the start of this incarnation; every other is a change, and on
    /// another network there is another router.
    fn handle(&mut self, lan: Result<LanAddress, NoAddress>, ctx: &mut Self::Context) {
        let moved = self.volatile.address.is_some();
        match lan {
            Ok(lan) => self.volatile.address = Some(lan),
            Err(why) => {
                self.volatile.address = None;
                self.publish(RouterNews::NoAddress {
                    why: why.to_string(),
                });
            }
        }
        if moved || self.volatile.address.is_none() {
            self.volatile.router = None;
        }
        self.volatile.finder = None;
        self.volatile.failures = 0;
        self.round_after(Duration::ZERO, ctx);
    }
}

impl Handler<AskRouter> for RouterActor {
    type Result = ResponseActFuture<Self, Event>;

    fn handle(&mut self, ask: AskRouter, _: &mut Self::Context) -> Self::Result {
        let request = ask.request;
        let Some(router) = self.volatile.router.clone() else {
            return Box::pin(actix::fut::ready(Event::Failed(request)));
        };
        let mut learned = self.volatile.learned.clone();
        let answered = async move {
            let answer = answer::to(&*router, &ask, &mut learned).await;
            (answer, learned)
        };
        let told = move |told: (_, Learned), actor: &mut Self, ctx: &mut Context<Self>| {
            let (answer, mut learned) = told;
            if actor.volatile.learned.reading.shows_what_it_has() {
                learned.reading.saw_a_mapping(); // a poll has read the table meanwhile
            }
            actor.volatile.learned = learned;
            actor.tell(request, answer, ctx)
        };
        Box::pin(answered.into_actor(self).map(told))
    }
}

crashes_on_demand!(RouterActor);

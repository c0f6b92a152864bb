//! `RouterActor`: finds the router, asks it, and says what it is like.
//!
//! Owns the way to the router that was found, the lease ladder and what was learned about the router.
//! Restarts with the router that the cell remembers, without a new search. Loses what it learned
//! (the next requests teach it again) and the request in hand, which its asker makes again.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix::prelude::*;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use crate::cells::{Cells, Refusal, RouterState, RouterView, TableView};
use crate::election::{self, Event, Request};
use crate::gateway::{
    self, Backoff, Connection, Description, Error, ExternalAddress, Found, Igd, Ladder, Lease,
    MappingRequest, Observer, Polled, RouterLessons, Scope, Search, verified,
};
use crate::lan::interface::{LanAddress, NoAddress};
use crate::supervise::Progress;

/// How long a search waits for answers.
const SEARCH: Duration = Duration::from_secs(3);

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
}

/// See the module.
pub struct RouterActor {
    cells: Arc<Cells>,
    observer: Arc<dyn Observer>,
    progress: Progress,
    life: Life,
}

#[derive(Default)]
struct Life {
    router: Option<Arc<Igd>>,
    ladder: Ladder,
    lessons: RouterLessons,
    backoff: Backoff,
    uptime: Option<u64>,
    address: Option<LanAddress>,
    next_round: Option<SpawnHandle>,
}

impl RouterActor {
    /// An actor that has yet to look for a router.
    pub fn new(cells: Arc<Cells>, progress: Progress) -> Self {
        let observer = Arc::new(cells.metrics.router());
        Self {
            cells,
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
            ssdp: self.cells.settings.router.ssdp_address,
            default_gateway: lan.default_gateway,
            wait: SEARCH,
        };
        let observer = Arc::clone(&self.observer);
        let job = self.progress.job("the search for a router", ROUND);
        let found = async move {
            let found = gateway::discover(&search, &observer).await;
            drop(job);
            found
        };
        let round = ctx.spawn(found.into_actor(self).map(|found, actor, ctx| match found {
            Ok(found) => actor.arrive(found, ctx),
            Err(why) => actor.miss(&why, ctx),
        }));
        self.replace_round(round, ctx);
    }

    fn arrive(&mut self, found: Found, ctx: &mut Context<Self>) {
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
        self.cells.router.send_modify(|view| {
            view.state = RouterState::Found;
            view.found = Some(found);
            view.epoch = Some(Instant::now());
            view.table = None;
            view.refusal = None;
            view.last_answer = Some(SystemTime::now());
        });
        self.round_after(Duration::ZERO, ctx);
    }

    fn miss(&mut self, why: &Error, ctx: &mut Context<Self>) {
        let wait = self.life.backoff.failed(jitter());
        // Said once, then only when it changes: a house without such a router is no emergency.
        let why = why.to_string();
        let news = self.cells.router.send_if_modified(|view| {
            let why = why.clone();
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
        let scope = if self.cells.settings.router.read_table {
            Scope::WithTable
        } else {
            Scope::WithoutTable
        };
        let job = self.progress.job("a poll of the router", ROUND);
        let poll = async move {
            let polled = gateway::poll(&router, scope).await;
            drop(job);
            polled
        };
        let round = ctx.spawn(poll.into_actor(self).map(|polled, actor, ctx| {
            if let Some(table) = &polled.table {
                actor
                    .cells
                    .metrics
                    .router_poll_duration_seconds
                    .observe(polled.took.as_secs_f64());
                let entries = i64::try_from(table.entries.len()).unwrap_or(i64::MAX);
                actor.cells.metrics.router_table_entries.set(entries);
            }
            match polled.gone {
                Some(why) => actor.lose(&why, ctx),
                None => {
                    actor.note(polled);
                    let interval = actor.cells.settings.router.poll_interval;
                    actor.round_after(interval, ctx);
                }
            }
        }));
        self.replace_round(round, ctx);
    }

    /// What a poll saw.
    fn note(&mut self, polled: Polled) {
        let uptime = polled.status.and_then(|status| status.uptime_seconds);
        let rebooted =
            matches!((self.life.uptime, uptime), (Some(before), Some(now)) if now < before);
        self.life.uptime = uptime.or(self.life.uptime);
        if rebooted {
            warn!("the router has started anew; its table may be gone");
            self.life.ladder = Ladder::default();
            self.life.lessons = RouterLessons::default();
        }
        self.cells.router.send_modify(|view| {
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
        self.cells.router.send_modify(|view| {
            view.state = RouterState::Lost {
                why: why.to_string(),
            };
            view.table = None;
        });
        self.round_after(Duration::ZERO, ctx);
    }

    /// What a request taught about the router.
    fn learn(&mut self, request: Request, answered: &Answered) {
        self.life.ladder = answered.ladder.clone();
        if let Ok(answer) = &answered.outcome {
            self.cells.router.send_if_modified(|view| {
                let over = view.refusal.as_ref().is_some_and(|refusal| {
                    refusal.port == request.port() || answer.granted().is_some()
                });
                if over {
                    view.refusal = None;
                }
                over
            });
        }
        if let Ok(Some(granted)) = answered.outcome.as_ref().map(Answer::granted) {
            self.life.lessons.granted(granted);
            let class = self.life.lessons.class();
            self.cells.router.send_if_modified(|view| {
                let news = view.class != class;
                view.class = class;
                news
            });
        }
    }

    /// A mapping that came to nothing, for people to read: it is asked for again soon, and told again
    /// only when the reason is another one.
    fn note_refusal(&self, request: Request, why: &Error) {
        let Request::Secure { port, .. } = request else {
            warn!(port = %request.port(), %why, "the router did not take a mapping back");
            return;
        };
        let refusal = Refusal {
            port,
            kind: why.code(),
            why: why.to_string(),
        };
        let news = self.cells.router.send_if_modified(|view| {
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

/// What became of a request.
enum Answer {
    Secured(verified::Outcome),
    Released(verified::Release),
}

impl Answer {
    fn granted(&self) -> Option<Lease> {
        match self {
            Self::Secured(verified::Outcome::Ours(grant)) => Some(grant.granted),
            Self::Secured(verified::Outcome::Theirs(_)) | Self::Released(_) => None,
        }
    }
}

struct Answered {
    outcome: Result<Answer, Error>,
    ladder: Ladder,
}

async fn answer(router: &Igd, ask: Ask, mut ladder: Ladder) -> Answered {
    let outcome = match ask.request {
        Request::Secure { port, lease } => {
            let request = MappingRequest {
                external: port,
                internal: ask.internal,
                lease: Lease::from_seconds(u32::try_from(lease.as_secs()).unwrap_or(u32::MAX)),
                description: Description::for_name(&ask.name),
            };
            verified::secure(router, &request, &mut ladder)
                .await
                .map(Answer::Secured)
        }
        Request::Release(port) | Request::Evict { port, .. } => {
            verified::release(router, port, ask.internal)
                .await
                .map(Answer::Released)
        }
    };
    Answered { outcome, ladder }
}

/// The same in the words of the rules.
fn event(cells: &Cells, request: Request, answer: &Answer) -> Event {
    let port = request.port();
    match answer {
        Answer::Secured(verified::Outcome::Ours(grant)) => Event::Secured {
            port,
            sent_at: cells.clock.at(grant.sent_at),
            granted: match grant.granted {
                Lease::Permanent => None,
                Lease::Seconds(seconds) => Some(Duration::from_secs(seconds.get().into())),
            },
            before: match grant.before {
                verified::Before::Free => election::Before::Free,
                verified::Before::Ours => election::Before::Ours,
            },
        },
        Answer::Secured(verified::Outcome::Theirs(entry)) => Event::Taken {
            port,
            expires_in: entry
                .as_ref()
                .and_then(|entry| entry.lease_seconds)
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(seconds.into())),
            by: None,
        },
        Answer::Released(verified::Release::Released | verified::Release::NotOurs) => {
            Event::Released(port)
        }
        Answer::Released(verified::Release::StillThere(why)) => {
            warn!(%port, ?why, "the router does not delete our mapping");
            Event::Failed(request)
        }
    }
}

/// What a refusal says to the rules. A port that the router uses itself (729, its own pages perhaps) is
/// as good as somebody else's: another one may do.
fn refused(request: Request, why: &Error) -> Event {
    match (request, why.refusal()) {
        (Request::Secure { port, .. }, Some(729)) => Event::Taken {
            port,
            expires_in: None,
            by: None,
        },
        _ => Event::Failed(request),
    }
}

impl Actor for RouterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if !self.cells.settings.router.enabled {
            return;
        }
        let view: RouterView = self.cells.router.borrow().clone();
        if let (RouterState::Found, Some(found)) = (view.state, view.found) {
            self.life.router = Some(Arc::new(Igd::new(found, Arc::clone(&self.observer))));
        }
        ctx.add_stream(WatchStream::new(self.cells.lan.subscribe()));
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
                self.cells.router.send_modify(|view| {
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
        let ladder = self.life.ladder.clone();
        let answered = async move { answer(&router, ask, ladder).await };
        Box::pin(answered.into_actor(self).map(move |answered, actor, ctx| {
            actor.learn(request, &answered);
            match answered.outcome {
                Ok(answer) => event(&actor.cells, request, &answer),
                Err(why) => {
                    actor.note_refusal(request, &why);
                    if why.wants_rediscovery() {
                        actor.round_after(Duration::ZERO, ctx); // the poll decides whether it is gone
                    }
                    refused(request, &why)
                }
            }
        }))
    }
}

crashes_on_demand!(RouterActor);

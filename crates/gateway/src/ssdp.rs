//! Finding the router: SSDP (UPnP Device Architecture, section 1), by multicast to all and by
//! unicast to the default gateway.
//!
//! Several devices may answer, and one may offer several services. The default gateway comes first,
//! then one whose Internet side is up, then whoever answered first. A location is followed only to
//! the address that the answer came from, or to the default gateway. (The crate `igd` searches too,
//! but takes the first answer that it can use, and refuses a router on loopback.)
//!
//! | file | concept |
//! |---|---|
//! | `search` | what a search is told |
//! | `listener` | the socket that asks and hears the answers, late ones too |
//! | `announcements` | the socket that hears who announces itself |
//! | `answer`, `answers` | reading what was heard; which of it is looked at |

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, pending};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use crate::action::Action;
use crate::device::{self, Device, ServiceType};
use crate::error::Error;
use crate::gateway::{Gateway as _, Observer};
use crate::identity::{DiscoveredRouter, Identity, Route};
use crate::igd::Igd;
use crate::status::Connection;
use announcements::Announcements;
use answer::Answer;
use listener::{Listener, Patience};

pub use search::{SSDP_PORT, Search};

mod announcements;
mod answer;
mod answers;
mod listener;
mod search;

/// Once a usable router was described, the others' descriptions get this long to come in.
const SETTLE: Duration = Duration::from_secs(1);

/// Services of all routers together that are looked at.
const MAX_SERVICES: usize = 16;

/// The location that a datagram of the search's group tells of: an answer to a search, or an
/// announcement. Nothing where it is neither, or leads to another device than the one that spoke or
/// the default gateway.
#[must_use]
pub fn location(
    datagram: &[u8],
    from: SocketAddr,
    default_gateway: Option<Ipv4Addr>,
) -> Option<Url> {
    let heard = answer::answer(datagram, from, default_gateway)
        .or_else(|| answer::announcement(datagram, from, default_gateway))?;
    Some(heard.location)
}

/// Find the router to use, with one search. Takes at most [`Search::wait`] and a minute.
///
/// # Errors
/// See [`Finder::search`].
pub async fn discover(
    search: &Search,
    observer: &Arc<dyn Observer>,
) -> Result<DiscoveredRouter, Error> {
    Finder::new(search.clone(), Arc::clone(observer))
        .search()
        .await
}

/// Searches for a router again and again, and hears between the searches who answers late or
/// announces itself. Its sockets are open from the first search until it is dropped.
pub struct Finder {
    search: Search,
    observer: Arc<dyn Observer>,
    listener: Option<Listener>,
    announcements: Option<Announcements>,
}

impl Finder {
    /// A finder that has not searched yet.
    #[must_use]
    pub fn new(search: Search, observer: Arc<dyn Observer>) -> Self {
        Self {
            search,
            observer,
            listener: None,
            announcements: None,
        }
    }

    /// Search once. Takes at most [`Search::wait`] and a minute.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no router answered, [`Error::Socket`] when the search could not go
    /// out, or what was wrong with the description of the first that answered when none was usable.
    pub async fn search(&mut self) -> Result<DiscoveredRouter, Error> {
        // A socket that fails is dropped, and so opened anew by the next search.
        let mut listener = self.begin().await.map_err(|error| Error::Socket {
            from: self.search.from,
            why: error.to_string(),
        })?;
        let mut first_error = None;
        // The first round ends as soon as the preferred router has answered; the second, needed
        // only when that came to nothing, listens to the end.
        for patience in [Patience::UntilPreferred, Patience::ToTheEnd] {
            let answers = match listener.collect(patience).await {
                Ok(answers) => answers,
                Err(error) => {
                    tracing::debug!(%error, "listening for routers");
                    return Err(first_error.unwrap_or(Error::Socket {
                        from: self.search.from,
                        why: error.to_string(),
                    }));
                }
            };
            let (found, error) = self.describe_all(answers).await;
            if let Some(best) = prefer(found, &self.observer).await {
                self.listener = Some(listener);
                return Ok(best);
            }
            first_error = first_error.or(error);
        }
        listener.listen_on();
        self.listener = Some(listener);
        Err(first_error.unwrap_or(Error::NotFound {
            from: self.search.from,
        }))
    }

    async fn begin(&mut self) -> io::Result<Listener> {
        let search = &self.search;
        let mut listener = match self.listener.take() {
            Some(listener) => listener,
            None => Listener::open(search)?,
        };
        if self.announcements.is_none() && search.ssdp.ip().is_multicast() {
            self.announcements = Announcements::open(search)
                .inspect_err(|error| tracing::debug!(%error, "cannot hear announcements"))
                .ok();
        }
        listener.begin().await?;
        Ok(listener)
    }

    /// After a search in vain: hear for this long who answers late, or announces itself. Gives the
    /// router as soon as there is one; a description under way is waited for.
    pub async fn overhear(&mut self, how_long: Duration) -> Option<DiscoveredRouter> {
        let mut until = Instant::now() + how_long;
        let observer = Arc::clone(&self.observer);
        let mut under_way = FuturesUnordered::new();
        let mut found = Vec::new();
        loop {
            let hearing = Instant::now() < until;
            if !hearing && (!found.is_empty() || under_way.is_empty()) {
                break;
            }
            tokio::select! {
                heard = self.hear(), if hearing => {
                    for answer in heard {
                        tracing::debug!(location = %answer.location, "heard of a router");
                        under_way.push(describe(answer, &observer));
                    }
                }
                Some((answer, device)) = under_way.next(), if !under_way.is_empty() => {
                    if let Ok(device) = device {
                        add(&mut found, self.routers(&answer, device));
                        // Others that were heard get a moment, unless nobody is better.
                        let best = self.search.preferred() == Some(answer.address);
                        let settle = if best { Duration::ZERO } else { SETTLE };
                        until = until.min(Instant::now() + settle);
                    }
                }
                () = sleep_until(until), if hearing => {}
            }
        }
        drop(under_way);
        prefer(found, &self.observer).await
    }

    /// What is heard next between two searches. A socket that fails is dropped: the next search
    /// opens it anew.
    async fn hear(&mut self) -> Vec<Answer> {
        let late = async {
            match &mut self.listener {
                Some(listener) => listener.late().await,
                None => pending().await,
            }
        };
        let announced = async {
            match &mut self.announcements {
                Some(announcements) => announcements.next().await,
                None => pending().await,
            }
        };
        tokio::select! {
            late = late => late.unwrap_or_else(|error| {
                tracing::debug!(%error, "listening for late answers");
                self.listener = None;
                Vec::new()
            }),
            announced = announced => match announced {
                Ok(announced) => vec![announced],
                Err(error) => {
                    tracing::debug!(%error, "listening for announcements");
                    self.announcements = None;
                    Vec::new()
                }
            },
        }
    }

    /// Fetch all descriptions at once; the services they offer in the order of the answers, and the
    /// first thing that went wrong. Once the preferred router is described, the others have to be
    /// quick: nobody else is better.
    async fn describe_all(&self, answers: Vec<Answer>) -> (Vec<DiscoveredRouter>, Option<Error>) {
        let mut under_way: FuturesUnordered<_> = answers
            .into_iter()
            .enumerate()
            .map(async |(place, answer)| (place, describe(answer, &self.observer).await))
            .collect();
        let mut until = None;
        let mut described = Vec::new();
        loop {
            let next = match until {
                None => under_way.next().await,
                Some(until) => timeout_at(until, under_way.next()).await.ok().flatten(),
            };
            let Some((place, (answer, device))) = next else {
                break;
            };
            if device.is_ok() && self.search.preferred() == Some(answer.address) {
                until.get_or_insert(Instant::now() + SETTLE);
            }
            described.push((place, answer, device));
        }
        described.sort_by_key(|(place, ..)| *place);
        let mut found = Vec::new();
        let mut first_error = None;
        for (_, answer, device) in described {
            match device {
                Ok(device) => add(&mut found, self.routers(&answer, device)),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        (found, first_error)
    }

    /// Each service of a device is a router of its own, as far as one can choose.
    fn routers(
        &self,
        answer: &Answer,
        device: Device,
    ) -> impl Iterator<Item = DiscoveredRouter> + use<> {
        let (address, from) = (answer.address, self.search.from);
        let route = if self.search.default_gateway == Some(address) {
            Route::Default
        } else {
            Route::Other
        };
        let name = device.name;
        let services = device.services.into_iter();
        services.map(move |(service, control)| DiscoveredRouter {
            identity: Identity {
                name: name.clone(),
                address,
                service,
                route,
            },
            control,
            from,
        })
    }
}

async fn describe(answer: Answer, observer: &Arc<dyn Observer>) -> (Answer, Result<Device, Error>) {
    let device = device::describe(&answer.location).await;
    let counted = device.as_ref().map(|_| ()).map_err(Error::code);
    observer.request(Action::Describe, counted);
    if let Err(error) = &device {
        tracing::debug!(address = %answer.address, %error, "a router's description");
    }
    (answer, device)
}

/// One device often answers at several locations that describe the same.
fn add(found: &mut Vec<DiscoveredRouter>, more: impl Iterator<Item = DiscoveredRouter>) {
    for one in more {
        if found.len() < MAX_SERVICES && !found.contains(&one) {
            found.push(one);
        }
    }
}

/// The default gateway first, then one whose Internet side is up, then a newer version of the same
/// service, then the order of the answers.
async fn prefer(
    mut found: Vec<DiscoveredRouter>,
    observer: &Arc<dyn Observer>,
) -> Option<DiscoveredRouter> {
    // Where the default gateway is, the others need not be asked.
    let default = |one: &DiscoveredRouter| one.identity.route == Route::Default;
    if found.iter().any(default) {
        found.retain(default);
    }
    let best = if found.len() < 2 {
        found.into_iter().next()
    } else {
        let connections = join_all(found.iter().map(async |one| {
            let status = Igd::new(one.clone(), Arc::clone(observer)).status().await;
            status.map_or(Connection::Unknown, |status| status.connection)
        }))
        .await;
        found
            .into_iter()
            .zip(connections)
            .min_by_key(|(one, connection)| rank(&one.identity, *connection))
            .map(|(one, _)| one)
    };
    if let Some(best) = &best {
        tracing::debug!(
            router = %best.identity.name,
            address = %best.identity.address,
            service = %best.identity.service,
            "found a router"
        );
    }
    best
}

/// Lower is better.
fn rank(identity: &Identity, connection: Connection) -> (u8, u8, u8) {
    let route = match identity.route {
        Route::Default => 0,
        Route::Other => 1,
    };
    let connection = match connection {
        Connection::Up => 0,
        Connection::Unknown => 1,
        Connection::Down => 2,
    };
    // WANIPConnection:2 has GetListOfPortMappings.
    let service = match identity.service {
        ServiceType::WanIp(version) => 255 - version.min(254),
        ServiceType::WanPpp(_) => 255,
    };
    (route, connection, service)
}

#[cfg(test)]
mod tests;

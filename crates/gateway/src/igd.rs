//! A router over UPnP IGD: SOAP carried by a provider of the crate `igd`, read by the tolerant
//! reader of this project.
//!
//! The crate's own typed calls are not used: they lose the codes of faults without a description,
//! and know neither `GetSpecificPortMappingEntry` nor `GetListOfPortMappings`. One path for all
//! keeps time-outs, limits and counting in one place.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use igd::RequestError;
use tokio::time::Instant;
use url::Url;

use porthole_types::ExternalPort;

use crate::action::Action;
use crate::address::ExternalAddress;
use crate::answer_time::AnswerTime;
use crate::budget::RequestKind;
use crate::entry::{MappingEntry, Protocol};
use crate::error::Error;
use crate::gateway::{Gateway, MappingRequest, Observer};
use crate::http_exchange::{ANSWER_TIME, CONNECT_TIME, Failure, root_cause};
use crate::identity::{DiscoveredRouter, Identity};
use crate::request_queue::{QueueFull, RequestQueue};
use crate::status::{Connection, Status};
use crate::table::{Extent, IndexWalk, MAX_ENTRIES, Table};
use crate::xml::Element;
use crate::{soap, soap_transport};

/// How long one request may take at the most, connecting and reading included.
pub const REQUEST_TIME: Duration = CONNECT_TIME.saturating_add(ANSWER_TIME);

/// How long reading a table by index may take; then what was read is all there is.
const TABLE_TIME: Duration = Duration::from_secs(30);

/// Bytes of an ordinary reply. The transport itself stops at 1 MiB, so memory is bounded by that.
const MAX_REPLY: usize = 64 * 1024;

/// Bytes of a list: 256 entries of about 700 bytes each once escaped, and as much again for long
/// descriptions.
const MAX_LIST: usize = 512 * 1024;

/// A router that was found. It remembers which requests the router does not offer; make a new one
/// when the router is found again.
pub struct Igd {
    identity: Identity,
    control: Url,
    /// Where requests leave from.
    from: Ipv4Addr,
    observer: Arc<dyn Observer>,
    /// None: asked as often as somebody wants.
    queue: Option<Arc<RequestQueue>>,
    /// The router has no `GetListOfPortMappings`.
    no_list: AtomicBool,
    /// The router has no `GetSpecificPortMappingEntry`, or does not show there what it lists.
    no_specific: AtomicBool,
    answer_time: AnswerTime,
}

impl Igd {
    /// The router that a search found; the observer is told of every request.
    #[must_use]
    pub fn new(found: DiscoveredRouter, observer: Arc<dyn Observer>) -> Self {
        Self {
            identity: found.identity,
            control: found.control,
            from: found.from,
            observer,
            queue: None,
            no_list: AtomicBool::new(false),
            no_specific: AtomicBool::new(false),
            answer_time: AnswerTime::default(),
        }
    }

    /// How long the router takes to answer, of late; nothing before its first answer.
    #[must_use]
    pub fn answer_time(&self) -> Option<Duration> {
        self.answer_time.now()
    }

    /// The same, with every request waiting for its turn in this queue; it outlives the client, so
    /// that a router which is found again is not asked more.
    #[must_use]
    pub fn within(mut self, queue: Arc<RequestQueue>) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Wait until a poll may begin.
    pub async fn poll_turn(&self) {
        if let Some(queue) = &self.queue
            && let Some(wait) = queue.poll_turn().await
        {
            self.observer.waited(RequestKind::Poll, wait);
        }
    }

    async fn turn(&self, action: Action) -> Result<(), Error> {
        let Some(queue) = &self.queue else {
            return Ok(());
        };
        let waited = queue.turn().await;
        if let Some(wait) = waited.map_err(|QueueFull| Error::TooMany { action })? {
            self.observer.waited(RequestKind::of(action), wait);
        }
        Ok(())
    }

    /// Make one request and count it.
    async fn call(&self, action: Action, arguments: &[(&str, &str)]) -> Result<Element, Error> {
        self.turn(action).await?;
        let result = self.exchange(action, arguments).await;
        let counted = match &result {
            Err(Error::Refused { code, .. }) if action.means_no_entry(*code) => Ok(()),
            Err(error) => Err(error.code()),
            Ok(_) => Ok(()),
        };
        self.observer.request(action, counted);
        let router = self.identity.address;
        tracing::trace!(%action, %router, result = ?counted, "asked the router");
        result
    }

    async fn exchange(&self, action: Action, arguments: &[(&str, &str)]) -> Result<Element, Error> {
        let service = self.identity.service.to_string();
        let header = format!("\"{service}#{action}\"");
        let body = soap::request(action, &service, arguments);
        let limit = match action {
            Action::GetListOfPortMappings => MAX_LIST,
            _ => MAX_REPLY,
        };
        let time = self.answer_time.limit();
        let send = soap_transport::send(self.from, time, self.control.as_str(), &header, &body);
        let began = Instant::now();
        let reply = match send.await {
            Err(error) => transport_error(action, limit, error).inspect_err(|error| {
                // How long it would have taken is not known; at least so long.
                if let Error::TimedOut { .. } = error {
                    self.answer_time.note(time);
                }
            })?,
            Ok(reply) => reply,
        };
        self.answer_time.note(began.elapsed());
        if reply.len() > limit {
            return Err(Error::TooLarge { action, limit });
        }
        soap::reply(action, &reply)
    }

    /// The whole table in one request.
    async fn list(&self) -> Result<Table, Error> {
        let most = MAX_ENTRIES.to_string();
        let arguments = [
            ("NewStartPort", "1"),
            ("NewEndPort", "65535"),
            ("NewProtocol", Protocol::Tcp.as_str()),
            ("NewManage", "1"),
            ("NewNumberOfPorts", most.as_str()),
        ];
        let action = Action::GetListOfPortMappings;
        match self.call(action, &arguments).await {
            Ok(response) => soap::listing(&response).map(Table::from),
            Err(Error::Refused { code, .. }) if action.means_no_entry(code) => Ok(Table {
                entries: Vec::new(),
                extent: Extent::Whole,
            }),
            Err(error) => Err(error),
        }
    }

    /// The table one entry after the other.
    async fn by_index(&self) -> Result<Table, Error> {
        let action = Action::GetGenericPortMappingEntry;
        let deadline = Instant::now() + TABLE_TIME;
        let mut walk = IndexWalk::default();
        while let Some(index) = walk.next_index() {
            let too_dear = |queue: &Arc<RequestQueue>| index > 0 && queue.ends_table();
            if Instant::now() >= deadline || self.queue.as_ref().is_some_and(too_dear) {
                walk.stop();
                break;
            }
            let text = index.to_string();
            match self.call(action, &[("NewPortMappingIndex", &text)]).await {
                Ok(fields) => match MappingEntry::read(&fields) {
                    Some(entry) => walk.entry(entry),
                    None => walk.unreadable(),
                },
                Err(Error::Refused { code, text, .. }) => {
                    if walk.refused(code).is_err() {
                        return Err(Error::Refused { action, code, text });
                    }
                }
                Err(Error::Unreadable { .. } | Error::TooLarge { .. }) if index > 0 => {
                    walk.unreadable();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(walk.table())
    }

    /// The router lists a mapping that it does not show when it is asked for the port.
    fn lists_only(&self) {
        self.no_specific.store(true, Ordering::Relaxed);
    }

    /// Look a port up in the table, for want of a better way.
    async fn entry_by_table(&self, port: ExternalPort) -> Result<Option<MappingEntry>, Error> {
        let table = self.table().await?;
        match (table.tcp(port), table.extent) {
            (Some(entry), _) => Ok(Some(entry.clone())),
            (None, Extent::Whole) => Ok(None),
            (None, Extent::Partial) => Err(Error::Unreadable {
                action: Action::GetGenericPortMappingEntry,
                what: format!("only a part of its table can be read, and port {port} is not in it"),
            }),
        }
    }
}

/// Whether this refusal means that the router does not have the action, now or ever.
fn not_offered(error: &Error) -> bool {
    matches!(error.refusal(), Some(401 | 602))
}

/// The router answered, but with something other than what was asked: another request may do
/// better.
fn answered_oddly(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused { .. } | Error::Unreadable { .. } | Error::TooLarge { .. }
    )
}

/// What a failure of the transport means; a reply that is not UTF-8 is still one.
fn transport_error(action: Action, limit: usize, error: RequestError) -> Result<String, Error> {
    if let RequestError::Utf8Error(error) = error {
        return Ok(String::from_utf8_lossy(error.as_bytes()).into_owned());
    }
    Err(match soap_transport::failure(&error) {
        Some(Failure::TimedOut) => Error::TimedOut { action },
        Some(Failure::TooLong) => Error::TooLarge { action, limit },
        Some(Failure::Unreadable(what)) => Error::Unreadable {
            action,
            what: what.clone(),
        },
        Some(Failure::Unreachable(why)) => Error::Unreachable {
            action,
            why: why.clone(),
        },
        None => Error::Unreachable {
            action,
            why: root_cause(&error),
        },
    })
}

#[async_trait]
impl Gateway for Igd {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    async fn external_address(&self) -> Result<ExternalAddress, Error> {
        let action = Action::GetExternalIpAddress;
        let fields = self.call(action, &[]).await?;
        let text = fields.text_of("NewExternalIPAddress").unwrap_or_default();
        if text.is_empty() {
            return Ok(None.into());
        }
        // Some routers write `(null)`, or a whole sentence. They may map ports all the same.
        Ok(text
            .parse::<Ipv4Addr>()
            .map_or(ExternalAddress::UNREADABLE, |address| Some(address).into()))
    }

    async fn add(&self, request: &MappingRequest) -> Result<(), Error> {
        self.call(
            Action::AddPortMapping,
            &[
                ("NewRemoteHost", ""),
                ("NewExternalPort", &request.external.to_string()),
                ("NewProtocol", Protocol::Tcp.as_str()),
                ("NewInternalPort", &request.internal.port().to_string()),
                ("NewInternalClient", &request.internal.ip().to_string()),
                ("NewEnabled", "1"),
                ("NewPortMappingDescription", request.description.as_str()),
                ("NewLeaseDuration", &request.lease.as_seconds().to_string()),
            ],
        )
        .await
        .map(drop)
    }

    async fn delete(&self, port: ExternalPort) -> Result<(), Error> {
        self.call(
            Action::DeletePortMapping,
            &[
                ("NewRemoteHost", ""),
                ("NewExternalPort", &port.to_string()),
                ("NewProtocol", Protocol::Tcp.as_str()),
            ],
        )
        .await
        .map(drop)
    }

    async fn entry(&self, port: ExternalPort) -> Result<Option<MappingEntry>, Error> {
        if self.no_specific.load(Ordering::Relaxed) {
            return self.entry_by_table(port).await;
        }
        let action = Action::GetSpecificPortMappingEntry;
        let text = port.to_string();
        let arguments = [
            ("NewRemoteHost", ""),
            ("NewExternalPort", text.as_str()),
            ("NewProtocol", Protocol::Tcp.as_str()),
        ];
        match self.call(action, &arguments).await {
            Ok(fields) => Ok(MappingEntry::read_specific(&fields, port)),
            Err(Error::Refused { code, .. }) if action.means_no_entry(code) => Ok(None),
            Err(error) if answered_oddly(&error) => {
                if not_offered(&error) {
                    self.no_specific.store(true, Ordering::Relaxed);
                }
                match self.entry_by_table(port).await {
                    // Hidden, and not in the table either: not free, but not for our eyes.
                    Ok(None) if error.refusal() == Some(606) => Err(error),
                    // The table is no better: the first error says more.
                    Err(other) if answered_oddly(&other) => Err(error),
                    result => result,
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn listed(&self, port: ExternalPort) -> Result<Option<MappingEntry>, Error> {
        if self.no_specific.load(Ordering::Relaxed) {
            return Ok(None); // that is where it was looked for
        }
        let entry = self.table().await?.tcp(port).cloned();
        if entry.is_some() {
            self.lists_only();
        }
        Ok(entry)
    }

    async fn table(&self) -> Result<Table, Error> {
        if !self.no_list.load(Ordering::Relaxed) {
            match self.list().await {
                Err(error) if answered_oddly(&error) => {
                    if not_offered(&error) {
                        self.no_list.store(true, Ordering::Relaxed);
                    }
                }
                result => return result,
            }
        }
        self.by_index().await
    }

    async fn status(&self) -> Result<Status, Error> {
        let fields = self.call(Action::GetStatusInfo, &[]).await?;
        let connection = match fields.text_of("NewConnectionStatus") {
            None | Some("") => Connection::Unknown,
            Some(text) if text.eq_ignore_ascii_case("Connected") => Connection::Up,
            Some(_) => Connection::Down,
        };
        Ok(Status {
            connection,
            uptime_seconds: fields
                .text_of("NewUptime")
                .and_then(|uptime| uptime.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests;

//! What the router actor finds out, and what that makes of the view: the only way to change it.

use std::time::{Duration, Instant, SystemTime};

use super::{Refusal, RouterState, RouterView, TableView};
use porthole_gateway::{
    AddressKind, Connection, DeleteRight, DiscoveredRouter, ExternalAddress, Granted,
    RouterCapabilities,
};
use porthole_types::ExternalPort;

/// What the router actor has found out.
pub enum RouterNews {
    /// This server has no address to look for a router from.
    NoAddress {
        /// The reason, in words.
        why: String,
    },
    /// A search found none.
    NotFound {
        /// The reason, in words.
        why: String,
    },
    /// A search found this one, and it is to be used.
    Found(DiscoveredRouter),
    /// It has answered a poll.
    Polled {
        /// Its address on the Internet side, as far as it tells.
        external: Option<ExternalAddress>,
        /// Whether its Internet side is up.
        connection: Connection,
        /// Its table, if that was read.
        table: Option<TableView>,
        /// It has started anew since the poll before.
        rebooted: bool,
        /// How long it takes to answer, of late.
        answer_time: Option<Duration>,
    },
    /// It does not answer any more where it did.
    Lost {
        /// What it did last, in words.
        why: String,
    },
    /// It has answered a request about this port.
    Answered {
        /// The port that the request was about.
        port: ExternalPort,
        /// The mapping that was made or renewed, if one was.
        granted: Option<Granted>,
        /// Whether the port had not been asked for before.
        first: bool,
        /// What the answer says about the right to delete others' mappings.
        delete_right: DeleteRight,
    },
    /// It did not make a mapping.
    Refused(Refusal),
}

impl RouterView {
    /// Takes over what was found out. Returns whether readers are to be woken.
    pub fn apply(&mut self, news: RouterNews) -> bool {
        match news {
            RouterNews::NoAddress { why } => {
                self.state = RouterState::Searching { why: Some(why) };
                true
            }
            RouterNews::NotFound { why } => {
                let state = match self.state {
                    RouterState::Lost { .. } => RouterState::Lost { why },
                    _ => RouterState::Searching { why: Some(why) },
                };
                let news = self.state != state;
                self.state = state;
                news
            }
            RouterNews::Found(found) => {
                // The same one on another port is still the same; what it has become will show.
                let known = self.found.as_ref().map(|known| &known.identity);
                if known != Some(&found.identity) {
                    self.lessons = RouterCapabilities::default();
                }
                self.state = RouterState::Found;
                self.found = Some(found);
                self.epoch = Some(Instant::now());
                self.table = None;
                self.refusal = None;
                self.answer_time = None;
                self.last_answer = Some(SystemTime::now());
                true
            }
            RouterNews::Polled {
                external,
                connection,
                table,
                rebooted,
                answer_time,
            } => {
                // That an address can be read again says nothing of the line.
                let was_down = self
                    .external
                    .is_some_and(|seen| seen.kind == AddressKind::Missing);
                let line_is_back = was_down && external.is_some_and(|seen| seen.address.is_some());
                self.external = external;
                self.answer_time = answer_time;
                self.connection = connection;
                self.last_answer = Some(SystemTime::now());
                // What it refused before it may grant now.
                if rebooted || line_is_back {
                    self.epoch = Some(Instant::now());
                }
                if table.is_some() {
                    self.table = table;
                }
                true
            }
            RouterNews::Lost { why } => {
                self.state = RouterState::Lost { why };
                self.table = None;
                true
            }
            RouterNews::Answered {
                port,
                granted,
                first,
                delete_right,
            } => {
                // Not when another port is renewed: the words would come and go with each try.
                let over = granted.is_some()
                    && self
                        .refusal
                        .as_ref()
                        .is_some_and(|refusal| refusal.port == port || first);
                if over {
                    self.refusal = None;
                }
                let before = self.lessons.clone();
                if let Some(granted) = granted {
                    self.lessons.granted(granted);
                }
                self.lessons.delete_tried(delete_right);
                over || self.lessons != before
            }
            // Asked for again soon, and told again only when the reason is another one.
            RouterNews::Refused(refusal) => {
                let before = self.refusal.as_ref().map(|old| old.kind);
                let news = before != Some(refusal.kind);
                if news {
                    self.refusal = Some(refusal);
                }
                news
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use porthole_gateway::{Lease, Showing};

    fn refusal(port: u16, kind: &'static str) -> RouterNews {
        RouterNews::Refused(Refusal {
            port: ExternalPort::new(port).unwrap(),
            kind,
            why: "it says no".to_owned(),
        })
    }

    fn answered(port: u16, first: bool, granted: Option<Granted>) -> RouterNews {
        RouterNews::Answered {
            port: ExternalPort::new(port).unwrap(),
            granted,
            first,
            delete_right: DeleteRight::Untried,
        }
    }

    const GRANTED: Option<Granted> = Some(Granted {
        asked: Lease::from_seconds(30),
        lease: Lease::Permanent,
        showing: Showing::Owner,
    });

    #[test]
    fn a_refusal_is_news_once_and_over_when_its_port_or_another_one_anew_is_mapped() {
        let mut view = RouterView::new(RouterState::Found);
        assert!(view.apply(refusal(8081, "full")));
        assert!(!view.apply(refusal(8082, "full")));
        assert!(view.apply(answered(8081, false, GRANTED)));
        assert_eq!(view.refusal, None);
        view.apply(refusal(8081, "full"));
        assert!(view.apply(answered(8082, true, GRANTED)));
        assert_eq!(view.refusal, None);
    }

    #[test]
    fn a_refusal_stays_while_another_port_is_renewed_or_somebody_has_its_own() {
        let mut view = RouterView::new(RouterState::Found);
        view.apply(answered(8081, true, GRANTED));
        view.apply(refusal(8080, "718"));
        for news in [
            answered(8081, false, GRANTED),
            answered(8080, true, None),
            refusal(8080, "718"),
        ] {
            assert!(!view.apply(news));
            assert!(view.refusal.is_some());
        }
    }

    #[test]
    fn a_line_that_is_back_makes_a_new_epoch_and_an_address_that_can_be_read_again_does_not() {
        let polled = |external: ExternalAddress| RouterNews::Polled {
            external: Some(external),
            connection: Connection::Unknown,
            table: None,
            rebooted: false,
            answer_time: None,
        };
        let address = ExternalAddress::from("60.120.76.64".parse().ok());
        let mut view = RouterView::new(RouterState::Found);
        for unreadable in [ExternalAddress::UNREADABLE, address] {
            view.apply(polled(unreadable));
            assert_eq!(view.epoch, None, "{unreadable:?}");
        }
        view.apply(polled(None.into()));
        assert_eq!(view.epoch, None);
        view.apply(polled(address));
        assert!(view.epoch.is_some());
    }

    #[test]
    fn a_search_in_vain_is_news_when_its_reason_is_another_and_lost_stays_lost() {
        let not_found = |why: &str| RouterNews::NotFound {
            why: why.to_owned(),
        };
        let mut view = RouterView::new(RouterState::Searching { why: None });
        assert!(view.apply(not_found("silence")));
        assert!(!view.apply(not_found("silence")));
        view.apply(RouterNews::Lost {
            why: "it hung up".to_owned(),
        });
        assert!(view.apply(not_found("silence")));
        assert_eq!(
            view.state,
            RouterState::Lost {
                why: "silence".to_owned()
            }
        );
    }
}

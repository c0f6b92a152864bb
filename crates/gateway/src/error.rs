//! What can go wrong between this server and its router, in words a person understands.

use std::net::Ipv4Addr;

use porthole_types::ExternalPort;

use crate::action::Action;

/// A request to a router that did not work out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody answered the search.
    #[error(
        "no router with UPnP port mapping answered on the network of {from}: is UPnP switched on \
         in the router?"
    )]
    NotFound {
        /// The LAN address that the search went out from.
        from: Ipv4Addr,
    },
    /// This machine could not even ask.
    #[error("cannot search for a router from {from}: {why}")]
    Socket {
        /// The LAN address that the search was to go out from.
        from: Ipv4Addr,
        /// The operating system's message.
        why: String,
    },
    /// The connection was refused, or broke.
    #[error("the router cannot be reached for {action}: {why}")]
    Unreachable {
        /// What was asked.
        action: Action,
        /// The operating system's message.
        why: String,
    },
    /// No answer in time.
    #[error("the router did not answer {action} in time")]
    TimedOut {
        /// What was asked.
        action: Action,
    },
    /// The router said no (a SOAP fault).
    #[error("the router refused {action}: {} (code {code}{})", meaning(*code), quoted(text))]
    Refused {
        /// What was asked.
        action: Action,
        /// The UPnP error code; 0 where the router gave none.
        code: u16,
        /// The router's own text, printable and at most 80 characters; may be empty.
        text: String,
    },
    /// It answered something that makes no sense.
    #[error("the router's answer to {action} cannot be read: {what}")]
    Unreadable {
        /// What was asked.
        action: Action,
        /// What is wrong with it.
        what: String,
    },
    /// It answered more than anybody needs.
    #[error("the router's answer to {action} is longer than {limit} bytes")]
    TooLarge {
        /// What was asked.
        action: Action,
        /// The limit that it broke, in bytes.
        limit: usize,
    },
    /// It was not asked: too many requests wait already ([`RequestQueue`](crate::RequestQueue)).
    #[error("the router was not asked for {action}: too many requests to it are waiting")]
    TooMany {
        /// What was to be asked.
        action: Action,
    },
    /// It said yes to a mapping, and does not have it.
    #[error("the router agreed to map port {port} but did not keep it: its table may be full")]
    NotStored {
        /// The port asked for.
        port: ExternalPort,
    },
    /// It said yes to a mapping, and made one that leads elsewhere.
    #[error(
        "the router agreed to map port {port}, and made it lead to {client}{internal} instead of \
         this camera; with router.port_mode = \"common\" it may do as it is asked"
    )]
    MadeOtherwise {
        /// The port asked for.
        port: ExternalPort,
        /// The device that it leads to, as the router writes it.
        client: String,
        /// The port of that device, where the router shows one: with a colon before it.
        internal: String,
    },
    /// The mapping is there and ours, but not in force.
    #[error("the mapping of port {port} is switched off in the router's own settings")]
    SwitchedOff {
        /// The port asked for.
        port: ExternalPort,
    },
}

impl Error {
    /// A label for metrics: the UPnP code of a refusal where it is a known one, else the kind.
    /// Closed, so that no router can make up new labels.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Socket { .. } => "socket",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::Refused { code, .. } => known(*code).map_or("other", |known| known.label),
            Self::Unreadable { .. } => "unreadable",
            Self::TooLarge { .. } => "too_large",
            Self::TooMany { .. } => "too_many",
            Self::NotStored { .. } => "not_stored",
            Self::MadeOtherwise { .. } => "made_otherwise",
            Self::SwitchedOff { .. } => "switched_off",
        }
    }

    /// The UPnP code, where the router refused.
    #[must_use]
    pub fn refusal(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the router may have moved: rebooted onto another HTTP port, or gone. Search again.
    /// A page that is not SOAP counts too: what answers there now is something else (a 404, say).
    #[must_use]
    pub fn wants_rediscovery(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Unreadable { .. }
        )
    }
}

struct Known {
    code: u16,
    label: &'static str,
    meaning: &'static str,
}

macro_rules! known {
    ($($code:literal => $meaning:literal,)*) => {
        /// UPnP Device Architecture table 3-3 and `WANIPConnection:2` section 2.5.
        const KNOWN: &[Known] = &[
            $(Known { code: $code, label: stringify!($code), meaning: $meaning },)*
        ];
    };
}
known! {
    401 => "it does not know this request",
    402 => "it does not accept these values",
    403 => "it does not allow this",
    404 => "it does not know this variable",
    412 => "a condition does not hold",
    500 => "it failed",
    501 => "it could not do it now; often its Internet line is down",
    600 => "a value is invalid",
    601 => "a value is out of range",
    602 => "it does not offer this",
    603 => "it is out of memory",
    604 => "somebody has to act on the router first",
    605 => "a text is too long",
    606 => "it allows this only for a device's own address (secure mode)",
    607 => "the request must be signed",
    608 => "the request must be encrypted",
    609 => "the sequence is wrong",
    610 => "a URL is wrong",
    611 => "there is no such session",
    612 => "there is no such transport",
    701 => "it does not do this",
    702 => "the connection is not configured",
    703 => "the connection is not set up",
    704 => "the connection failed",
    705 => "the connection is being shut down",
    706 => "the connection is already down",
    713 => "there is no entry at this index",
    714 => "there is no such mapping",
    715 => "it does not take any source address",
    716 => "it does not take any external port",
    718 => "the port is mapped to another device",
    724 => "it wants the same port inside and outside",
    725 => "it knows only permanent mappings",
    726 => "it wants any remote host, not one",
    727 => "it wants any external port, not one",
    728 => "its table is full",
    729 => "the port is used by another mechanism of the router",
    730 => "there are no mappings in this range",
    731 => "it is read-only",
    732 => "it does not take any internal port",
    733 => "the values do not fit each other",
}

fn known(code: u16) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.code == code)
}

/// What a code means, in plain words.
fn meaning(code: u16) -> &'static str {
    known(code).map_or("for a reason of its own", |known| known.meaning)
}

fn quoted(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(", \u{201c}{text}\u{201d}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, text: &str) -> Error {
        Error::Refused {
            action: Action::AddPortMapping,
            code,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_refusal_says_what_its_code_means_and_quotes_the_router() {
        assert_eq!(
            refused(718, "ConflictInMappingEntry").to_string(),
            "the router refused AddPortMapping: the port is mapped to another device \
             (code 718, \u{201c}ConflictInMappingEntry\u{201d})"
        );
        assert_eq!(
            refused(606, "").to_string(),
            "the router refused AddPortMapping: it allows this only for a device's own address \
             (secure mode) (code 606)"
        );
    }

    #[test]
    fn no_router_can_make_up_a_new_label() {
        assert_eq!(refused(725, "").code(), "725");
        assert_eq!(refused(31337, "").code(), "other");
        assert_eq!(refused(0, "").code(), "other");
    }

    #[test]
    fn a_router_that_is_gone_is_searched_again_and_one_that_refuses_is_not() {
        let gone = Error::Unreachable {
            action: Action::GetStatusInfo,
            why: "refused".into(),
        };
        assert!(gone.wants_rediscovery());
        assert!(!refused(501, "").wants_rediscovery());
    }
}

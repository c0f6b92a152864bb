//! [`Message`]: what is in a datagram, and reading it without trusting it.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Handshake, MessageKind, Rejection, RequestId};
use crate::fleet::{Activity, Report};
use crate::site::AuthState;
use porthole_election::ElectionMessage;
use porthole_types::{BootId, InstanceId, MAX_NAME, Name};

/// Longest line about what a camera is doing, or why it refuses, in characters.
const MAX_DETAIL: usize = 144;

/// One message with its sender and its sequence number in this run of the sender's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The sender's identity.
    pub from: InstanceId,
    /// The run of the sender's program: a number drawn at its start.
    pub boot: BootId,
    /// Rises with each message of the run, so that none counts twice.
    pub counter: u64,
    /// The one address that it was sent to, if not to all: received anywhere else it is a replay.
    pub to: Option<Ipv4Addr>,
    /// What the message says, beside who sent it to whom.
    pub body: Body,
}

/// The content of a message. The names of variants and fields are those in the JSON: changing one
/// needs another version of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// What the sender says of itself (¶47, ¶64).
    Report(Report),
    /// What the rules of the election say to the other servers.
    Election(ElectionMessage),
    /// To one server: asks it to take this name, or with none that of its settings (¶53).
    Rename {
        /// The same when the request is repeated.
        request_id: RequestId,
        /// The identity of the server that is asked: two may share an address.
        of: InstanceId,
        /// Its new name.
        name: Option<Name>,
    },
    /// To the requester: it is done, and on the disk.
    Done {
        /// That of the request.
        request_id: RequestId,
        /// The requester's identity.
        of: InstanceId,
    },
    /// To the requester: it was not done.
    Refused {
        /// That of the request.
        request_id: RequestId,
        /// The requester's identity.
        of: InstanceId,
        /// The reason, in words for people.
        why: String,
    },
    /// A piece of what the sender knows about logins. Sent and believed only where there is a site
    /// key.
    AuthState(AuthState),
    /// To one server: asks it to show that it is there, or does. Only where there is a site key.
    Handshake(Handshake),
}

impl Message {
    /// As JSON, with its texts cut to what is allowed: a long name must not silence its server.
    pub fn to_json(&self) -> Vec<u8> {
        let mut message = self.clone();
        message.body.sanitise();
        // Structs of strings and numbers always serialise; an empty message would be dropped.
        serde_json::to_vec(&message).unwrap_or_default()
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] for whatever is not one whole message.
    pub fn from_json(json: &[u8]) -> Result<Self, Rejection> {
        let mut message: Self = serde_json::from_slice(json).map_err(|_| Rejection::Malformed)?;
        message.body.sanitise();
        Ok(message)
    }
}

impl Body {
    /// The kind that metrics count it as.
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Report(_) => MessageKind::Report,
            Self::Election(ElectionMessage::Inquiry { .. }) => MessageKind::Inquiry,
            Self::Election(ElectionMessage::Claim { .. }) => MessageKind::Claim,
            Self::Election(ElectionMessage::Withdrawal { .. }) => MessageKind::Withdrawal,
            Self::Election(ElectionMessage::Probe { .. }) => MessageKind::Probe,
            Self::Election(ElectionMessage::ProbeReply { .. }) => MessageKind::ProbeReply,
            Self::Rename { .. } => MessageKind::Rename,
            Self::Done { .. } => MessageKind::Done,
            Self::Refused { .. } => MessageKind::Refused,
            Self::AuthState(_) => MessageKind::AuthState,
            Self::Handshake(_) => MessageKind::Handshake,
        }
    }

    /// Texts from the LAN end up on pages and in logs: no control characters, and no longer than
    /// allowed.
    fn sanitise(&mut self) {
        match self {
            Self::Report(report) => {
                report.name = sanitised(&report.name, MAX_NAME);
                if let Activity::Live(detail) | Activity::Failed(detail) = &mut report.activity {
                    *detail = sanitised(detail, MAX_DETAIL);
                }
            }
            Self::Refused { why, .. } => *why = sanitised(why, MAX_DETAIL),
            // A name is checked as it is read; an auth state comes from a holder of the key.
            Self::Election(_)
            | Self::Rename { .. }
            | Self::Done { .. }
            | Self::AuthState(_)
            | Self::Handshake(_) => {}
        }
    }
}

fn sanitised(text: &str, longest: usize) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(longest)
        .collect()
}

#[cfg(test)]
pub(super) mod tests;

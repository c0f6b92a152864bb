//! Why a datagram was dropped.

use super::{Handshake, MAX_DATAGRAM};

/// How a peer's site key differs from this server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyMismatch {
    /// Both have one, and not the same (or the message was forged).
    Another,
    /// It has none, and this server has one.
    Missing,
    /// It has one, and this server has none.
    Unexpected,
}

/// Why two servers cannot speak with each other until somebody does something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Incompatibility {
    /// Their site keys differ.
    Key(KeyMismatch),
    /// Their programs speak different versions of the protocol.
    Version,
}

impl From<KeyMismatch> for Rejection {
    fn from(mismatch: KeyMismatch) -> Self {
        Self::Incompatible(Incompatibility::Key(mismatch))
    }
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// Longer than any message.
    #[error("longer than {MAX_DATAGRAM} bytes")]
    TooLong,
    /// More than its sender, or all unknown senders together, may send.
    #[error("more datagrams than are listened to")]
    TooMany,
    /// Not one of ours, or broken.
    #[error("not a message of this protocol")]
    Malformed,
    /// Of a server that this one cannot speak with: not sealed with a key that this server knows,
    /// sealed where this server has no key, or of another version.
    #[error("{}", match .0 {
        Incompatibility::Key(_) => "not sealed with this server's site key",
        Incompatibility::Version => "of another version of the protocol",
    })]
    Incompatible(Incompatibility),
    /// Heard before, or too old to tell.
    #[error("heard before")]
    Replay,
    /// Of a run that has not shown that it is there now, or from before it had. What to send back
    /// to where it came from, unless that is empty.
    #[error("of a server that has not shown yet that it is there now")]
    Unproven(Handshake),
    /// This server's own, come back from the group.
    #[error("this server's own message")]
    OwnMessage,
}

impl Rejection {
    /// What it is counted as; one's own message is nothing to count.
    pub fn reason(self) -> Option<RejectionReason> {
        Some(match self {
            Self::TooLong => RejectionReason::TooLong,
            Self::TooMany => RejectionReason::TooMany,
            Self::Malformed => RejectionReason::Malformed,
            Self::Incompatible(Incompatibility::Version) => RejectionReason::Version,
            Self::Incompatible(Incompatibility::Key(mismatch)) => match mismatch {
                KeyMismatch::Missing => RejectionReason::Unsigned,
                KeyMismatch::Another | KeyMismatch::Unexpected => RejectionReason::WrongKey,
            },
            Self::Replay => RejectionReason::Replay,
            Self::Unproven(_) => RejectionReason::Unproven,
            Self::OwnMessage => return None,
        })
    }
}

/// What a [`Rejection`] is counted as in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionReason {
    /// Longer than any message.
    TooLong,
    /// Not a frame, or not the JSON of one whole message.
    Malformed,
    /// Of another version of the protocol.
    Version,
    /// Not sealed, where this server has a site key.
    Unsigned,
    /// Sealed with none of this server's keys.
    WrongKey,
    /// Heard before, or sent to another server alone.
    Replay,
    /// By a sender that has not shown yet that it is there now: a recording, or first contact.
    Unproven,
    /// Above the rate limit.
    TooMany,
}

impl RejectionReason {
    /// Every reason, in the order of the declaration.
    pub const ALL: &'static [Self] = &[
        Self::TooLong,
        Self::Malformed,
        Self::Version,
        Self::Unsigned,
        Self::WrongKey,
        Self::Replay,
        Self::Unproven,
        Self::TooMany,
    ];

    /// The value of the metrics' label `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::Unsigned => "unsigned",
            Self::WrongKey => "wrong_key",
            Self::Replay => "replay",
            Self::Unproven => "unproven",
            Self::TooMany => "too_many",
        }
    }
}

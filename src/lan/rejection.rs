//! Why a datagram was dropped.

use super::MAX_DATAGRAM;

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
    /// Of a version that this program does not speak.
    #[error("of another version of the protocol")]
    Version,
    /// Not signed with a key that this server knows, or signed where this server has no key.
    #[error("not signed with this server's site key")]
    Key(KeyMismatch),
    /// Heard before, or too old to tell.
    #[error("heard before")]
    Replay,
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
            Self::Version => RejectionReason::Version,
            Self::Key(KeyMismatch::Missing) => RejectionReason::Unsigned,
            Self::Key(KeyMismatch::Another | KeyMismatch::Unexpected) => RejectionReason::WrongKey,
            Self::Replay => RejectionReason::Replay,
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
    /// Unsigned, where this server has a site key.
    Unsigned,
    /// Signed with none of this server's keys.
    WrongKey,
    /// Heard before, or sent to another server alone.
    Replay,
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
            Self::TooMany => "too_many",
        }
    }
}

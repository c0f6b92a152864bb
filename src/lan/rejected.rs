//! Why a datagram was passed over.

use super::MAX_DATAGRAM;
use crate::metrics::Rejection;

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

/// Why a datagram was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejected {
    /// Longer than any message.
    #[error("longer than {MAX_DATAGRAM} bytes")]
    TooLong,
    /// More than its sender, or all strangers together, may say.
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
    /// Said before, or too old to tell.
    #[error("heard before")]
    Replay,
    /// This server's own, come back.
    #[error("this server's own message")]
    Own,
}

impl Rejected {
    /// The label of the counter; one's own message is nothing to count.
    pub fn label(self) -> Option<Rejection> {
        Some(match self {
            Self::TooLong => Rejection::TooLong,
            Self::TooMany => Rejection::TooMany,
            Self::Malformed => Rejection::Malformed,
            Self::Version => Rejection::Version,
            Self::Key(KeyMismatch::Missing) => Rejection::Unsigned,
            Self::Key(KeyMismatch::Another | KeyMismatch::Unexpected) => Rejection::WrongKey,
            Self::Replay => Rejection::Replay,
            Self::Own => return None,
        })
    }
}

//! What kinds of messages there are, as metrics count them.

/// The kind of a [`Message`](super::Message).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// A representative or member steps down or leaves.
    Withdrawal,
    /// A server is going to be the representative.
    Claim,
    /// The representative asks everybody to report: its heartbeat.
    Inquiry,
    /// What a server says of itself.
    Report,
    /// A direct question to the representative.
    Probe,
    /// The answer to it.
    ProbeReply,
    /// A server is asked to take another name.
    Rename,
    /// What was asked for is done.
    Done,
    /// What was asked for was not done.
    Refused,
    /// Passwords and ended sessions of the site.
    AuthState,
    /// A server is asked to show that it is there, or does.
    Handshake,
}

impl MessageKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: &'static [Self] = &[
        Self::Withdrawal,
        Self::Claim,
        Self::Inquiry,
        Self::Report,
        Self::Probe,
        Self::ProbeReply,
        Self::Rename,
        Self::Done,
        Self::Refused,
        Self::AuthState,
        Self::Handshake,
    ];

    /// The value of the metrics' label `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Withdrawal => "withdrawal",
            Self::Claim => "claim",
            Self::Inquiry => "inquiry",
            Self::Report => "report",
            Self::Probe => "probe",
            Self::ProbeReply => "probe_reply",
            Self::Rename => "rename",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::AuthState => "auth_state",
            Self::Handshake => "handshake",
        }
    }
}

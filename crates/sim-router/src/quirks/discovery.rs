//! How a router is found.

/// Which searches are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchAnswers {
    /// All that the router fits (UPnP Device Architecture §1.3.3).
    All,
    /// Those for `upnp:rootdevice` only.
    RootDeviceOnly,
    /// Those for `ssdp:all` only.
    AllOnly,
    /// None: it announces itself to the group, at its start and every ten seconds. A router that
    /// is searched for at its own address, not in a group, is never found.
    NotifyOnly,
}

/// The address that the answers to searches come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerSource {
    /// The router's own, which LOCATION has too.
    Own,
    /// The one after it, as of one of two gateways that share the router's address; LOCATION has
    /// the shared one.
    Neighbour,
}

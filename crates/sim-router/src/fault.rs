//! The refusals of a gateway, with their numbers.

/// Why an action was refused: UPnP Device Architecture §3.1.3, WANIPConnection:2 §2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u16)]
pub enum Fault {
    /// No such action in this service.
    #[error("InvalidAction")]
    InvalidAction = 401,
    /// An argument is missing, or is not what it has to be.
    #[error("InvalidArgs")]
    InvalidArgs = 402,
    /// The router could not, for now.
    #[error("ActionFailed")]
    ActionFailed = 501,
    /// A string argument is too long.
    #[error("StringArgumentTooLong")]
    ArgumentTooLong = 605,
    /// Not for this host.
    #[error("ActionNotAuthorized")]
    NotAuthorized = 606,
    /// Past the end of the table.
    #[error("SpecifiedArrayIndexInvalid")]
    IndexInvalid = 713,
    /// Nothing is mapped there.
    #[error("NoSuchEntryInArray")]
    NoSuchEntry = 714,
    /// External port 0.
    #[error("WildCardNotPermittedInExtPort")]
    WildcardExternalPort = 716,
    /// Another host has that port.
    #[error("ConflictInMappingEntry")]
    Conflict = 718,
    /// A finite lease was asked for.
    #[error("OnlyPermanentLeasesSupported")]
    OnlyPermanentLeases = 725,
    /// A mapping for one outside host only.
    #[error("RemoteHostOnlySupportsWildcard")]
    RemoteHostOnlyWildcard = 726,
    /// The table is full.
    #[error("NoPortMapsAvailable")]
    TableFull = 728,
    /// The port is in use on the machine that plays the router.
    #[error("ConflictWithOtherMechanisms")]
    OtherMechanism = 729,
    /// Nothing in that range of ports.
    #[error("PortMappingNotFound")]
    NothingInRange = 730,
    /// Internal port 0.
    #[error("WildCardNotPermittedInIntPort")]
    WildcardInternalPort = 732,
    /// A range that ends before it starts.
    #[error("InconsistentParameters")]
    InconsistentParameters = 733,
}

impl Fault {
    /// The number that goes into the answer.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }
}

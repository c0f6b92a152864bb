//! What is asked of a router, by the names that UPnP gives (`WANIPConnection:2`, section 2.5).

use std::fmt;

/// One kind of request to a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Fetch the device description over HTTP (UPnP Device Architecture, section 2.1). Not a SOAP
    /// action.
    Describe,
    /// `GetExternalIPAddress`
    GetExternalIpAddress,
    /// `AddPortMapping`
    AddPortMapping,
    /// `DeletePortMapping`
    DeletePortMapping,
    /// `GetSpecificPortMappingEntry`
    GetSpecificPortMappingEntry,
    /// `GetGenericPortMappingEntry`
    GetGenericPortMappingEntry,
    /// `GetListOfPortMappings`, since `WANIPConnection:2`
    GetListOfPortMappings,
    /// `GetStatusInfo`
    GetStatusInfo,
}

impl Action {
    /// Every action, so that counters can be made before the first request.
    pub const ALL: [Self; 8] = [
        Self::Describe,
        Self::GetExternalIpAddress,
        Self::AddPortMapping,
        Self::DeletePortMapping,
        Self::GetSpecificPortMappingEntry,
        Self::GetGenericPortMappingEntry,
        Self::GetListOfPortMappings,
        Self::GetStatusInfo,
    ];

    /// The name that goes over the wire, and into the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "Describe",
            Self::GetExternalIpAddress => "GetExternalIPAddress",
            Self::AddPortMapping => "AddPortMapping",
            Self::DeletePortMapping => "DeletePortMapping",
            Self::GetSpecificPortMappingEntry => "GetSpecificPortMappingEntry",
            Self::GetGenericPortMappingEntry => "GetGenericPortMappingEntry",
            Self::GetListOfPortMappings => "GetListOfPortMappings",
            Self::GetStatusInfo => "GetStatusInfo",
        }
    }

    /// Whether a fault with this code is simply the answer "there is nothing", which is no failure.
    #[must_use]
    pub const fn means_no_entry(self, code: u16) -> bool {
        match self {
            // 713 is for indexes, but some routers give it here too.
            Self::GetSpecificPortMappingEntry | Self::GetGenericPortMappingEntry => {
                matches!(code, 713 | 714)
            }
            Self::GetListOfPortMappings => matches!(code, 714 | 730),
            _ => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

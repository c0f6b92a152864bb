//! How a router speaks HTTP and SOAP, and how it describes itself.

/// Which spellings of the `SOAPAction` header are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoapHeader {
    /// Any: header names have no case (RFC 9110 §5.1).
    AnyCase,
    /// `SOAPAction` and `SOAPACTION` only; any other call gets 501 and a page.
    Exact,
}

/// The HTTP status of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultStatus {
    /// 500, as UPnP Device Architecture §3.1.3 has it.
    Error,
    /// 200, as if all had gone well.
    Ok,
}

/// How one knows where the body of an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// A `Content-Length` says how long it is.
    Length,
    /// The connection ends with it.
    Close,
}

/// In which encoding the answers to SOAP calls are written; none of them says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// In UTF-8, as XML is without a declaration.
    Utf8,
    /// ISO 8859-1, and every answer has a character that is no UTF-8.
    Latin1,
}

/// How the description says where calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlUrls {
    /// From the root of the server.
    FromRoot,
    /// Relative to a `URLBase`, and with a query.
    RelativeWithQuery,
}

/// What comes before the XML of the device description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptionLead {
    /// It begins with the XML declaration.
    None,
    /// A byte order mark and an empty line, which XML does not allow there.
    MarkAndBlank,
}

/// How many WAN connection services there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    /// One, and it is connected.
    One,
    /// WANIPConnection:1, WANIPConnection:2 and WANPPPConnection:1, of which only the last is
    /// connected.
    Several,
}

/// Where calls go after a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterReboot {
    /// To another port: whoever kept the old one is refused.
    PortMoves,
    /// To another path on the same port: whoever kept the old one gets 404 and a page.
    PathMoves,
}

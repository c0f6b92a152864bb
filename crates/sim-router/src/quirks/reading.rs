//! What the table looks like when it is read.

use crate::fault::Fault;

/// In which order list and index show the mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the order in which they were made.
    OldestFirst,
    /// The newest has index 0: every other one moves when one is added.
    NewestFirst,
}

/// The answer to `GetGenericPortMappingEntry` past the last mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// Refused with this fault; 713, `SpecifiedArrayIndexInvalid`, is the standard's.
    Fault(Fault),
    /// The last mapping once more, for ever; 713 where there is none.
    RepeatsLast,
}

/// Whether there is a `GetSpecificPortMappingEntry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specific {
    /// There is, as WANIPConnection:1 and :2 require.
    Offered,
    /// It is answered with 401.
    Missing,
}

/// How a mapping is written down when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryForm {
    /// With all fields, as the standard has them.
    Standard,
    /// Without lease and remote host, `true` for enabled, `tcp` for TCP.
    Sloppy,
}

/// What is in the table from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residents {
    /// It is empty.
    None,
    /// Two permanent mappings of devices that are no cameras, one with a description of 300
    /// characters. They are shown as [`EntryForm::Sloppy`], and nothing is forwarded.
    Odd,
}

//! What the simulated router reports of itself, for the demo to print and tests to await.

use std::fmt;

use crate::table::TableEntry;

/// Whether the line to the Internet is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wan {
    /// The line is up: the router has its external address.
    Up,
    /// It does not: no external address, adds refused with 501, nothing forwarded.
    Down,
}

/// Something that happened to the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A port was free and is now mapped.
    Added(TableEntry),
    /// Its client asked again.
    Renewed(TableEntry),
    /// Another client took the port over.
    Replaced {
        /// What was there.
        old: TableEntry,
        /// What is there now.
        new: TableEntry,
    },
    /// The lease ended.
    Expired(TableEntry),
    /// A host deleted it.
    Deleted(TableEntry),
    /// The router started anew with an empty table.
    Rebooted,
    /// The line to the Internet changed.
    Wan(Wan),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(entry) => write!(f, "added    {}", Row(entry)),
            Self::Renewed(entry) => write!(f, "renewed  {}", Row(entry)),
            Self::Replaced { old, new } => {
                write!(f, "replaced {} (was {})", Row(new), old.mapping.target())
            }
            Self::Expired(entry) => write!(f, "expired  {}", Row(entry)),
            Self::Deleted(entry) => write!(f, "deleted  {}", Row(entry)),
            Self::Rebooted => f.write_str("rebooted: the table is empty"),
            Self::Wan(Wan::Up) => f.write_str("the line to the Internet is up"),
            Self::Wan(Wan::Down) => f.write_str("the line to the Internet is down"),
        }
    }
}

struct Row<'a>(&'a TableEntry);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mapping = &self.0.mapping;
        // Debug of a str escapes what could write over the terminal.
        write!(
            f,
            "{} {} -> {} {:?}",
            mapping.protocol,
            mapping.external_port,
            mapping.target(),
            mapping.description
        )
    }
}

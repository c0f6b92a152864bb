//! What using a router has taught: which leases it takes, what it shows, which names stand there.

use std::net::SocketAddrV4;

use porthole_types::{ExternalPort, InternalPort};

use crate::description::Description;
use crate::entry::MappingEntry;
use crate::lease_fallback::LeaseFallback;
use crate::reading::Reading;

use super::lease_display::LeaseDisplays;

/// Names of its own that are remembered; people seldom rename a camera more often in one run.
const NAMES: usize = 8;

/// What requests teach for the next ones. Start anew when the router changes.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// Which lease to ask for.
    pub lease_fallback: LeaseFallback,
    /// What its showing of its mappings is worth.
    pub reading: Reading,
    /// The name that a port was made to take, once: a router that cuts or alters descriptions is
    /// not made to forget a mapping at each renewal.
    pub(super) renamed: Option<(ExternalPort, Description)>,
    pub(super) leases: LeaseDisplays,
    names: Vec<Description>,
    /// Where a mapping leads that the router made otherwise than it was asked to.
    made_otherwise: Option<Target>,
}

/// Where a mapping leads, as the router shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    client: String,
    internal: Option<InternalPort>,
}

impl Target {
    fn of(entry: &MappingEntry) -> Self {
        Self {
            client: entry.client.clone(),
            internal: entry.internal,
        }
    }
}

/// What the description of an entry says of whose it is, where nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Described {
    /// As a mapping of this server, by this name or an earlier one.
    AsOurs,
    /// As a mapping of another server like this one.
    AsAnother,
    /// It says nothing: some routers cut it, or write something of their own.
    Otherwise,
}

impl Learned {
    /// A mapping of ours is described so from now on.
    pub(super) fn uses_name(&mut self, name: &Description) {
        if self.names.contains(name) {
            return;
        }
        if self.names.len() >= NAMES {
            self.names.remove(0);
        }
        self.names.push(name.clone());
    }

    /// Reads the description of an entry.
    pub(super) fn described(&self, entry: &MappingEntry) -> Described {
        let ours = |name: &Description| name.as_str() == entry.description;
        match Description::name_of(&entry.description) {
            _ if self.names.iter().any(ours) => Described::AsOurs,
            Some(_) => Described::AsAnother,
            None => Described::Otherwise,
        }
    }

    /// The entry stands where this server's was to be, on a port that was free before it asked, and
    /// leads elsewhere. Whether the router made it of that request: it leads to another port of
    /// this device, or is described as ours.
    pub(super) fn notices_made_otherwise(
        &mut self,
        entry: &MappingEntry,
        internal: SocketAddrV4,
    ) -> bool {
        let made = entry.client_address() == Some(*internal.ip())
            || self.described(entry) == Described::AsOurs;
        if made {
            self.made_otherwise = Some(Target::of(entry));
        }
        made
    }

    /// Whether an entry that leads elsewhere was made for this server all the same, now or in an
    /// earlier run: it is described as ours, and leads to this device, or to where the router was
    /// seen to make ours lead. That another device has our name is not enough.
    pub(super) fn is_made_otherwise(&self, entry: &MappingEntry, internal: SocketAddrV4) -> bool {
        let here = entry.client_address() == Some(*internal.ip());
        let as_seen = self.made_otherwise.as_ref() == Some(&Target::of(entry));
        (here || as_seen) && self.described(entry) == Described::AsOurs
    }
}

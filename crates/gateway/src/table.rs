//! A router's table of mappings: merging it from what routers send, and the walk over it by index.
//! Pure.
//!
//! A table moves while it is read: the newest entry may come first and shift all others, and some
//! routers have no end but repeat. [`IndexWalk`] says which index to ask for next and notices both.

use std::collections::HashMap;

use serde::Serialize;

use porthole_types::ExternalPort;

use crate::entry::{MappingEntry, Protocol};
use crate::soap::Listing;

/// More entries than this are not read. Home routers stop at 32 to 160.
pub const MAX_ENTRIES: usize = 256;

/// Whether a table is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// The router said that this is all: a port that is not in it is free.
    Whole,
    /// There may be more: too many entries, some hidden or unreadable, or the table kept moving.
    Partial,
}

/// The mappings that a router showed, each (protocol, external port) once, in the router's order,
/// at most [`MAX_ENTRIES`]. A list (`GetListOfPortMappings`) has TCP entries only; Porthole uses no
/// others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// One entry for each mapping, in the router's order.
    pub entries: Vec<MappingEntry>,
    /// Whether these are all.
    pub extent: Extent,
}

impl Table {
    /// The TCP entry of this port.
    #[must_use]
    pub fn tcp(&self, port: ExternalPort) -> Option<&MappingEntry> {
        self.entries
            .iter()
            .find(|entry| entry.external == port && entry.protocol == Protocol::Tcp)
    }
}

impl From<Listing> for Table {
    fn from(listing: Listing) -> Self {
        let full = listing.entries.len() >= MAX_ENTRIES;
        let mut merged = Merged::default();
        for entry in listing.entries.into_iter().take(MAX_ENTRIES) {
            merged.put(entry);
        }
        let whole = listing.damage.is_none() && !full;
        Self {
            entries: merged.entries,
            extent: if whole {
                Extent::Whole
            } else {
                Extent::Partial
            },
        }
    }
}

type Key = (Protocol, ExternalPort);

fn key(entry: &MappingEntry) -> Key {
    (entry.protocol, entry.external)
}

/// Entries by key, in order of first appearance; of two with one key the later counts.
#[derive(Clone, Debug, Default)]
struct Merged {
    entries: Vec<MappingEntry>,
    places: HashMap<Key, usize>,
}

impl Merged {
    fn has(&self, key: Key) -> bool {
        self.places.contains_key(&key)
    }

    fn put(&mut self, entry: MappingEntry) {
        match self.places.get(&key(&entry)) {
            Some(&place) => self.entries[place] = entry,
            None if self.entries.len() < MAX_ENTRIES => {
                self.places.insert(key(&entry), self.entries.len());
                self.entries.push(entry);
            }
            None => {}
        }
    }
}

/// What the walk is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Reading from index 0 on, for the first time.
    First,
    /// Looking whether index 0 still holds what it held.
    Check,
    /// Reading again, because the table moved during the first time.
    Second,
    Done,
}

/// A reading of the table by `GetGenericPortMappingEntry`: ask for
/// [`next_index`](Self::next_index), tell what came back, until there is none; then take the
/// [`table`](Self::table). At most 2 × 256 + 1 requests.
///
/// An entry that leaves from the middle of the part already read shifts one past the cursor unseen.
/// It is back at the next reading; whether a port is free is never decided by a table where the
/// router can be asked for the port itself.
#[derive(Clone, Debug)]
pub struct IndexWalk {
    phase: Phase,
    index: u32,
    first: Merged,
    /// There once the walk has begun again.
    second: Option<Merged>,
    extent: Extent,
    /// The repeated key that came last, when the last reply was a repeat.
    repeat: Option<Key>,
    moved: bool,
    unreadable_in_a_row: u32,
}

/// A refusal that is no end of the list: the router does not show its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOffered;

impl Default for IndexWalk {
    fn default() -> Self {
        Self {
            phase: Phase::First,
            index: 0,
            first: Merged::default(),
            second: None,
            extent: Extent::Whole,
            repeat: None,
            moved: false,
            unreadable_in_a_row: 0,
        }
    }
}

impl IndexWalk {
    /// The index to ask for next; nothing when the walk is over.
    #[must_use]
    pub fn next_index(&self) -> Option<u32> {
        match self.phase {
            Phase::First | Phase::Second => Some(self.index),
            Phase::Check => Some(0),
            Phase::Done => None,
        }
    }

    /// The index asked for holds this entry.
    pub fn entry(&mut self, entry: MappingEntry) {
        self.unreadable_in_a_row = 0;
        let key = key(&entry);
        if self.phase == Phase::Check {
            let same = self.first.entries.first().map(self::key) == Some(key);
            if same {
                self.phase = Phase::Done;
            } else {
                self.again();
            }
            return;
        }
        let merged = self.second.as_mut().unwrap_or(&mut self.first);
        let known = merged.has(key);
        merged.put(entry);
        match (known, self.repeat) {
            // The same entry for any index past the end: that is this router's way to end.
            (true, Some(before)) if before == key => self.end_of_pass(),
            // Two different ones in a row: it starts over, or two new ones came in front.
            (true, Some(_)) => {
                self.moved = true;
                self.end_of_pass();
            }
            (true, None) => {
                self.repeat = Some(key);
                self.advance();
            }
            // One repeat and then a new entry: something came in front.
            (false, before) => {
                self.moved |= before.is_some();
                self.repeat = None;
                self.advance();
            }
        }
    }

    /// The index asked for holds something that cannot be read. Two in a row end the walk.
    pub fn unreadable(&mut self) {
        self.extent = Extent::Partial;
        self.unreadable_in_a_row += 1;
        if self.unreadable_in_a_row == 2 || self.phase == Phase::Check {
            self.phase = Phase::Done;
        } else {
            self.advance();
        }
    }

    /// The router refused the index with this code. Past index 0 any refusal is the end; at 0 the
    /// usual ones mean that the table is empty.
    ///
    /// # Errors
    /// When the router refuses to show its table at all.
    pub fn refused(&mut self, code: u16) -> Result<(), NotOffered> {
        let usual = matches!(code, 713 | 714 | 402 | 501);
        if self.index == 0 && self.phase == Phase::First && !usual {
            return Err(NotOffered);
        }
        if code == 606 {
            // Not the end, but an entry that is not for our eyes.
            self.extent = Extent::Partial;
        }
        if self.phase == Phase::Check {
            self.again();
        } else {
            // A repeat right before the end: something came in front.
            self.moved |= self.repeat.is_some();
            self.end_of_pass();
        }
        Ok(())
    }

    /// There is no time left: what has been read has to do.
    pub fn stop(&mut self) {
        self.extent = Extent::Partial;
        self.phase = Phase::Done;
    }

    /// What was read.
    #[must_use]
    pub fn table(self) -> Table {
        let (merged, extent) = match self.second {
            None => (self.first, self.extent),
            Some(second) if self.extent == Extent::Whole && !self.moved => (second, Extent::Whole),
            // It moved again, or broke off: both readings together have most of it.
            Some(second) => {
                let mut both = self.first;
                second.entries.into_iter().for_each(|entry| both.put(entry));
                (both, Extent::Partial)
            }
        };
        Table {
            entries: merged.entries,
            extent,
        }
    }

    fn advance(&mut self) {
        self.index += 1;
        if self.index as usize >= MAX_ENTRIES {
            self.extent = Extent::Partial;
            self.phase = Phase::Done;
        }
    }

    fn end_of_pass(&mut self) {
        match self.phase {
            Phase::First if self.moved => self.again(),
            Phase::First if self.first.entries.len() > 1 => self.phase = Phase::Check,
            _ => self.phase = Phase::Done,
        }
    }

    fn again(&mut self) {
        self.phase = Phase::Second;
        self.second = Some(Merged::default());
        self.index = 0;
        self.repeat = None;
        self.moved = false;
        self.unreadable_in_a_row = 0;
    }
}

#[cfg(test)]
mod tests;

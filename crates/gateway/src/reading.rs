//! What a router's showing of its mappings is worth, learned by using it. Pure.
//!
//! Some routers map and show nothing. Their "yes" has to be believed, then: but only where nothing
//! was ever seen on them, and not the first time, for a router that says yes and stores nothing
//! looks the same, and shows what others have.

/// So often in a row a yes was followed by nothing, before it is believed.
const BLANKS: u32 = 2;

/// What is known of how one router shows its mappings. Start anew when the router changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    seen: bool,
    blanks: u32,
}

impl Reading {
    /// A mapping was seen: anybody's, in the table or by its port.
    pub fn saw_a_mapping(&mut self) {
        *self = Self {
            seen: true,
            blanks: 0,
        };
    }

    /// The router said yes to a mapping, and shows nothing on the port. Whether it is to be
    /// believed all the same.
    pub(crate) fn yes_and_nothing(&mut self) -> bool {
        self.blanks = self.blanks.saturating_add(1);
        self.shows_nothing()
    }

    /// Whether a port on which the router shows nothing is free.
    #[must_use]
    pub fn shows_what_it_has(&self) -> bool {
        self.seen
    }

    /// Whether the router maps and shows nothing, as far as can be told.
    #[must_use]
    pub fn shows_nothing(&self) -> bool {
        !self.seen && self.blanks >= BLANKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_followed_by_nothing_is_believed_the_second_time_where_nothing_was_ever_shown() {
        let mut reading = Reading::default();
        assert!(!reading.yes_and_nothing());
        assert!(reading.yes_and_nothing());
        assert!(reading.shows_nothing());
    }

    #[test]
    fn a_router_that_shows_others_mappings_is_not_believed_when_it_shows_none_of_ours() {
        let mut reading = Reading::default();
        reading.saw_a_mapping();
        for _ in 0..10 {
            assert!(!reading.yes_and_nothing());
        }
        assert!(reading.shows_what_it_has());
    }

    #[test]
    fn a_mapping_seen_later_ends_the_belief() {
        let mut reading = Reading::default();
        reading.yes_and_nothing();
        reading.yes_and_nothing();
        reading.saw_a_mapping();
        assert!(!reading.shows_nothing());
        assert!(!reading.yes_and_nothing());
    }
}

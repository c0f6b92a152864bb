//! What the router shows for a mapping of ours, and how a server is recognised by it (Embodiment 3,
//! claim 5).

use std::fmt;

/// Every description of ours begins so.
const PREFIX: &str = "Porthole ";

/// Some routers refuse or cut anything longer.
const MAX: usize = 32;

/// Stands in for a name of which no character can be written.
const NAMELESS: &str = "camera";

/// `Porthole <name>`: ASCII letters, digits, spaces and hyphens only, at most 32 characters. It
/// carries no role and no state, because renewing a mapping does not change its description on
/// every router.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Description(String);

impl Description {
    /// The description for a server of this name. What is not ASCII is transliterated, what has no
    /// transliteration is dropped, what is too long is cut; the name part is never empty.
    #[must_use]
    pub fn for_name(name: &str) -> Self {
        // Names are short; a transliteration can be ten times its source, so the source is cut
        // first.
        let head: String = name.chars().take(MAX).collect();
        let ascii = deunicode::deunicode(&head);
        let mut text = String::from(PREFIX);
        for c in ascii.chars() {
            if text.len() == MAX {
                break;
            }
            match c {
                'A'..='Z' | 'a'..='z' | '0'..='9' | '-' => text.push(c),
                // One space stands for any run of what cannot be written.
                _ if !text.ends_with(' ') => text.push(' '),
                _ => {}
            }
        }
        text.truncate(text.trim_end().len());
        if text.len() < PREFIX.len() {
            text = format!("{PREFIX}{NAMELESS}");
        }
        Self(text)
    }

    /// The server's name in a description read from a router, or nothing when the entry is not
    /// Porthole's. The charset and the length are checked again: anybody on the LAN can write
    /// to the table.
    #[must_use]
    pub fn name_of(description: &str) -> Option<&str> {
        let description = description.trim();
        let name = description.strip_prefix(PREFIX)?.trim_start();
        let clean = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-');
        (clean && !name.is_empty() && description.len() <= MAX).then_some(name)
    }

    /// The text as it goes to the router.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_name_stays_as_it_is() {
        let description = Description::for_name("server 1");
        assert_eq!(description.as_str(), "Porthole server 1");
        assert_eq!(Description::name_of(description.as_str()), Some("server 1"));
    }

    #[test]
    fn what_cannot_be_written_is_transliterated_or_dropped() {
        assert_eq!(Description::for_name("Küche").as_str(), "Porthole Kuche");
        assert_eq!(
            Description::for_name("  a <b>&\"c\" ").as_str(),
            "Porthole a b c"
        );
        assert_eq!(Description::for_name("").as_str(), "Porthole camera");
        assert_eq!(Description::for_name(" <> ").as_str(), "Porthole camera");
    }

    #[test]
    fn others_entries_are_not_taken_for_ours() {
        for other in [
            "",
            "Porthole",
            "Porthole ",
            "porthole x",
            "Portholes x",
            "libminiupnpc",
            "Porthole <script>",
            "Porthole a name that is far too long for it",
        ] {
            assert_eq!(Description::name_of(other), None, "{other:?}");
        }
        assert_eq!(Description::name_of(" Porthole yard "), Some("yard"));
    }

    proptest! {
        #[test]
        fn any_name_makes_a_description_that_is_short_clean_and_recognised(
            name in any::<String>(),
        ) {
            let description = Description::for_name(&name);
            let text = description.as_str();
            prop_assert!(text.len() <= MAX);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-'));
            let read = Description::name_of(text).expect("ours");
            // What was read back can be written again: nobody is renamed by being copied.
            let again = Description::for_name(read);
            prop_assert_eq!(again.as_str(), text);
        }
    }
}

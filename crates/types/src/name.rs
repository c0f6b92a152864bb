//! What people may call a camera (¶53).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name, in characters.
pub const MAX_NAME: usize = 64;

/// A name that a person gave: 1 to 64 characters of any script, none of them a control character,
/// no blanks around it. Two cameras may have the same one. It is untrusted text wherever it is
/// shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name(String);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing but blanks.
    #[error("a name has at least one character that can be seen")]
    Empty,
    /// Too many characters; how many.
    #[error("a name has at most {MAX_NAME} characters, and this has {0}")]
    TooLong(usize),
    /// A line break, a tabulator, an escape.
    #[error("a name has no control characters such as line breaks")]
    Control,
}

impl Name {
    /// The text without the blanks around it, if it is a name.
    ///
    /// # Errors
    /// [`BadName`] says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        if text.chars().any(is_unseen) {
            return Err(BadName::Control);
        }
        match text.chars().count() {
            0 => Err(BadName::Empty),
            1..=MAX_NAME => Ok(Self(text.to_owned())),
            longer => Err(BadName::TooLong(longer)),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What would end a line, move the cursor, or turn the words after it around (Unicode's
/// bidirectional controls): a name stands in the middle of sentences, logs and terminals.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_script_will_do_up_to_64_characters() {
        for name in ["Barn", "Küche", "门口", "📷", &"é".repeat(64)] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
        assert_eq!(Name::new("  Back  yard ").unwrap().as_str(), "Back  yard");
    }

    #[test]
    fn what_is_no_name_is_told_why() {
        assert_eq!(Name::new("  "), Err(BadName::Empty));
        assert_eq!(Name::new(&"x".repeat(65)), Err(BadName::TooLong(65)));
        for bad in ["a\nb", "a\u{1b}[31m", "a\u{202e}b", "a\u{0}"] {
            assert_eq!(Name::new(bad), Err(BadName::Control), "{bad:?}");
        }
    }
}

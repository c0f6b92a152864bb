//! Who a server is, which run of it, and in which term: newtypes, so that one is never mistaken for
//! another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who a server is, for as long as its data directory lives: 64 random bits, shown as 16
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct InstanceId(pub u64);

/// Which run of the program this is: a number drawn at its start, so that no two runs have the same
/// one, whatever clock and disk say.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BootId(pub u64);

/// How many times leadership has changed hands, as far as this server knows.
/// Rises with each change (invariant S4); a lower one is ignored.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Term(pub u64);

impl Term {
    /// The term that a change of leadership begins.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceId({self})")
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.to_string()
    }
}

/// An instance id is exactly 16 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("an instance id is 16 hexadecimal digits, not {0:?}")]
pub struct BadInstanceId(String);

impl FromStr for InstanceId {
    type Err = BadInstanceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `from_str_radix` alone would take a sign.
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if let (true, Ok(id)) = (digits, u64::from_str_radix(text, 16)) {
            return Ok(Self(id));
        }
        Err(BadInstanceId(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for InstanceId {
    type Error = BadInstanceId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_survives_its_text_form() {
        let id = InstanceId(0x00ab_cdef_0123_4567);
        assert_eq!(id.to_string(), "00abcdef01234567");
        assert_eq!(id.to_string().parse::<InstanceId>().unwrap(), id);
    }

    #[test]
    fn what_is_not_an_instance_id_is_refused() {
        for bad in [
            "",
            "123",
            "+0abcdef01234567",
            "00abcdef0123456g",
            "00abcdef012345678",
        ] {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_term_never_wraps_to_a_lower_one() {
        assert_eq!(Term(u64::MAX).next(), Term(u64::MAX));
    }
}

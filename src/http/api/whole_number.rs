//! Whole numbers in bodies, however they are written: in JSON 36000.0 is one, too.

use serde::de::{Deserialize, Deserializer, Error};

/// 2⁵³: up to here an `f64` represents every whole number exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number that fits into `T`.
///
/// # Errors
/// For anything else, with the number.
pub fn whole_number<'de, D: Deserializer<'de>, T: TryFrom<i64>>(number: D) -> Result<T, D::Error> {
    narrow(f64::deserialize(number)?)
}

/// The same, or null.
///
/// # Errors
/// As [`whole_number`].
pub fn whole_number_or_null<'de, D: Deserializer<'de>, T: TryFrom<i64>>(
    number: D,
) -> Result<Option<T>, D::Error> {
    let number = Option::<f64>::deserialize(number)?;
    number.map(narrow).transpose()
}

/// The whole number that this is, if it is one.
pub fn of(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn narrow<T: TryFrom<i64>, E: Error>(number: f64) -> Result<T, E> {
    let whole = of(number).and_then(|whole| T::try_from(whole).ok());
    whole.ok_or_else(|| E::custom(format!("{number} is no whole number that fits here")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(deserialize_with = "whole_number")]
        id: u32,
        #[serde(default, deserialize_with = "whole_number_or_null")]
        pan: Option<i32>,
    }

    fn read(text: &str) -> Option<(u32, Option<i32>)> {
        let body: Body = serde_json::from_str(text).ok()?;
        Some((body.id, body.pan))
    }

    #[test]
    fn a_number_is_whole_by_its_value_and_not_by_how_it_is_written() {
        assert_eq!(read(r#"{"id":7.0,"pan":-3.6e3}"#), Some((7, Some(-3600))));
        assert_eq!(
            read(r#"{"id":4294967295,"pan":null}"#),
            Some((u32::MAX, None))
        );
        assert_eq!(read(r#"{"id":0}"#), Some((0, None)));
        for bad in ["7.5", "-1", "4294967296", "1e300", "\"7\"", "null"] {
            assert_eq!(read(&format!(r#"{{"id":{bad}}}"#)), None, "{bad}");
        }
    }
}

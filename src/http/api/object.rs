//! JSON objects and nothing else: serde alone would take `[true]` for `{"enabled": true}`, field by field.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::{Map, Value};

/// A `T` that was written as an object.
pub struct Object<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(body: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(body)?;
        serde_json::from_value(Value::Object(fields))
            .map(Self)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Switch {
        enabled: bool,
    }

    #[test]
    fn an_array_is_no_object() {
        let read = |text| serde_json::from_str::<Object<Switch>>(text);
        assert!(read(r#"{"enabled":true}"#).unwrap().0.enabled);
        assert!(serde_json::from_str::<Switch>("[true]").is_ok());
        for bad in ["[true]", "true", "null", r#"{"enabled":1}"#] {
            let error = read(bad).err().unwrap();
            assert!(error.is_data(), "{bad}: {error}");
        }
    }
}

//! Structures that are read from JSON objects, and from nothing else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A structure that is written as a JSON object. What serde derives would also take a list of the
/// values, in the order that the fields happen to have here.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PicturePatch {
        name: Option<String>,
    }

    #[test]
    fn a_list_of_values_is_no_object() {
        let name = |text| {
            let patch: Result<Object<PicturePatch>, _> = serde_json::from_str(text);
            patch.map(|Object(patch)| patch.name.unwrap_or_default())
        };
        assert_eq!(name(r#"{"name":"Barn"}"#).unwrap(), "Barn");
        for (bad, why) in [
            (r#"["Barn"]"#, "expected an object"),
            (r#""Barn""#, "expected an object"),
            (r#"{"nom":"Barn"}"#, "unknown field `nom`"),
        ] {
            let told = name(bad).unwrap_err().to_string();
            assert!(told.contains(why), "{bad}: {told}");
        }
    }
}

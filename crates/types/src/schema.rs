//! How the newtypes look in the API's document: the derive would show what is inside of them, not
//! what is written.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{InstanceId, MAX_NAME, Name, Term};

impl PartialSchema for InstanceId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "Which camera: drawn once per data directory, so it survives restarts and other \
                 addresses.",
            ))
            .pattern(Some("^[0-9a-fA-F]{16}$"))
            .examples(["e85db934379cafa8"])
            .into()
    }
}

impl ToSchema for InstanceId {
    fn name() -> Cow<'static, str> {
        "CameraId".into()
    }
}

impl PartialSchema for Term {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .description(Some(
                "The term: each change of the representative raises it.",
            ))
            .minimum(Some(0))
            .examples([3])
            .into()
    }
}

impl ToSchema for Term {
    fn name() -> Cow<'static, str> {
        "Term".into()
    }
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "1 to 64 characters of any script, without control characters; blanks around it \
                 are cut off.",
            ))
            .min_length(Some(1))
            .max_length(Some(MAX_NAME))
            .pattern(Some(concat!(
                r"^[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]*",
                r"[^\s\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]",
                r"[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"
            )))
            .examples(["Barn"])
            .into()
    }
}

impl ToSchema for Name {
    fn name() -> Cow<'static, str> {
        "Name".into()
    }
}

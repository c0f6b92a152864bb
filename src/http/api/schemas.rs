//! How types of the pure cores look in the API's document. They know nothing of it themselves.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::ids::{InstanceId, Term};

impl PartialSchema for InstanceId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "Which camera: drawn once per data directory, so it survives restarts and other addresses.",
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
                "A term of office: each change of the representative raises it.",
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

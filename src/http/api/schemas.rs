//! The schemas of some types in the OpenAPI document: of libraries that do not depend on it, and of
//! types for which the derive says too little.

use std::borrow::Cow;

use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::drive;
use crate::site::SessionId;

impl PartialSchema for SessionId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Which session or token: no secret."))
            .pattern(Some("^[0-9a-fA-F]{32}$"))
            .examples(["5b1f0c9d2e3a4b5c6d7e8f9a0b1c2d3e"])
            .into()
    }
}

impl ToSchema for SessionId {
    fn name() -> Cow<'static, str> {
        "SessionId".into()
    }
}

/// By hand, because the derive would allow other fields beside `to` or `by`.
impl PartialSchema for drive::DriveCommand {
    fn schema() -> RefOr<Schema> {
        let only = |name, about| {
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .description(Some(about))
                .property(name, Ref::from_schema_name("Angles"))
                .required(name)
                .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        };
        let preset = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A stored position."))
            .property("preset", Ref::from_schema_name("Name"))
            .required("preset")
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let home = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Straight ahead."))
            .enum_values(Some(["home"]));
        OneOfBuilder::new()
            .item(only("to", "A position."))
            .item(only("by", "A step from where it points."))
            .item(preset)
            .item(home)
            .into()
    }
}

impl ToSchema for drive::DriveCommand {
    fn name() -> Cow<'static, str> {
        "DriveCommand".into()
    }
}

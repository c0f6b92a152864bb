//! How some types look in the API's document: those of the pure cores that know nothing of it, and those for which the
//! derive says too little.

use std::borrow::Cow;

use utoipa::openapi::schema::{
    AdditionalProperties, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::drive;
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

/// The derive would not say that there is nothing beside `to` or `by`.
impl PartialSchema for drive::Command {
    fn schema() -> RefOr<Schema> {
        let only = |name, about| {
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .description(Some(about))
                .property(name, Ref::from_schema_name("Angles"))
                .required(name)
                .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        };
        let home = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Straight ahead."))
            .enum_values(Some(["home"]));
        OneOfBuilder::new()
            .item(only("to", "A position."))
            .item(only("by", "A step from where it points."))
            .item(home)
            .into()
    }
}

impl ToSchema for drive::Command {
    fn name() -> Cow<'static, str> {
        "DriveCommand".into()
    }
}

//! How some types look in the API's document: those of the pure cores that know nothing of it, and those for which the
//! derive says too little.

use std::borrow::Cow;

use utoipa::openapi::schema::{
    AdditionalProperties, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::drive;
use crate::camera::chosen::{Field, Patch};
use crate::fleet::{MAX_NAME, Name};
use crate::ids::{InstanceId, Term};
use crate::site::SessionId;

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

impl ToSchema for drive::Command {
    fn name() -> Cow<'static, str> {
        "DriveCommand".into()
    }
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "1 to 64 characters of any script, without control characters; blanks around it are cut off.",
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

/// Its ranges are those of the settings.
impl PartialSchema for Patch {
    fn schema() -> RefOr<Schema> {
        let patch = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "What to change; null gives a number back to the settings.",
            ))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let fields = Field::ALL.into_iter();
        fields
            .fold(patch, |patch, field| {
                let (least, most) = field.allowed().into_inner();
                let number = ObjectBuilder::new()
                    .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
                    .minimum(Some(least))
                    .maximum(Some(most));
                patch.property(field.name(), number)
            })
            .examples([serde_json::json!({"fps": 15, "quality": null})])
            .into()
    }
}

impl ToSchema for Patch {
    fn name() -> Cow<'static, str> {
        "CameraSettingsPatch".into()
    }
}

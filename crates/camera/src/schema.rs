//! How what people choose looks in the API's document: the derive would not know the ranges.

use std::borrow::Cow;

use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::user_overrides::{PictureField, PicturePatch};

/// Its ranges are those of the settings.
impl PartialSchema for PicturePatch {
    fn schema() -> RefOr<Schema> {
        let patch = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "What to change; null gives a number back to the settings.",
            ))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let fields = PictureField::ALL.into_iter();
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

impl ToSchema for PicturePatch {
    fn name() -> Cow<'static, str> {
        "CameraSettingsPatch".into()
    }
}

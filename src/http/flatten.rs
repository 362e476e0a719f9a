//! Flattened structs in the OpenAPI document: one object instead of `allOf`, so that `additionalProperties: false`
//! of one part does not exclude the properties of the others.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{AllOf, Object, Schema};
use utoipa::openapi::{Components, RefOr};

/// Prefix of references to schemas.
const SCHEMAS: &str = "#/components/schemas/";

/// Merges all schemas that consist of several objects.
pub(super) fn merge_all(components: &mut Components) {
    let known: BTreeMap<String, RefOr<Schema>> =
        components.schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect();
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::AllOf(all)) = schema
            && let Some(merged) = merged(all, &known)
        {
            *schema = RefOr::T(Schema::Object(merged));
        }
    }
}

/// The object of all parts. `None` if one of them is no object.
fn merged(all: &AllOf, known: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let mut whole: Option<Object> = None;
    for part in &all.items {
        let part = object(part, known)?;
        let Some(whole) = &mut whole else {
            whole = Some(part);
            continue;
        };
        whole.properties.extend(part.properties);
        whole.required.extend(part.required);
        whole.additional_properties =
            whole.additional_properties.take().or(part.additional_properties);
        whole.description = whole.description.take().or(part.description);
    }
    let mut whole = whole?;
    whole.description = all.description.clone().or(whole.description);
    Some(whole)
}

fn object(schema: &RefOr<Schema>, known: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    match schema {
        RefOr::Ref(reference) => {
            object(known.get(reference.ref_location.strip_prefix(SCHEMAS)?)?, known)
        }
        RefOr::T(Schema::Object(object)) => Some(object.clone()),
        RefOr::T(Schema::AllOf(all)) => merged(all, known),
        RefOr::T(_) => None,
    }
}

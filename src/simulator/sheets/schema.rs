//! Google's own field names, taken from the types of google-sheets4 (which are generated from Google's description of
//! the API): an unknown name in a request or a mask is refused as Google refuses it.
//!
//! A derived `Deserialize` tells a deserializer the names of a struct's fields; the one here compares them with the
//! JSON it is given. Long lists are first merged into one element that has every key, so that the check costs no more
//! memory for 100,000 cells than for one.

use google_sheets4::api::Request;
use serde::{
    Deserialize,
    de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Value, json};

use super::{
    error::{ApiError, ApiResult},
    mask::Mask,
    model::Object,
};

/// Refuses names that a batchUpdate request cannot have.
pub fn check_request(request: &Object, path: &str) -> ApiResult<()> {
    let mut shape = json!({});
    for (kind, arguments) in request {
        merge_shape(&mut shape[kind.as_str()], arguments);
    }
    match Request::deserialize(Checked(&shape)) {
        Ok(_) => Ok(()),
        Err(Mismatch {
            unknown: Some(name),
            path: below,
            ..
        }) => {
            let place = format!("{path}{below}");
            let text =
                format!("Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field.");
            Err(ApiError::bad_json(&place, text))
        }
        Err(Mismatch {
            message, path: below, ..
        }) => {
            let place = format!("{path}{below}");
            Err(ApiError::bad_json(
                &place,
                format!("Invalid value at '{place}': {message}"),
            ))
        }
    }
}

/// Refuses a `fields` parameter that names what an answer of type `T` cannot have.
pub fn check_mask<T: DeserializeOwned>(mask: &Mask) -> ApiResult<()> {
    match T::deserialize(Checked(&shape_of_mask(mask))) {
        Ok(_) => Ok(()),
        Err(Mismatch { unknown, path, .. }) => {
            let name = unknown.unwrap_or_default();
            let path = format!("{path}.{name}");
            Err(ApiError::bad_fields(path.trim_matches('.')))
        }
    }
}

fn shape_of_mask(mask: &Mask) -> Value {
    let mut shape = json!({});
    for field in mask.fields() {
        let inner = mask.of(field).unwrap_or_default();
        shape[field] = if inner.fields().next().is_some() {
            shape_of_mask(&inner)
        } else {
            Value::Null
        };
    }
    shape
}

/// Adds the keys of a value to a shape; a list becomes a list of one merged element.
fn merge_shape(shape: &mut Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if !shape.is_object() {
                *shape = json!({});
            }
            for (name, value) in fields {
                merge_shape(&mut shape[name.as_str()], value);
            }
        }
        Value::Array(items) => {
            if !shape.is_array() {
                *shape = json!([]);
            }
            for item in items {
                if shape[0].is_null()
                    && let Value::Array(list) = shape
                {
                    list.clear();
                    list.push(Value::Null);
                }
                merge_shape(&mut shape[0], item);
            }
        }
        scalar if shape.is_null() => *shape = scalar.clone(),
        _ => {}
    }
}

/// Where and why a value does not fit a type.
#[derive(Debug)]
struct Mismatch {
    unknown: Option<String>,
    message: String,
    /// `.update_cells.rows[0]`
    path: String,
}

impl Mismatch {
    fn below(mut self, step: &str) -> Self {
        self.path.insert_str(0, step);
        self
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self {
            unknown: None,
            message: message.to_string(),
            path: String::new(),
        }
    }
}

#[derive(Clone, Copy)]
struct Checked<'a>(&'a Value);

impl<'de> de::Deserializer<'de> for Checked<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => visitor.visit_i64(whole),
                (None, number) => visitor.visit_f64(number.unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(fields) => visitor.visit_map(Fields {
                fields: fields.iter(),
                value: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let names = self.0.as_object().into_iter().flat_map(|fields| fields.keys());
        if let Some(name) = names.into_iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Mismatch {
                unknown: Some(name.clone()),
                message: format!("unknown name {name}"),
                path: String::new(),
            });
        }
        self.deserialize_any(visitor)
    }

    /// A mask passes through lists: an object stands for the items of one.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.iter())),
            Value::Object(_) => visitor.visit_seq(Items(std::slice::from_ref(self.0).iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map enum identifier ignored_any
    }
}

struct Fields<'de> {
    fields: serde_json::map::Iter<'de>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let Some((name, value)) = self.fields.next() else {
            return Ok(None);
        };
        self.value = Some((name, value));
        seed.deserialize(de::value::BorrowedStrDeserializer::new(name))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let (name, value) = self.value.take().unwrap_or(("", &Value::Null));
        seed.deserialize(Checked(value))
            .map_err(|error| error.below(&format!(".{}", snake_case(name))))
    }
}

struct Items<'de>(std::slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some(item) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(Checked(item)).map(Some).map_err(|error| match item {
            Value::Object(_) | Value::Array(_) => error,
            _ => error.below("[0]"),
        })
    }
}

/// As Google writes places in a request.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use google_sheets4::api::Spreadsheet;

    use super::*;

    fn refusal(request: Value) -> String {
        check_request(request.as_object().unwrap(), "requests[0]")
            .unwrap_err()
            .message()
            .to_owned()
    }

    #[test]
    fn a_name_that_google_does_not_know_is_refused_wherever_it_stands() {
        assert_eq!(
            refusal(json!({"frobnicate": {}})),
            "Invalid JSON payload received. Unknown name \"frobnicate\" at 'requests[0]': Cannot find field."
        );
        let cells = json!({"updateCells": {"rows": [{"values": [{"note": "n"}, {"nota": "n"}]}]}});
        assert!(refusal(cells).contains("Unknown name \"nota\" at 'requests[0].update_cells.rows"));
    }

    #[test]
    fn names_that_google_knows_pass() {
        let request = json!({"updateCells": {
            "rows": [{"values": [{"userEnteredValue": {"numberValue": 1.5}}, {}]}, {}],
            "fields": "userEnteredValue",
            "range": {"sheetId": 3, "startRowIndex": 0},
        }});
        check_request(request.as_object().unwrap(), "requests[0]").unwrap();
    }

    #[test]
    fn masks_are_checked_through_lists_and_below() {
        let check = |text: &str| check_mask::<Spreadsheet>(&Mask::parse(text).unwrap());
        for known in [
            "*",
            "sheets.properties",
            "sheets(data(rowData(values(note))))",
            "namedRanges,sheets.*",
        ] {
            assert!(check(known).is_ok(), "{known}");
        }
        for unknown in [
            "x",
            "sheets.propertys",
            "spreadsheetId.x",
            "sheets.data.rowData.values.nota",
        ] {
            assert!(check(unknown).is_err(), "{unknown}");
        }
    }
}

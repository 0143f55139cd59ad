//! What a CellData of a request writes into a cell, under a mask.

use std::sync::Arc;

use serde_json::{Value, json};

use super::required_mask;
use crate::simulator::sheets::{
    formula,
    mask::Mask,
    model::{Cell, CellValue, MAX_CELL_TEXT, Object},
    values::too_long,
};

/// Fields of a CellData that can be written, besides userEnteredValue.
const WRITABLE: [&str; 6] = [
    "userEnteredFormat",
    "note",
    "dataValidation",
    "textFormatRuns",
    "pivotTable",
    "chipRuns",
];

/// What of a cell a request writes.
pub struct CellMask {
    pub value: bool,
    /// The other fields that it names, each with the part that is meant.
    pub fields: Vec<(&'static str, Mask)>,
}

impl CellMask {
    pub fn parse(fields: Option<&str>) -> Result<Self, String> {
        let mask = required_mask(fields)?.with_twins();
        Ok(Self {
            value: mask.names("userEnteredValue"),
            fields: WRITABLE
                .into_iter()
                .filter_map(|field| Some((field, mask.of(field)?)))
                .collect(),
        })
    }
}

/// A CellData ready to be written under a mask.
pub struct Write<'m> {
    mask: &'m CellMask,
    /// `None` = the value is not masked.
    pub value: Option<CellValue>,
    pub fields: Object,
}

impl<'m> Write<'m> {
    /// `titles` of the spreadsheet's sheets, for formulas.
    pub fn new(data: &Object, mask: &'m CellMask, titles: &[String]) -> Result<Self, String> {
        let value = match mask.value {
            true => Some(user_entered_value(data.get("userEnteredValue"), titles)?),
            false => None,
        };
        let mut fields = Object::new();
        for (field, _) in &mask.fields {
            // an empty note is no note
            if let Some(value) = data.get(*field).filter(|value| **value != json!("")) {
                fields.insert((*field).to_owned(), value.clone());
            }
        }
        if let Some(format) = fields.get_mut("userEnteredFormat") {
            normalise_format(format)?;
        }
        Ok(Self { mask, value, fields })
    }

    /// `covered` = under a merge: the value is not kept.
    pub fn apply(&self, cell: &mut Cell, covered: bool) {
        if let Some(value) = self.value.as_ref().filter(|_| !covered) {
            cell.value = value.clone();
        }
        if !self.mask.fields.is_empty() && (cell.extra.is_some() || !self.fields.is_empty()) {
            cell.extra = self.merged(cell.extra.as_deref());
        }
    }

    pub fn merged(&self, old: Option<&Object>) -> Option<Arc<Object>> {
        let mut fields = old.cloned().unwrap_or_default();
        for (field, mask) in &self.mask.fields {
            let new = self.fields.get(*field);
            if mask.is_all() {
                match new {
                    Some(new) => fields.insert((*field).to_owned(), new.clone()),
                    None => fields.remove(*field),
                };
                continue;
            }
            let mut inner = match fields.remove(*field) {
                Some(Value::Object(inner)) => inner,
                _ => Object::new(),
            };
            mask.merge(&mut inner, new.and_then(Value::as_object));
            if !inner.is_empty() {
                fields.insert((*field).to_owned(), Value::Object(inner));
            }
        }
        (!fields.is_empty()).then(|| Arc::new(fields))
    }
}

fn user_entered_value(value: Option<&Value>, titles: &[String]) -> Result<CellValue, String> {
    let Some(fields) = value.and_then(Value::as_object) else {
        return Ok(CellValue::Empty);
    };
    if fields.len() > 1 {
        return Err("userEnteredValue must have exactly one value".into());
    }
    let text = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        match text.encode_utf16().count() > MAX_CELL_TEXT {
            true => Err(too_long()),
            false => Ok(text.into()),
        }
    };
    Ok(match fields.iter().next() {
        None => CellValue::Empty,
        Some((kind, value)) => match kind.as_str() {
            "numberValue" => CellValue::Number(value.as_f64().ok_or("numberValue is no number")?),
            "boolValue" => CellValue::Bool(value.as_bool().ok_or("boolValue is no boolean")?),
            // text is inert: "=1" stays the text =1
            "stringValue" => match text(value)? {
                empty if empty == Box::from("") => CellValue::Empty,
                text => CellValue::Text(text),
            },
            "formulaValue" => {
                let formula = text(value)?;
                if !formula.starts_with('=') {
                    return Err("formulaValue must start with '='".into());
                }
                CellValue::Formula(formula::tidied(&formula, titles))
            }
            other => return Err(format!("{other} cannot be written")),
        },
    })
}

/// Number formats need a type; colours are kept in 8 bits and have a twin named …ColorStyle.
pub fn normalise_format(format: &mut Value) -> Result<(), String> {
    let Value::Object(fields) = format else {
        return Ok(());
    };
    if fields
        .get("numberFormat")
        .is_some_and(|format| format.get("type").and_then(Value::as_str).is_none())
    {
        return Err("NumberFormat.type must be set".into());
    }
    let mut twins = Object::new();
    for (name, value) in fields.iter_mut() {
        if name == "color" || name.ends_with("Color") {
            quantise(value);
            twins.insert(format!("{name}Style"), json!({"rgbColor": value}));
        } else if let (Some(plain), Some(colour)) = (name.strip_suffix("Style"), value.get_mut("rgbColor")) {
            quantise(colour);
            twins.insert(plain.to_owned(), colour.clone());
        } else if value.is_object() {
            normalise_format(value)?;
        }
    }
    for (name, twin) in twins {
        fields.entry(name).or_insert(twin);
    }
    Ok(())
}

pub fn quantise(colour: &mut Value) {
    let Value::Object(channels) = colour else {
        return;
    };
    for channel in channels.values_mut() {
        let byte = (channel.as_f64().unwrap_or_default().clamp(0.0, 1.0) * 255.0).floor();
        // shown as a 32-bit float: 0.49803922, not all the digits of a double
        let shown = (byte as f32 / 255.0).to_string();
        *channel = if byte == 255.0 {
            json!(1)
        } else {
            json!(shown.parse::<f64>().unwrap_or_default())
        };
    }
    channels.retain(|_, channel| *channel != json!(0.0));
}

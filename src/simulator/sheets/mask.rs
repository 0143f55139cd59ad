//! Field masks: `sheets.properties,sheets(data(rowData))`, separators `.` and `/`, parentheses, `*` for all.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::Object;

/// The fields that a mask names, as a tree; an empty node stands for everything below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask(BTreeMap<String, Mask>);

impl Mask {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// The error is the piece of text that is no mask.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text.trim() };
        let mut mask = Self::default();
        parser.list(&mut mask)?;
        if parser.rest.is_empty() {
            Ok(mask)
        } else {
            Err(parser.rest.to_owned())
        }
    }

    pub fn is_all(&self) -> bool {
        self.0.is_empty() || self.0.contains_key("*")
    }

    /// What the mask says of one field: `None` if it leaves it out.
    pub fn of(&self, field: &str) -> Option<Self> {
        if self.0.is_empty() {
            return Some(Self::all());
        }
        match (self.0.get(field), self.0.get("*")) {
            (Some(inner), _) | (None, Some(inner)) => Some(inner.clone()),
            (None, None) => None,
        }
    }

    pub fn names(&self, field: &str) -> bool {
        self.0.is_empty() || self.0.contains_key(field) || self.0.contains_key("*")
    }

    /// The fields named at the top, `*` left out.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|field| *field != "*")
    }

    /// The masked part of an answer. Lists are masked item by item; objects that end empty stay, as Google has it
    /// for cells, unless nothing of them was there.
    pub fn project(&self, value: Value) -> Value {
        if self.is_all() && self.0.values().all(|inner| inner.0.is_empty()) {
            return value;
        }
        match value {
            Value::Object(object) => Value::Object(
                object
                    .into_iter()
                    .filter_map(|(field, value)| Some((field.clone(), self.of(&field)?.project(value))))
                    .collect(),
            ),
            Value::Array(items) => items.into_iter().map(|item| self.project(item)).collect(),
            scalar => scalar,
        }
    }

    /// Writes the masked fields of `source` into `target`; a masked field that `source` lacks is removed.
    pub fn merge(&self, target: &mut Object, source: Option<&Object>) {
        if self.is_all() {
            *target = source.cloned().unwrap_or_default();
            return;
        }
        for (field, inner) in &self.0 {
            let new = source.and_then(|source| source.get(field));
            if inner.is_all() {
                match new {
                    Some(new) => target.insert(field.clone(), new.clone()),
                    None => target.remove(field),
                };
                continue;
            }
            let mut child = match target.remove(field) {
                Some(Value::Object(child)) => child,
                _ => Object::new(),
            };
            inner.merge(&mut child, new.and_then(Value::as_object));
            if !child.is_empty() {
                target.insert(field.clone(), Value::Object(child));
            }
        }
    }

    /// A colour and its twin (`backgroundColor`, `backgroundColorStyle`) are named together.
    pub fn with_twins(mut self) -> Self {
        self.0 = self
            .0
            .into_iter()
            .map(|(field, inner)| (field, inner.with_twins()))
            .collect();
        let twins: Vec<_> = self
            .0
            .iter()
            .filter_map(|(field, inner)| {
                let twin = match field.strip_suffix("Style") {
                    Some(colour) if colour == "color" || colour.ends_with("Color") => colour.to_owned(),
                    _ if field == "color" || field.ends_with("Color") => format!("{field}Style"),
                    _ => return None,
                };
                Some((twin, inner.clone()))
            })
            .collect();
        for (twin, inner) in twins {
            self.0.entry(twin).or_insert(inner);
        }
        self
    }

    fn child(&mut self, field: &str) -> &mut Self {
        self.0.entry(camel_case(field)).or_default()
    }
}

/// Masks may be written in snake_case too.
fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut chars = word.chars();
        name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(chars.as_str());
    }
    name
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn list(&mut self, mask: &mut Mask) -> Result<(), String> {
        loop {
            self.path(mask)?;
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None => return Ok(()),
            }
        }
    }

    fn path(&mut self, mask: &mut Mask) -> Result<(), String> {
        self.rest = self.rest.trim_start();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '*' | '@' | '-');
        let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.rest.to_owned());
        }
        self.rest = rest.trim_start();
        let child = mask.child(name);
        if let Some(rest) = self.rest.strip_prefix(['.', '/']) {
            self.rest = rest;
            self.path(child)
        } else if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            self.list(child)?;
            self.rest = self
                .rest
                .strip_prefix(')')
                .ok_or_else(|| self.rest.to_owned())?
                .trim_start();
            Ok(())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dots_slashes_and_parentheses_say_the_same() {
        let expected = Mask::parse("sheets.properties.title,sheets.properties.index").unwrap();
        for text in [
            "sheets/properties/title,sheets/properties/index",
            "sheets(properties(title,index))",
            "sheets.properties(title, index)",
        ] {
            assert_eq!(Mask::parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "a,,b", "a(b", "a)b", "a b"] {
            assert!(Mask::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_answer_is_cut_to_the_named_fields_through_lists() {
        let mask = Mask::parse("sheets(properties.title,data)").unwrap();
        let answer =
            json!({"spreadsheetId": "x", "sheets": [{"properties": {"title": "a", "index": 0}, "merges": []}]});
        assert_eq!(
            mask.project(answer),
            json!({"sheets": [{"properties": {"title": "a"}}]})
        );
    }

    #[test]
    fn a_masked_field_that_is_not_given_is_removed_and_others_stay() {
        let mut cell = json!({"note": "n", "userEnteredFormat": {"textFormat": {"bold": true, "italic": true}}});
        let source = json!({"userEnteredFormat": {"textFormat": {}}});
        let mask = Mask::parse("note,userEnteredFormat.textFormat.bold").unwrap();
        mask.merge(cell.as_object_mut().unwrap(), source.as_object());
        assert_eq!(cell, json!({"userEnteredFormat": {"textFormat": {"italic": true}}}));
    }
}

//! Filter criteria: which rows a basic filter hides. Conditions that are not known hide nothing.

use serde_json::Value;

use super::{eval::Effective, model::Object};

pub struct Criterion {
    hidden: Vec<String>,
    condition: Option<(String, Vec<String>)>,
}

/// The criteria of a filter by column, from `filterSpecs` or the older `criteria`.
pub fn of(filter: &Object) -> Vec<(usize, Criterion)> {
    let specs = filter
        .get("filterSpecs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let specs = specs.filter_map(|spec| {
        let column = spec.get("columnIndex").and_then(Value::as_u64).unwrap_or(0);
        Some((
            usize::try_from(column).ok()?,
            Criterion::of(spec.get("filterCriteria")?),
        ))
    });
    let older = filter.get("criteria").and_then(Value::as_object).into_iter().flatten();
    let older = older.filter_map(|(column, criterion)| Some((column.parse().ok()?, Criterion::of(criterion))));
    specs.chain(older).collect()
}

impl Criterion {
    fn of(criterion: &Value) -> Self {
        let texts = |list: Option<&Value>| -> Vec<String> {
            let list = list.and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let condition = criterion.get("condition").and_then(|condition| {
            let values = condition.get("values").and_then(Value::as_array).into_iter().flatten();
            let values = values.filter_map(|value| value.get("userEnteredValue")?.as_str());
            Some((
                condition.get("type")?.as_str()?.to_owned(),
                values.map(str::to_owned).collect(),
            ))
        });
        Self {
            hidden: texts(criterion.get("hiddenValues")),
            condition,
        }
    }

    pub fn hides(&self, value: &Effective, text: &str) -> bool {
        let met = self
            .condition
            .as_ref()
            .is_none_or(|(kind, values)| meets(kind, values, value, text));
        !met || self.hidden.iter().any(|hidden| hidden == text)
    }
}

fn meets(kind: &str, values: &[String], value: &Effective, text: &str) -> bool {
    let first = values.first().map(String::as_str).unwrap_or_default();
    let number = match value {
        Effective::Number(number) => Some(*number),
        _ => None,
    };
    let bound = |at: usize| values.get(at).and_then(|text| text.parse::<f64>().ok());
    let compared = |holds: fn(f64, f64) -> bool| match (number, bound(0)) {
        (Some(number), Some(bound)) => holds(number, bound),
        _ => false,
    };
    let (folded, wanted) = (text.to_lowercase(), first.to_lowercase());
    match kind {
        "NUMBER_EQ" => compared(|a, b| a == b),
        "NUMBER_NOT_EQ" => compared(|a, b| a != b),
        "NUMBER_GREATER" => compared(|a, b| a > b),
        "NUMBER_GREATER_THAN_EQ" => compared(|a, b| a >= b),
        "NUMBER_LESS" => compared(|a, b| a < b),
        "NUMBER_LESS_THAN_EQ" => compared(|a, b| a <= b),
        "TEXT_EQ" => folded == wanted,
        "TEXT_NOT_EQ" => folded != wanted,
        "TEXT_CONTAINS" => folded.contains(&wanted),
        "TEXT_NOT_CONTAINS" => !folded.contains(&wanted),
        "TEXT_STARTS_WITH" => folded.starts_with(&wanted),
        "TEXT_ENDS_WITH" => folded.ends_with(&wanted),
        "BLANK" => text.is_empty(),
        "NOT_BLANK" => !text.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_hidden_by_values_and_by_conditions() {
        let filter = json!({"filterSpecs": [
            {"columnIndex": 1, "filterCriteria": {"hiddenValues": ["paid", ""]}},
            {"filterCriteria": {"condition": {"type": "NUMBER_GREATER", "values": [{"userEnteredValue": "2"}]}}},
        ]});
        let criteria = of(filter.as_object().unwrap());
        assert_eq!(criteria.iter().map(|(column, _)| *column).collect::<Vec<_>>(), [1, 0]);
        let text = |text: &str| Effective::Text(text.into());
        assert!(criteria[0].1.hides(&text("paid"), "paid"));
        assert!(!criteria[0].1.hides(&text("open"), "open"));
        assert!(criteria[1].1.hides(&Effective::Number(2.0), "2"));
        assert!(!criteria[1].1.hides(&Effective::Number(3.0), "3"));
        assert!(criteria[1].1.hides(&text("x"), "x"));
    }
}

//! Bytes of an answer → records. One odd value never fails its page: what a strict parser would refuse (half an emoji,
//! an infinite number) or silently change (an integer of twenty digits) is mended before parsing.

use std::borrow::Cow;

use serde_json::Value;

use crate::table::Record;

/// Why a body is no answer of the expected kind. Never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("JSON of another kind: {found} where {expected} was expected")]
    OtherKind {
        expected: &'static str,
        found: &'static str,
    },
}

/// The records of an answer.
#[derive(Debug, PartialEq)]
pub struct Decoded {
    pub records: Vec<Record>,
    /// Where texts were unreadable in part and now hold U+FFFD: index of the record and path of the field.
    pub mended: Vec<(usize, String)>,
}

/// An answer that is a list of objects.
pub fn list(body: &[u8]) -> Result<Decoded, Error> {
    let (value, mended) = parse(body)?;
    let Value::Array(items) = value else {
        return Err(other_kind("a list", &value));
    };
    let records = items
        .into_iter()
        .map(|item| match item {
            Value::Object(record) => Ok(record),
            other => Err(other_kind("a list of objects", &other)),
        })
        .collect::<Result<_, _>>()?;
    Ok(decoded(records, mended))
}

/// An answer that is one object.
pub fn object(body: &[u8]) -> Result<Decoded, Error> {
    match parse(body)? {
        (Value::Object(record), mended) => Ok(decoded(vec![record], mended)),
        (other, _) => Err(other_kind("one object", &other)),
    }
}

fn decoded(records: Vec<Record>, mended: bool) -> Decoded {
    let mut places = Vec::new();
    if mended {
        for (index, record) in records.iter().enumerate() {
            for (name, value) in record {
                find_replacement(value, name, &mut |path| places.push((index, path.to_owned())));
            }
        }
    }
    Decoded {
        records,
        mended: places,
    }
}

fn find_replacement(value: &Value, path: &str, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) if text.contains('\u{fffd}') => found(path),
        Value::Array(items) => items.iter().for_each(|item| find_replacement(item, path, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                find_replacement(value, &format!("{path}.{name}"), found);
            }
        }
        _ => {}
    }
}

fn other_kind(expected: &'static str, found: &Value) -> Error {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Error::OtherKind { expected, found }
}

fn parse(body: &[u8]) -> Result<(Value, bool), Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = String::from_utf8_lossy(body);
    let (mended, halves) = mend(&text);
    let value = serde_json::from_str(&mended).map_err(|error| Error::NotJson {
        line: error.line(),
        column: error.column(),
    })?;
    Ok((value, halves || matches!(text, Cow::Owned(_))))
}

/// Replaces halves of surrogate pairs by U+FFFD (the flag tells that there were some) and puts quotes around numbers
/// that a double cannot hold, so that they arrive as texts. Anything else, wrong JSON too, passes unchanged.
fn mend(json: &str) -> (Cow<'_, str>, bool) {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut halves = false;
    let mut at = 0;
    let mut in_string = false;
    while let Some(&byte) = bytes.get(at) {
        // the token that begins here and what stands for it, if not itself
        let (length, instead) = match byte {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => match code_unit(bytes, at) {
                Some(0xd800..=0xdbff) if matches!(code_unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => (12, None),
                Some(0xd800..=0xdfff) => {
                    halves = true;
                    (6, Some("\\ufffd".to_owned()))
                }
                _ => (2, None),
            },
            b'-' | b'0'..=b'9' | b'N' | b'I' if !in_string => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
                    .count();
                let token = &json[at..at + length];
                (length, (!is_exact(token)).then(|| format!("\"{token}\"")))
            }
            _ => (1, None),
        };
        if let Some(instead) = instead {
            out.push_str(&json[copied..at]);
            out.push_str(&instead);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return (json.into(), halves);
    }
    out.push_str(&json[copied..]);
    (out.into(), halves)
}

/// The UTF-16 unit that the escape at a place, `\u` and four hexadecimal digits, stands for.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    // from_str_radix would take a sign
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Whether serde_json reads a token as it is written: an integer of up to 64 bits or a finite double. Names that are no
/// numbers at all are left to its error, but for those that other languages' writers put into JSON.
fn is_exact(token: &str) -> bool {
    if ["NaN", "Infinity", "-Infinity"].contains(&token) {
        return false;
    }
    let digits = token.strip_prefix('-').unwrap_or(token);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
    }
    token.parse::<f64>().map_or(true, f64::is_finite)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::wedof::decode;

    fn comment(body: &str) -> (Value, Vec<(usize, String)>) {
        let decoded = list(body.as_bytes()).unwrap();
        (
            Value::Object(decoded.records.into_iter().next_back().unwrap()),
            decoded.mended,
        )
    }

    #[test]
    fn half_an_emoji_becomes_a_replacement_character_and_its_place_is_told() {
        let (record, mended) = comment(r#"[{"id":1},{"id":2,"a":{"comment":"x\ud83dy \ud83d\ude00 \udE00"}}]"#);
        assert_eq!(record["a"]["comment"], "x\u{fffd}y 😀 \u{fffd}");
        assert_eq!(mended, [(1, "a.comment".to_owned())]);
    }

    #[test]
    fn a_backslash_before_the_letter_u_is_no_escape() {
        let (record, mended) = comment(r#"[{"c":"\\ud83d \"\\\" \u00e9"}]"#);
        assert_eq!(record["c"], r#"\ud83d "\" é"#);
        assert_eq!(mended, []);
    }

    #[rstest]
    #[case("1e999", json!("1e999"))]
    #[case("-1e999", json!("-1e999"))]
    #[case("NaN", json!("NaN"))]
    #[case("-Infinity", json!("-Infinity"))]
    #[case("123456789012345678901", json!("123456789012345678901"))]
    #[case("18446744073709551615", json!(u64::MAX))]
    #[case("1e308", json!(1e308))]
    #[case("0.1", json!(0.1))]
    #[case("9007199254740991.0", json!(9_007_199_254_740_991.0))]
    #[case("\"N1 -1e999\"", json!("N1 -1e999"))]
    fn a_number_that_no_cell_can_hold_arrives_as_text(#[case] written: &str, #[case] read: Value) {
        assert_eq!(
            comment(&format!(r#"[{{"a":{written},"b":[{written}]}}]"#)).0["b"][0],
            read
        );
    }

    #[test]
    fn a_byte_order_mark_and_another_encoding_are_read() {
        assert_eq!(
            list(b"\xef\xbb\xbf[]"),
            Ok(Decoded {
                records: vec![],
                mended: vec![]
            })
        );
        let latin1 = list(b"[{\"c\":\"\xe9t\xe9\"}]").unwrap();
        assert_eq!(latin1.records[0]["c"], "\u{fffd}t\u{fffd}");
        assert_eq!(latin1.mended.len(), 1);
    }

    #[rstest]
    #[case("<html><body>Durand</body></html>")]
    #[case("[{\"lastName\":\"Durand\"")]
    #[case("")]
    #[case("[{\"a\":-}]")]
    #[case("[{\"lastName\":Durand}]")]
    fn what_is_no_json_is_an_error_that_quotes_nothing(#[case] body: &str) {
        let error = list(body.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::NotJson { .. }), "{error}");
        assert!(!error.to_string().contains("Durand"), "{error}");
    }

    #[test]
    fn json_of_another_kind_is_an_error() {
        assert_eq!(
            list(b"{}").unwrap_err().to_string(),
            "JSON of another kind: an object where a list was expected"
        );
        assert!(list(b"[1]").is_err());
        assert!(object(b"[]").is_err());
    }

    mod properties {
        include!(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/properties.rs"));
    }

    #[test]
    fn what_fuzzing_has_met_so_far_is_decoded_as_promised() {
        let corpus = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/decode")).unwrap();
        let mut met = 0;
        for file in corpus {
            properties::check(&std::fs::read(file.unwrap().path()).unwrap());
            met += 1;
        }
        assert!(met >= 12, "{met}");
    }

    proptest! {
        #[test]
        fn json_that_can_be_read_is_not_touched(text in ".*", number in any::<f64>(), integer in any::<i64>()) {
            let written = json!([{ "text": text, "number": number, "integer": integer, "nested": [{ "a": null }] }]).to_string();
            prop_assert_eq!(mend(&written), (Cow::Borrowed(written.as_str()), false));
        }

        #[test]
        fn mending_never_panics(body in prop::collection::vec(any::<u8>(), 0..64), json in r#"[\[\]{}"\\ud8e0-9N,:é.]{0,40}"#) {
            let _ = list(&body);
            let _ = list(json.as_bytes());
        }
    }
}

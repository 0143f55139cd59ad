// What holds for any bytes that Wedof may answer. Shared by the fuzz target and the test that replays its corpus.

use serde_json::Value;

use super::decode::{list, object};

/// Panics if the decoder breaks one of its promises on these bytes.
pub fn check(body: &[u8]) {
    let decoded = list(body);
    // whatever a strict reader accepts is accepted
    if let Ok(Value::Array(items)) = serde_json::from_slice::<Value>(body)
        && items.iter().all(Value::is_object)
    {
        assert!(decoded.is_ok(), "{decoded:?}");
    }
    if let Ok(decoded) = decoded {
        assert!(decoded.mended.iter().all(|(record, _)| *record < decoded.records.len()));
        // once mended, records are exact: they are read again as what they are, and nothing is left to mend
        let written = serde_json::to_vec(&decoded.records).unwrap_or_default();
        let again = list(&written);
        assert!(
            again.as_ref().is_ok_and(|again| again.records == decoded.records && again.mended.is_empty()),
            "{again:?}"
        );
    }
    let _ = object(body);
}

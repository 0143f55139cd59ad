//! What a container left behind at its end, taken for what it is: a text of somebody else, who may want to break or flood
//! what reads it. A report is believed only if it is one of this version; of its parts only known names, bounded texts without
//! control characters, and numbers that can be. Pure.

use std::collections::HashSet;

use serde::Deserialize;

use crate::{
    failure,
    report::{MAX_BYTES, ResourceReport, RunReport, VERSION},
    spec::ResourceName,
};

/// The most characters of a text from outside in a status.
const MAX_TEXT: usize = 1000;
/// The most characters of a tab's title.
const MAX_TITLE: usize = 100;

/// A termination message as a report, or in words what it is instead.
pub fn report(message: &str) -> Result<RunReport, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let message = message.trim();
    if message.len() > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes, which no report has"));
    }
    match serde_json::from_str(message) {
        Ok(Versioned { version: VERSION }) => {}
        Ok(Versioned { version }) => {
            return Err(format!(
                "a report of version {version}, and this operator reads version {VERSION}: give the runs an image of its own release"
            ));
        }
        // of what is too long the kubelet keeps the end
        Err(_) if !message.starts_with('{') && message.ends_with('}') => {
            return Err("a report without its beginning".into());
        }
        Err(error) if error.is_eof() => return Err("a report without its end".into()),
        Err(_) => return Err("no report".into()),
    }
    let report = serde_json::from_str(message).map_err(|_| "a report with parts that cannot be")?;
    Ok(believed(report))
}

/// What of a report is taken over.
fn believed(report: RunReport) -> RunReport {
    let RunReport {
        version,
        outcome,
        reason,
        message,
        rows,
        added,
        updated,
        removed,
        kept,
        wedof_requests,
        sheets_requests,
        mut resources,
        truncated,
    } = report;
    let mut seen = HashSet::new();
    resources.retain(|resource| is_resource(&resource.name) && seen.insert(resource.name.clone()));
    RunReport {
        version,
        outcome,
        reason: reason.filter(|reason| failure::reason::ALL.contains(&reason.as_str())),
        message: said(message),
        rows: rows.max(0),
        added: added.max(0),
        updated: updated.max(0),
        removed: removed.max(0),
        kept: kept.max(0),
        wedof_requests: wedof_requests.max(0),
        sheets_requests: sheets_requests.max(0),
        resources: resources.into_iter().map(believed_resource).collect(),
        truncated,
    }
}

fn believed_resource(resource: ResourceReport) -> ResourceReport {
    let ResourceReport {
        name,
        tab,
        outcome,
        rows,
        added,
        updated,
        removed,
        kept,
        message,
    } = resource;
    ResourceReport {
        name,
        tab: cut(&tab, MAX_TITLE),
        outcome,
        rows: rows.max(0),
        added: added.max(0),
        updated: updated.max(0),
        removed: removed.max(0),
        kept: kept.max(0),
        message: said(message),
    }
}

/// A text of a report, if there is anything in it to be shown.
fn said(text: Option<String>) -> Option<String> {
    text.map(|text| clean(&text)).filter(|text| !text.is_empty())
}

fn is_resource(name: &str) -> bool {
    ResourceName::ALL.iter().any(|known| known.as_str() == name)
}

/// A text from outside, fit for a terminal: only what can be shown, white space as single spaces, not too long.
pub fn clean(text: &str) -> String {
    cut(text, MAX_TEXT)
}

/// Whether a character can be shown: no control character, nor one that turns the direction of writing or is not seen.
pub fn can_be_shown(c: char) -> bool {
    !(c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'))
}

fn cut(text: &str, limit: usize) -> String {
    let shown = text.chars().filter(|c| c.is_whitespace() || can_be_shown(*c));
    // what comes from outside may be long: no more of it is looked at than can be shown
    let bounded: String = shown.take(4 * limit).collect();
    let mut text = bounded.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(limit) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const IMPOSSIBLE: &str = "a report with parts that cannot be";

    fn message(changes: Value) -> String {
        let mut report = json!({"version": 1, "outcome": "Failed", "rows": 1, "added": 1, "updated": 0, "removed": 0, "kept": 0,
            "wedofRequests": 1, "sheetsRequests": 0, "resources": []});
        for (key, value) in changes.as_object().unwrap() {
            report[key] = value.clone();
        }
        report.to_string()
    }

    fn resource(name: &str, tab: &str) -> Value {
        json!({"name": name, "tab": tab, "outcome": "Synced", "rows": 1, "added": 1, "updated": 0, "removed": 0})
    }

    #[test]
    fn what_could_harm_a_terminal_is_taken_out() {
        let report = report(&message(
            json!({"message": "one\u{1b}[31m\ntwo\u{202e}\0\u{9b}1m\u{feff}\u{61c}!"}),
        ))
        .unwrap();
        assert_eq!(report.message.as_deref(), Some("one[31m two1m!"));
    }

    #[test]
    fn numbers_below_nothing_are_nothing_and_the_greatest_are_kept() {
        let report = report(&message(json!({"rows": -4, "added": i64::MAX}))).unwrap();
        assert_eq!((report.rows, report.added), (0, i64::MAX));
    }

    #[test]
    fn only_resources_and_reasons_that_exist_are_believed_and_each_once() {
        let resources = json!([
            resource("organisms", "T"),
            resource("organisms", "again"),
            resource("evil", "T"),
            resource("users", &"x".repeat(3000))
        ]);
        let report = report(&message(json!({"reason": "Bad reason", "resources": resources}))).unwrap();
        assert_eq!(report.reason, None);
        let told: Vec<_> = report
            .resources
            .iter()
            .map(|r| (r.name.as_str(), r.tab.chars().count()))
            .collect();
        assert_eq!(told, [("organisms", 1), ("users", MAX_TITLE + 1)]);
    }

    #[rstest]
    #[case::cut_at_the_front(&message(json!({}))[9..], "a report without its beginning")]
    #[case::cut_at_the_end(&message(json!({}))[..40], "a report without its end")]
    #[case::kubernetes_own("The container could not be located when the pod was deleted.", "no report")]
    #[case::nothing("", "a report without its end")]
    #[case::a_list("[]", "no report")]
    #[case::a_list_that_is_no_report(r#"[{"version":1}]"#, "no report")]
    #[case::half(r#"{"version":1}"#, IMPOSSIBLE)]
    #[case::huge_number(&message(json!({"rows": 1})).replace("\"rows\":1", "\"rows\":1e999"), IMPOSSIBLE)]
    #[case::beyond_whole_numbers(&message(json!({"rows": u64::MAX})), IMPOSSIBLE)]
    #[case::a_fraction(&message(json!({"rows": 1.5})), IMPOSSIBLE)]
    #[case::wrong_type(&message(json!({"rows": "many"})), IMPOSSIBLE)]
    #[case::wrong_type_within(&message(json!({"resources": [7]})), IMPOSSIBLE)]
    #[case::another_outcome(&message(json!({"outcome": "Splendid"})), IMPOSSIBLE)]
    #[case::another_version(&message(json!({"version": 2})), "a report of version 2, and this operator reads version 1")]
    #[case::no_version(r#"{"outcome":"Failed"}"#, "no report")]
    #[case::as_deep_as_it_gets(&"[".repeat(4096), "no report")]
    #[case::junk(&"\u{0}\u{1b}".repeat(2048), "no report")]
    #[case::too_long(&message(json!({"message": "x".repeat(5000)})), "more than 4096 bytes")]
    fn what_is_no_report_is_told_for_what_it_is(#[case] message: &str, #[case] says: &str) {
        let told = report(message).unwrap_err();
        assert!(told.contains(says), "{told}");
    }

    #[test]
    fn thousands_of_resources_leave_no_more_than_there_are() {
        let many = r#"{"name":"organisms","tab":"","outcome":"Synced","rows":1,"added":0,"updated":0,"removed":0}"#;
        let many = [many; 38].join(",");
        let text = message(json!({})).replace("\"resources\":[]", &format!("\"resources\":[{many}]"));
        assert!(text.len() <= MAX_BYTES);
        assert_eq!(report(&text).unwrap().resources.len(), 1);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(clean(&"é".repeat(5000)).chars().count(), MAX_TEXT + 1);
    }

    proptest! {
        #[test]
        fn whatever_a_pod_says_comes_out_short_and_printable(said in "\\PC*|.*", reason in ".*", tab in ".*") {
            let _ = report(&said);
            let text = message(json!({"message": said, "reason": reason, "resources": [resource("organisms", &tab)]}));
            if let Ok(report) = report(&text) {
                for text in [report.message.unwrap_or_default(), report.resources[0].tab.clone()] {
                    prop_assert!(text.chars().count() <= MAX_TEXT + 1);
                    prop_assert!(text.chars().all(|c| !c.is_control()));
                }
            }
        }
    }
}

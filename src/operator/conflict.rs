//! Two objects, one tab: in words, for the author of the one that has to wait. Pure; `index` says which one that is.

use super::{
    index::{Key, Same},
    names::reason,
    validate::Problem,
};
use crate::spec::ResourceSpec;

/// `tab` of an object in `namespace` is filled by another object.
pub fn problem(namespace: &str, tab: &ResourceSpec, same: Same, other: &Key) -> Problem {
    // names of other namespaces are nobody's business
    let whose = if other.namespace == namespace {
        format!("WedofSheetSync {}", other.name)
    } else {
        "an object of another namespace".into()
    };
    let message = match same {
        Same::Title => format!(
            "{whose} fills the tab `{}` of this spreadsheet already, and is older: give this one another tab, or delete the other",
            tab.title()
        ),
        Same::Resource => format!(
            "{whose} syncs {} into this spreadsheet already, and is older; a spreadsheet has one tab for each resource, \
             whatever its title: give this one another spreadsheet or leave the resource out, or delete the other",
            tab.name
        ),
    };
    Problem {
        reason: reason::TAB_CONFLICT,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn told(namespace: &str, same: Same) -> String {
        let other = Key {
            namespace: "centre".into(),
            name: "acme".into(),
        };
        let tab: ResourceSpec = serde_json::from_str(r#"{"name": "organisms", "tab": "Centre"}"#).unwrap();
        let Problem { reason, message } = problem(namespace, &tab, same, &other);
        assert_eq!(reason, "TabConflict");
        message
    }

    #[test]
    fn the_other_is_named_with_what_is_the_same_and_what_to_do() {
        let by_title = told("centre", Same::Title);
        assert!(
            by_title.starts_with("WedofSheetSync acme fills the tab `Centre` of this spreadsheet"),
            "{by_title}"
        );
        let by_resource = told("centre", Same::Resource);
        assert!(
            by_resource.starts_with("WedofSheetSync acme syncs organisms into this spreadsheet"),
            "{by_resource}"
        );
    }

    #[test]
    fn of_another_namespace_not_even_the_name_is_told() {
        for same in [Same::Title, Same::Resource] {
            let message = told("elsewhere", same);
            assert!(message.starts_with("an object of another namespace "), "{message}");
            assert!(!message.contains("acme") && !message.contains("centre "), "{message}");
        }
    }
}

//! What the operator may do on a cluster, and nothing else: the chart's roles say the same, which a test compares, and
//! `operator-check` asks the API server for each.

/// Verbs on one kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    pub group: &'static str,
    /// With its subresource, as in a role: `cronjobs/status`.
    pub resource: &'static str,
    pub verbs: &'static [&'static str],
}

const fn right(group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Right {
    Right { group, resource, verbs }
}

/// In every namespace whose objects are handled. No Secret is read and no spec written.
pub const WATCHED: &[Right] = &[
    right("wedofsheetsync.dev", "wedofsheetsyncs", &["list", "watch"]),
    right("wedofsheetsync.dev", "wedofsheetsyncs/status", &["patch"]),
    // an apply that creates needs both create and patch; the API server asks for delete when the owner reference of
    // an existing CronJob changes
    right(
        "batch",
        "cronjobs",
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    // our own Jobs are entered in its list of active ones
    right("batch", "cronjobs/status", &["patch"]),
    // patch: a Job that has to wait for another run is suspended
    right("batch", "jobs", &["list", "watch", "create", "patch"]),
    right("", "pods", &["list", "watch"]),
    // list: the events of a Job without a pod say why there is none
    right("events.k8s.io", "events", &["create", "list"]),
];

/// On the Lease by which operators agree who works, in the operator's own namespace. A right to create cannot be limited
/// to one name.
pub const LEASE_CREATE: Right = right("coordination.k8s.io", "leases", &["create"]);
/// The same, on that Lease alone.
pub const LEASE: Right = right("coordination.k8s.io", "leases", &["get", "patch"]);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_chart_s_roles_grant_these_rights_and_no_others() {
        let helpers = include_str!("../../charts/wedof-sheet-sync/templates/_helpers.tpl");
        let (_, rules) = helpers.split_once(r#"{{- define "wss.rules" -}}"#).unwrap();
        let (rules, _) = rules.split_once("{{- end }}").unwrap();
        let rules: Vec<Value> = serde_saphyr::from_str(rules).unwrap();
        let expected: Vec<_> = WATCHED
            .iter()
            .map(|right| json!({"apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs}))
            .collect();
        assert_eq!(rules, expected);
    }
}

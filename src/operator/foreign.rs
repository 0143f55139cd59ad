//! What others have set in the spec of a CronJob of ours, by the API server's own record of who set what. Applying again
//! repairs what is ours and leaves such things where they are, so people should know of them. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};

use super::{names, reported::clean};

/// The most that are named.
const MAX_NAMED: usize = 8;

/// Paths of the fields, such as `containers[miner]` or `hostNetwork`, relative to the pod's spec if they are in it.
pub fn fields(meta: &ObjectMeta) -> Vec<String> {
    let mut paths = Vec::new();
    let others = meta.managed_fields.iter().flatten().filter(|entry| {
        let manager = entry.manager.as_deref().unwrap_or_default();
        // what controllers set lies in the status, a subresource
        entry.subresource.is_none() && ![names::MANAGER, names::MANAGER_SUSPEND].contains(&manager)
    });
    for entry in others {
        if let Some(Value::Object(spec)) = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:spec")) {
            collect(spec, "", &mut paths);
        }
    }
    paths.sort();
    paths.dedup();
    let more = paths.len().saturating_sub(MAX_NAMED);
    paths.truncate(MAX_NAMED);
    if more > 0 {
        paths.push(format!("{more} more"));
    }
    paths
}

/// The topmost fields that somebody owns: of an item of a list that is theirs, not its parts.
fn collect(fields: &Map<String, Value>, path: &str, paths: &mut Vec<String>) {
    for (key, below) in fields {
        let Some(path) = step(path, key) else { continue };
        match below {
            Value::Object(below) if !below.is_empty() && !below.contains_key(".") => collect(below, &path, paths),
            _ => {
                let path = path.strip_prefix("jobTemplate.spec.template.spec.").unwrap_or(&path);
                paths.push(clean(path));
            }
        }
    }
}

/// One step down: `f:` a field, `k:` an item by its keys, `v:` an item by its value, `i:` by its place.
fn step(path: &str, key: &str) -> Option<String> {
    let (kind, rest) = key.split_once(':')?;
    if kind != "f" {
        let keys: Option<Map<String, Value>> = serde_json::from_str(rest).ok();
        let item = match keys {
            Some(keys) => {
                let values = keys
                    .values()
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                values.collect::<Vec<_>>().join(" ")
            }
            None => rest.to_owned(),
        };
        return Some(format!("{path}[{item}]"));
    }
    Some(if path.is_empty() {
        rest.to_owned()
    } else {
        format!("{path}.{rest}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(entries: Value) -> Vec<String> {
        fields(&serde_json::from_value(json!({"managedFields": entries})).unwrap())
    }

    fn pod(fields: Value) -> Value {
        json!({"f:spec": {"f:jobTemplate": {"f:spec": {"f:template": {"f:spec": fields}}}}})
    }

    #[test]
    fn what_others_set_is_named_and_what_we_or_controllers_set_is_not() {
        let miner = json!({".": {}, "f:name": {}, "f:image": {}});
        let variable = json!({"f:env": {"k:{\"name\":\"RUST_BACKTRACE\"}": {".": {}, "f:name": {}, "f:value": {}}}});
        let theirs = json!({"f:hostNetwork": {}, "f:containers": {"k:{\"name\":\"miner\"}": miner, "k:{\"name\":\"sync\"}": variable}});
        let ours = pod(json!({"f:enableServiceLinks": {}}));
        let ttl = json!({"f:metadata": {"f:labels": {"f:team": {}}}, "f:spec": {"f:jobTemplate": {"f:spec": {"f:ttlSecondsAfterFinished": {}}}}});
        let named = of(json!([
            {"manager": "wedof-sheet-sync", "operation": "Apply", "fieldsV1": ours},
            {"manager": "wedof-sheet-sync-suspend", "operation": "Apply", "fieldsV1": {"f:spec": {"f:suspend": {}}}},
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": pod(theirs)},
            {"manager": "other", "operation": "Update", "fieldsV1": ttl},
        ]));
        let wanted = [
            "containers[miner]",
            "containers[sync].env[RUST_BACKTRACE]",
            "hostNetwork",
            "jobTemplate.spec.ttlSecondsAfterFinished",
        ];
        assert_eq!(named, wanted);
    }

    #[test]
    fn many_are_not_all_named_and_no_name_can_harm_a_terminal() {
        let variables: Map<String, Value> = (0..50)
            .map(|number| (format!("k:{{\"name\":\"V{number}\\u001b[31m\"}}"), json!({".": {}})))
            .collect();
        let named = of(json!([{"manager": "x", "fieldsV1": pod(json!({"f:containers": variables}))}]));
        assert_eq!((named.len(), named[MAX_NAMED].as_str()), (MAX_NAMED + 1, "42 more"));
        assert_eq!(named[0], "containers[V0[31m]");
    }

    #[test]
    fn without_a_record_nothing_is_claimed() {
        assert_eq!(fields(&ObjectMeta::default()), Vec::<String>::new());
        assert_eq!(
            of(json!([{"manager": "x"}, {"manager": "y", "fieldsV1": {"f:spec": 7, "odd": {}}}])),
            Vec::<String>::new()
        );
    }
}

//! Numbers of each object, read from the store when they are asked for. Nothing is kept between two scrapes.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::{DeserializeGuard, ObjectMeta};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, metrics::MetricType, registry::Unit};

use crate::{
    api::{RunState, WedofSheetSync, WedofSheetSyncStatus},
    operator::{names::condition, stage::Stages, status},
};

/// Whether this replica is the one that works.
#[derive(Debug)]
pub struct Leading(pub Stages);

impl Collector for Leading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 if this replica is the one that works, 0 if it stands by.";
        let mut gauge = encoder.encode_descriptor("leader", help, None, MetricType::Gauge)?;
        gauge.encode_gauge(&i64::from(self.0.now().leads()))
    }
}

/// Numbers of the objects; none from a replica that stands by.
#[derive(Debug)]
pub struct Objects(pub Stages);

/// An object as far as it can be read.
struct View<'a> {
    meta: &'a ObjectMeta,
    object: Option<&'a WedofSheetSync>,
    status: Option<&'a WedofSheetSyncStatus>,
}

impl<'a> View<'a> {
    fn of(guard: &'a DeserializeGuard<WedofSheetSync>) -> Self {
        let object = guard.0.as_ref();
        Self {
            meta: object.map_or_else(|invalid| &invalid.metadata, |object| &object.metadata),
            object: object.ok(),
            status: object.ok().and_then(|object| object.status.as_ref()),
        }
    }

    fn labels(&self) -> [(&'static str, &'a str); 2] {
        [
            ("namespace", self.meta.namespace.as_deref().unwrap_or_default()),
            ("name", self.meta.name.as_deref().unwrap_or_default()),
        ]
    }

    fn holds(&self, kind: &str) -> bool {
        let condition = self.status.and_then(|status| status::get(status, kind));
        condition.is_some_and(|condition| condition.status == "True")
    }

    fn seconds(&self, time: fn(&WedofSheetSyncStatus) -> &Option<Time>) -> Option<i64> {
        self.status
            .and_then(|status| time(status).as_ref())
            .map(|time| time.0.as_second())
    }
}

/// Name, help, unit and value, if the object has one.
type Number = (&'static str, &'static str, Option<Unit>, fn(&View) -> Option<i64>);

const NUMBERS: [Number; 10] = [
    (
        "ready",
        "1 if the spec is valid and its CronJob in place (condition Ready)",
        None,
        |object| Some(object.holds(condition::READY).into()),
    ),
    (
        "stalled",
        "1 if only the author of the object can mend it (condition Stalled), or it cannot be read at all",
        None,
        |object| Some((object.object.is_none() || object.holds(condition::STALLED)).into()),
    ),
    ("suspended", "1 if spec.suspend stops the schedule", None, |object| {
        object.object.map(|object| object.spec.suspend.into())
    }),
    ("running", "1 while a run is going", None, |object| {
        let last = object.status.and_then(|status| status.last_run.as_ref());
        Some(last.is_some_and(|run| run.outcome == RunState::Running).into())
    }),
    (
        "consecutive_failures",
        "Finished runs since the last good one that failed in whole or in part",
        None,
        |object| {
            object
                .status
                .map(|status| status.consecutive_failures.unwrap_or_default().into())
        },
    ),
    (
        "last_success_timestamp",
        "When the last good run ended, in seconds since 1970; absent before the first",
        Some(Unit::Seconds),
        |object| object.seconds(|status| &status.last_success_time),
    ),
    (
        "fresh_until_timestamp",
        "The first time of the schedule after the last good run, in seconds since 1970; absent while suspended or not ready",
        Some(Unit::Seconds),
        |object| object.seconds(|status| &status.fresh_until),
    ),
    (
        "next_schedule_timestamp",
        "The next time of the schedule, in seconds since 1970; absent while suspended or not ready",
        Some(Unit::Seconds),
        |object| object.seconds(|status| &status.next_schedule_time),
    ),
    (
        "last_run_timestamp",
        "When the last finished run ended, in seconds since 1970",
        Some(Unit::Seconds),
        |object| Some(object.status?.last_recorded_run.as_ref()?.completion_time.0.as_second()),
    ),
    (
        "last_run_duration",
        "How long the last finished run took, all attempts together",
        Some(Unit::Seconds),
        |object| object.status?.last_recorded_run.as_ref()?.duration_seconds,
    ),
];

fn word(outcome: RunState) -> &'static str {
    match outcome {
        RunState::Running => "Running",
        RunState::Succeeded => "Succeeded",
        RunState::Partial => "Partial",
        RunState::Failed => "Failed",
        RunState::Unknown => "Unknown",
    }
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(store) = self.0.now().into_store() else {
            return Ok(());
        };
        let objects = store.state();
        let views = || objects.iter().map(|object| View::of(object));
        for (name, help, unit, value) in &NUMBERS {
            let mut family = encoder.encode_descriptor(name, &format!("{help}."), unit.as_ref(), MetricType::Gauge)?;
            for view in views() {
                if let Some(value) = value(&view) {
                    family.encode_family(&view.labels())?.encode_gauge(&value)?;
                }
            }
        }
        let help = "1 for the outcome of the last finished run: Succeeded, Partial, Failed or Unknown.";
        let mut family = encoder.encode_descriptor("last_run_outcome", help, None, MetricType::Gauge)?;
        for view in views() {
            let recorded = view.status.and_then(|status| status.last_recorded_run.as_ref());
            if let Some(outcome) = recorded.and_then(|recorded| recorded.outcome) {
                let [namespace, name] = view.labels();
                let labels = [namespace, name, ("outcome", word(outcome))];
                family.encode_family(&labels)?.encode_gauge(&1i64)?;
            }
        }
        let help = "Records of a resource in its tab after its last good sync.";
        let mut family = encoder.encode_descriptor("rows", help, None, MetricType::Gauge)?;
        for view in views() {
            let [namespace, name] = view.labels();
            for resource in view.status.into_iter().flat_map(|status| &status.resources) {
                let labels = [namespace, name, ("resource", resource.name.as_str())];
                family.encode_family(&labels)?.encode_gauge(&resource.rows)?;
            }
        }
        Ok(())
    }
}

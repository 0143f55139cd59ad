//! Numbers of each object, read from the store when they are asked for. Nothing is kept between two scrapes. Objects are
//! decoded one after the other, once a scrape, and only the numbers of all are held at one time.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, core::ObjectMeta};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, metrics::MetricType, registry::Unit};

use crate::{
    api::{RunState, WedofSheetSync, WedofSheetSyncStatus},
    operator::{names::condition, object::Object, stage::Stages, status},
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
    object: Option<&'a WedofSheetSync>,
    status: Option<&'a WedofSheetSyncStatus>,
}

impl View<'_> {
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
        |object| Some((object.object.is_some() && object.holds(condition::READY)).into()),
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

/// What is told of one object.
struct Numbers<'a> {
    meta: &'a ObjectMeta,
    values: [Option<i64>; NUMBERS.len()],
    outcome: Option<RunState>,
    rows: Vec<(String, i64)>,
}

impl<'a> Numbers<'a> {
    fn of(object: &'a Object) -> Self {
        let mut decoded = object.decode().ok();
        // what is known of one whose spec cannot be read goes on being told: its data grow stale
        let status = match &mut decoded {
            Some(decoded) => decoded.status.take(),
            None => object.status().ok().flatten(),
        };
        let status = status.as_ref();
        let view = View {
            object: decoded.as_ref(),
            status,
        };
        let resources = status.into_iter().flat_map(|status| &status.resources);
        Self {
            meta: object.meta(),
            values: NUMBERS.map(|(_, _, _, value)| value(&view)),
            outcome: status.and_then(|status| status.last_recorded_run.as_ref()?.outcome),
            rows: resources
                .map(|resource| (resource.name.clone(), resource.rows))
                .collect(),
        }
    }

    fn labels(&self) -> [(&'static str, &'a str); 2] {
        [
            ("namespace", self.meta.namespace.as_deref().unwrap_or_default()),
            ("name", self.meta.name.as_deref().unwrap_or_default()),
        ]
    }
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(store) = self.0.now().into_store() else {
            return Ok(());
        };
        let objects = store.state();
        let all: Vec<_> = objects.iter().map(|object| Numbers::of(object)).collect();
        for (index, (name, help, unit, _)) in NUMBERS.iter().enumerate() {
            let mut family = encoder.encode_descriptor(name, &format!("{help}."), unit.as_ref(), MetricType::Gauge)?;
            for numbers in &all {
                if let Some(value) = numbers.values[index] {
                    family.encode_family(&numbers.labels())?.encode_gauge(&value)?;
                }
            }
        }
        let help = "1 for the outcome of the last finished run: Succeeded, Partial, Failed or Unknown.";
        let mut family = encoder.encode_descriptor("last_run_outcome", help, None, MetricType::Gauge)?;
        for numbers in &all {
            if let Some(outcome) = numbers.outcome {
                let [namespace, name] = numbers.labels();
                let labels = [namespace, name, ("outcome", outcome.as_str())];
                family.encode_family(&labels)?.encode_gauge(&1i64)?;
            }
        }
        let help = "Records of a resource in its tab after its last good sync.";
        let mut family = encoder.encode_descriptor("rows", help, None, MetricType::Gauge)?;
        for numbers in &all {
            let [namespace, name] = numbers.labels();
            for (resource, rows) in &numbers.rows {
                let labels = [namespace, name, ("resource", resource.as_str())];
                family.encode_family(&labels)?.encode_gauge(rows)?;
            }
        }
        Ok(())
    }
}

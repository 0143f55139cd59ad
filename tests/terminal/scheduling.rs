//! `scheduler`: the loop with real syncs and a fast clock, and the program itself.

use std::{
    process::Stdio,
    sync::Mutex,
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr},
};
use wedof_sheet_sync::{
    config::{Config, Environment, Overrides},
    failure::Failure,
    progress::Progress,
    report::{RunOutcome, RunReport},
    scheduler::{Clock, Ran, Rule, Watch, run},
    sync::{self, Ended, Options, Stop},
};

use crate::world::{FOLDERS, World, terminate};

/// A clock whose sleeps take no time.
struct FastClock(Mutex<Timestamp>);

impl FastClock {
    fn at(text: &str) -> Self {
        Self(Mutex::new(text.parse().unwrap()))
    }

    /// The machine sleeps, or somebody sets the clock.
    fn jump(&self, to: &str) {
        *self.0.lock().unwrap() = to.parse().unwrap();
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        assert!(
            time <= Duration::from_secs(60),
            "the clock is looked at every minute at least"
        );
        *self.0.lock().unwrap() += time;
        tokio::task::yield_now().await;
    }
}

/// A scheduler with real syncs of the organism. Before each run, `before` hears its number; after the last one it ends.
/// Gives the local times at which runs started.
async fn days(
    world: &World,
    clock: &FastClock,
    time: &str,
    runs: usize,
    mut before: impl AsyncFnMut(usize),
) -> (Vec<String>, Watch) {
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let rule = Rule::daily(time, "SYNC_TIME", paris.clone()).unwrap();
    let (stop, watch) = (Stop::default(), Watch::default());
    let mut started = Vec::new();
    run(clock, &stop.token(), &watch, rule, async || {
        started.push(clock.now().to_zoned(paris.clone()).strftime("%a %d %H:%M").to_string());
        before(started.len()).await;
        let (report, code) = one(world, &stop).await;
        if started.len() == runs {
            stop.token().cancel();
        }
        Ran {
            report,
            code,
            rule: None,
        }
    })
    .await;
    (started, watch)
}

async fn one(world: &World, stop: &Stop) -> (RunReport, u8) {
    match config(world).await {
        Ok(config) => {
            let Ended { report, code, .. } =
                sync::run(&config, &Options::default(), stop, &Progress::new(false), |_| {}).await;
            (report, code)
        }
        Err(failure) => (RunReport::failed(&failure), failure.exit_code()),
    }
}

async fn config(world: &World) -> Result<Config, Failure> {
    let tenant = &world.running.tenants[0];
    let key = world.path("key.json");
    let environment = Environment::from([
        ("WEDOF_API_KEY", tenant.api_key.as_str()),
        ("GOOGLE_CREDENTIALS_PATH", key.to_str().unwrap()),
        ("GOOGLE_SPREADSHEET_ID", &tenant.spreadsheet_id),
        ("WEDOF_BASE_URL", &world.running.wedof_url),
        ("GOOGLE_SHEETS_BASE_URL", &world.running.sheets_url),
        ("WEDOF_SHEET_SYNC_CONFIG", "resources: [{name: organisms}]"),
        ("RETRY_DELAY", "0.001"),
    ]);
    Config::load(&environment, &Overrides::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_at_the_start_then_one_every_local_day_over_both_changes_of_the_clocks() {
    let world = World::new(1).await;
    let spring = FastClock::at("2026-03-27T15:00:00Z");
    let (started, watch) = days(&world, &spring, "02:30", 4, async |_| {}).await;
    assert_eq!(
        started,
        ["Fri 27 16:00", "Sat 28 02:30", "Sun 29 03:30", "Mon 30 02:30"]
    );
    assert_eq!(watch.last_run().unwrap().outcome, RunOutcome::Succeeded);
    assert_eq!(world.values("Organisms").len(), 2);

    let autumn = FastClock::at("2026-10-24T15:00:00Z");
    let (started, _) = days(&world, &autumn, "02:30", 4, async |_| {}).await;
    assert_eq!(
        started,
        ["Sat 24 17:00", "Sun 25 02:30", "Mon 26 02:30", "Tue 27 02:30"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_a_machine_slept_through_are_caught_up_once() {
    let world = World::new(1).await;
    let clock = FastClock::at("2026-06-01T06:00:00Z");
    let (started, _) = days(&world, &clock, "09:00", 4, async |number| {
        if number == 2 {
            // a run that takes longer than its slot, the lid closed in its middle
            clock.jump("2026-06-05T10:00:00Z");
        }
    })
    .await;
    assert_eq!(
        started,
        ["Mon 01 08:00", "Mon 01 09:00", "Fri 05 12:00", "Sat 06 09:00"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_broken_fails_a_run_and_a_mended_one_is_picked_up() {
    let world = World::new(1).await;
    let clock = FastClock::at("2026-06-01T06:00:00Z");
    let key = world.running.tenants[0].credentials.clone();
    let (started, watch) = days(&world, &clock, "09:00", 3, async |number| {
        let content = if number == 2 { "{}" } else { &key };
        world.write("key.json", content.as_bytes());
    })
    .await;
    assert_eq!(
        started,
        ["Mon 01 08:00", "Mon 01 09:00", "Tue 02 09:00"],
        "what needs a person is not tried again"
    );
    assert_eq!(watch.last_run().unwrap().outcome, RunOutcome::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_soon_and_not_for_ever() {
    let world = World::new(1).await;
    let clock = FastClock::at("2026-06-01T06:00:00Z");
    let (started, _) = days(&world, &clock, "09:00", 7, async |number| {
        if number == 2 {
            world
                .wedof_fault(json!({"path": "/api/", "times": 1000, "answer": {"status": 503}}))
                .await;
        }
    })
    .await;
    let expected = [
        "Mon 01 08:00",
        "Mon 01 09:00",
        "Mon 01 09:02",
        "Mon 01 09:12",
        "Mon 01 09:42",
        "Tue 02 09:00",
        "Tue 02 09:02",
    ];
    assert_eq!(started, expected);
}

#[tokio::test]
async fn a_run_that_panics_does_not_end_the_scheduler() {
    let clock = FastClock::at("2026-06-01T06:00:00Z");
    let rule = Rule::daily("09:00", "SYNC_TIME", TimeZone::UTC).unwrap();
    let (stop, watch) = (Stop::default(), Watch::default());
    let mut runs = 0;
    run(&clock, &stop.token(), &watch, rule, async || {
        runs += 1;
        if runs == 2 {
            stop.token().cancel();
            return Ran {
                report: RunReport::running("after the panic"),
                code: 0,
                rule: None,
            };
        }
        panic!("a defect");
    })
    .await;
    assert_eq!(
        clock.now(),
        "2026-06-01T06:02:00Z".parse().unwrap(),
        "tried again after two minutes"
    );
    assert_eq!(watch.last_run().unwrap().message.as_deref(), Some("after the panic"));
}

/// The program `scheduler`, and what it logs.
struct Scheduler {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    seen: Vec<String>,
}

impl Scheduler {
    fn start(world: &World, args: &[&str]) -> Self {
        let mut child = world
            .program(&[&["scheduler"], args].concat())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// The next line that holds a text.
    async fn line(&mut self, text: &str) -> String {
        loop {
            let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line());
            let line = line.await.expect("a line in time").unwrap();
            let line = line.unwrap_or_else(|| panic!("no `{text}` in {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    async fn terminate(&mut self) -> Option<i32> {
        terminate(&mut self.child).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_an_env_file_are_all_that_a_scheduler_needs() {
    let world = World::new(3).await;
    world.write_env(
        &world.running.tenants[0].api_key,
        "SYNC_TIME=09:00\nHEALTH_ADDRESS=127.0.0.1:0\n",
    );
    let mut scheduler = Scheduler::start(&world, &[]);
    let line = scheduler.line("health endpoint: ").await;
    let url = line.split("endpoint: ").nth(1).unwrap().trim().to_owned();
    scheduler.line("a sync now, then daily at 09:00, Europe/Paris").await;
    scheduler.line("sync done: ").await;
    let next = scheduler.line("next sync: ").await;
    assert!(next.contains(" at 09:00 (Europe/Paris), in "), "{next}");
    assert_eq!(world.values(FOLDERS).len(), 4);

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let health: Value = answer.json().await.unwrap();
    assert_eq!(
        (&health["healthy"], &health["lastRun"]["outcome"]),
        (&json!(true), &json!("Succeeded"))
    );
    let next: Timestamp = health["nextRun"].as_str().unwrap().parse().unwrap();
    let next = next.to_zoned(TimeZone::get("Europe/Paris").unwrap());
    assert_eq!((next.hour(), next.minute()), (9, 0));
    assert!(next.timestamp() < Timestamp::now() + 25.hours());
    let ready = http.get(url.replace("healthz", "readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);

    let asked = Instant::now();
    assert_eq!(scheduler.terminate().await, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_a_run_waits_for_no_answer() {
    let world = World::new(3).await;
    world
        .wedof_fault(json!({"path": "/api/certificationFolders", "answer": {"delayMs": 60_000}}))
        .await;
    let mut scheduler = Scheduler::start(&world, &["--time", "23:59"]);
    scheduler.line("Registration Folders: 3 rows").await;
    let asked = Instant::now();
    assert_eq!(scheduler.terminate().await, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));
    scheduler.line("stopped").await;
    assert_eq!(world.values(FOLDERS).len(), 4, "what is written is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_brings_its_own_schedule_and_zone() {
    let world = World::new(1).await;
    let manifest = json!({
        "apiVersion": "wedofsheetsync.dev/v1alpha1",
        "kind": "WedofSheetSync",
        "metadata": {"name": "acme", "namespace": "centre-acme"},
        "spec": {
            "schedule": "H 7 * * *",
            "timeZone": "America/Martinique",
            "spreadsheetId": world.running.tenants[0].spreadsheet_id,
            "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
            "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
            "resources": [{"name": "organisms"}],
        },
    });
    world.write("acme.json", manifest.to_string().as_bytes());
    let mut scheduler = Scheduler::start(&world, &["--config", "acme.json"]);
    scheduler.line("then by schedule `H 7 * * *`, here `").await;
    let next = scheduler.line("next sync: ").await;
    assert!(
        next.contains(" at 07:") && next.contains("(America/Martinique)"),
        "{next}"
    );
    assert_eq!(scheduler.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_are_none_are_refused_before_any_request() {
    let world = World::new(1).await;
    let key = &world.running.tenants[0].api_key;
    for (more, says) in [
        (
            "SYNC_TIME=9h00\n",
            "SYNC_TIME: `9h00` is no time of day: write it as HH:MM",
        ),
        ("SYNC_SCHEDULE='0 0 30 2 *'\n", "SYNC_SCHEDULE: no date ever matches"),
        ("SYNC_TIME=09:00\nSYNC_SCHEDULE=@daily\n", "are both set"),
        ("HEALTH_ADDRESS=8080\n", "HEALTH_ADDRESS: `8080` is no address"),
        ("TZ=Europe/Pariss\n", "TZ: `Europe/Pariss` is no time zone"),
    ] {
        world.write_env(key, more);
        let output = world.program(&["scheduler"]).output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
    assert_eq!(world.running.wedof_requests().total, 0);
}

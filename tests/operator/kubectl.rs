//! `kubectl wss` and `run`, `status`, `logs` where no kubelet is: what they tell of the object, and with which rights.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use k8s_openapi::api::rbac::v1::Role;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use wedof_sheet_sync::api::WedofSheetSync;

use super::{
    World,
    programs::{self, Ended},
    world::{next_second, report},
};

fn wss(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(programs::named("kubectl-wss"));
    command.args(arguments);
    if !arguments.contains(&"--all-namespaces") {
        command.args(["--namespace", &world.namespace]);
    }
    command
}

async fn ended(command: Command) -> (i32, String, String) {
    let Ended { code, out, err } = programs::ended(command).await;
    (code, out, err)
}

/// Runs a command while the test goes on, which it does when the command says these words.
async fn saying(world: &World, command: Command, words: &'static str) -> JoinHandle<Ended> {
    let said = Arc::new(AtomicBool::new(false));
    let hears = said.clone();
    let following = tokio::spawn(programs::follow(command, move |line, _| {
        hears.fetch_or(line.contains(words), Ordering::Relaxed);
    }));
    let what = format!("the words {words:?}");
    world.until(&what, async || said.load(Ordering::Relaxed)).await;
    following
}

async fn wait_for_run(world: &World) -> String {
    let status = world
        .wait("acme", "a run", |status| status["lastRun"]["outcome"] == "Running")
        .await;
    status["lastRun"]["jobName"].as_str().unwrap().to_owned()
}

/// Runs of one object with every end: the exit code is the run's.
#[tokio::test]
async fn run_waits_and_ends_with_the_code_of_the_run() {
    let world = World::start("op-wss-run").await;
    world.apply("acme", json!({"runOnCreate": false, "job": {"backoffLimit": 0, "nodeSelector": {"wedofsheetsync.dev/nowhere": "true"}}})).await;
    world.wait_for("acme", "Ready", "True").await;
    let refused = json!({"reason": "WedofKeyRefused", "message": "Secret wedof, key api-key: Wedof refuses it"});
    let busy = json!({"reason": "WedofError", "message": "Wedof: 503"});
    for (exit_code, outcome, told, words) in [
        (0, "Succeeded", json!({"added": 250}), "Succeeded after "),
        (1, "Failed", busy, "WedofError: Wedof: 503\nA later run may succeed."),
        (
            2,
            "Failed",
            refused,
            "Wedof refuses it\nIt will fail again until somebody changes that.",
        ),
    ] {
        let following = tokio::spawn(ended(wss(&world, &["run", "acme", "--wait"])));
        let job = wait_for_run(&world).await;
        world.end_pod(&job, exit_code, &report(outcome, told)).await;
        let (code, out, err) = following.await.unwrap();
        assert_eq!(code, exit_code, "{out}{err}");
        assert!(out.contains(words), "{out}");
        assert!(err.contains(&format!("Job {job} is started")), "{err}");
    }
}

#[tokio::test]
async fn a_run_that_another_holds_back_says_so_and_follows_its_own() {
    let world = World::start("op-wss-queue").await;
    world.apply("acme", json!({"suspend": true})).await;
    world.wait_for("acme", "Ready", "True").await;
    let (code, out, _) = ended(wss(&world, &["run", "acme"])).await;
    assert_eq!(code, 0);
    assert!(
        out.contains("A run of acme is asked for.\nIts schedule is suspended; this run starts all the same."),
        "{out}"
    );
    assert!(
        out.contains(&format!("kubectl wss status acme --namespace {}", world.namespace)),
        "{out}"
    );
    let first = wait_for_run(&world).await;
    let waits = "goes first; this run waits for its end";
    let following = saying(&world, wss(&world, &["run", "acme", "--wait"]), waits).await;
    world.end_pod(&first, 0, &report("Succeeded", json!({}))).await;
    let second = world.jobs(2).await.into_iter().map(|job| job.metadata.name.unwrap());
    let second = second.into_iter().find(|job| *job != first).unwrap();
    world.end_pod(&second, 0, &report("Succeeded", json!({}))).await;
    let Ended { code, out, err } = following.await.unwrap();
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains(&format!("Job {first} {waits}")), "{err}");
    assert!(err.contains(&format!("Job {second} is started")), "{err}");
}

#[tokio::test]
async fn what_cannot_run_is_told_at_once() {
    let world = World::start("op-wss-refused").await;
    let (code, _, err) = ended(wss(&world, &["run", "nobody", "--wait"])).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("there is no WedofSheetSync nobody in namespace op-wss-refused"),
        "{err}"
    );
    world.apply("stalled", json!({"schedule": "0 0 31 2 *"})).await;
    world.wait_for("stalled", "Stalled", "True").await;
    let same = json!({"runOnCreate": false, "spreadsheetId": "1SpreadsheetOfTwoObjects"});
    world.apply("acme", same.clone()).await;
    world.wait_for("acme", "Ready", "True").await;
    next_second().await;
    world.apply("second", same).await;
    world.wait_for("second", "Ready", "False").await;
    let started = Instant::now();
    for (name, reason) in [("stalled", "NeverFires"), ("second", "TabConflict")] {
        for arguments in [&["run", name, "--wait"][..], &["run", name]] {
            let (code, out, err) = ended(wss(&world, arguments)).await;
            assert_eq!(code, 2, "{out}{err}");
            assert!(err.contains(&format!("{name} cannot run: {reason}: ")), "{err}");
        }
    }
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn time_that_is_up_and_ctrl_c_leave_the_run_going() {
    let world = World::start("op-wss-leave").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let (code, _, err) = ended(wss(&world, &["run", "acme", "--wait", "--timeout", "5s"])).await;
    assert_eq!(code, 124, "{err}");
    assert!(
        err.contains("The time is up; the run goes on. How it goes: kubectl wss status acme"),
        "{err}"
    );
    let job = wait_for_run(&world).await;
    world.end_pod(&job, 0, &report("Succeeded", json!({}))).await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;

    let left = programs::follow(wss(&world, &["run", "acme", "--wait"]), |line, child| {
        if line.contains(" is started") {
            programs::interrupt(child);
        }
    });
    let left = left.await;
    assert_eq!(left.code, 130, "{}", left.err);
    assert!(left.err.contains("Interrupted; the run goes on"), "{}", left.err);
    assert_eq!(world.status("acme").await["lastRun"]["outcome"], "Running");
}

#[tokio::test]
async fn an_operator_that_is_not_there_is_missed() {
    let world = World::without_operator("op-wss-alone").await;
    world.apply("acme", json!({})).await;
    let started = Instant::now();
    let (code, _, err) = ended(wss(&world, &["run", "acme", "--wait"])).await;
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("The operator has not reacted yet"), "{err}");
    assert!(
        err.contains("the operator has not reacted for 60 s. Is it running? kubectl get pods"),
        "{err}"
    );
    assert!(started.elapsed() < Duration::from_secs(90));
}

#[tokio::test]
async fn a_deleted_object_ends_the_waiting() {
    let world = World::start("op-wss-deleted").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let following = tokio::spawn(ended(wss(&world, &["run", "acme", "--wait"])));
    wait_for_run(&world).await;
    let objects = world.api::<WedofSheetSync>();
    objects.delete("acme", &DeleteParams::background()).await.unwrap();
    let (code, _, err) = following.await.unwrap();
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("acme was deleted"), "{err}");
}

/// A kubeconfig of an account with these rights and no others, whose context names the namespace.
async fn account(world: &World, rules: Value) -> tempfile::NamedTempFile {
    let token = world.account("person", rules).await;
    let mut config: Value = {
        let kubeconfig = kube::config::Kubeconfig::read().unwrap();
        serde_json::to_value(&kubeconfig).unwrap()
    };
    let cluster = config["clusters"][0]["name"].clone();
    config["users"] = json!([{"name": "person", "user": {"token": token}}]);
    config["contexts"] =
        json!([{"name": "person", "context": {"cluster": cluster, "user": "person", "namespace": world.namespace}}]);
    config["current-context"] = json!("person");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    file
}

fn as_person(file: &tempfile::NamedTempFile, arguments: &[&str]) -> Command {
    let mut command = Command::new(programs::named("kubectl-wss"));
    command
        .args(arguments)
        .arg("--kubeconfig")
        .arg(file.path())
        .env_remove("KUBECONFIG");
    command
}

#[tokio::test]
async fn the_right_to_patch_our_kind_is_all_that_asking_needs() {
    let world = World::start("op-wss-rights").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    world.wait_for("acme", "Ready", "True").await;
    let rule =
        |verbs: Value| json!({"apiGroups": ["wedofsheetsync.dev"], "resources": ["wedofsheetsyncs"], "verbs": verbs});
    let person = account(&world, json!([rule(json!(["patch"]))])).await;
    // the namespace is that of the context
    let (code, out, err) = ended(as_person(&person, &["run", "acme"])).await;
    assert_eq!(code, 0, "{out}{err}");
    let job = wait_for_run(&world).await;
    let (code, _, err) = ended(as_person(&person, &["status"])).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("cannot list resource \"wedofsheetsyncs\"") && err.contains("--clusterrole=view"),
        "{err}"
    );
    world.end_pod(&job, 0, &report("Succeeded", json!({}))).await;
    world.wait_for("acme", "LastRunSucceeded", "True").await;

    // without the right to read pods, the status is followed
    let role = json!({"rules": [rule(json!(["patch", "get", "list", "watch"]))]});
    let roles = world.api::<Role>();
    let patch = kube::api::Patch::Merge(role);
    roles.patch("person", &Default::default(), &patch).await.unwrap();
    let known = async || ended(as_person(&person, &["status"])).await.0 == 0;
    world.until("the person's new rights", known).await;
    let told = "No right to read pods: only the status is followed";
    let following = saying(&world, as_person(&person, &["run", "acme", "--wait"]), told).await;
    let job = wait_for_run(&world).await;
    world.end_pod(&job, 0, &report("Succeeded", json!({"added": 3}))).await;
    let Ended { code, out, err } = following.await.unwrap();
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("250 rows: 3 added"), "{out}");
    let (code, _, err) = ended(as_person(&person, &["logs", "acme"])).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("you may not list pods in namespace op-wss-rights"),
        "{err}"
    );
}

#[tokio::test]
async fn status_tells_all_objects_in_a_table_and_one_in_full() {
    let world = World::start("op-wss-status").await;
    let (code, out, err) = ended(wss(&world, &["status"])).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(
        err.contains("There is no WedofSheetSync in namespace op-wss-status."),
        "{err}"
    );
    world.apply("acme", json!({})).await;
    let job = wait_for_run(&world).await;
    let told = json!({"reason": "WedofKeyRefused", "message": "Secret wedof, key api-key: Wedof refuses it"});
    world.end_pod(&job, 2, &report("Failed", told)).await;
    world.wait_for("acme", "LastRunSucceeded", "False").await;
    let (code, out, _) = ended(wss(&world, &["status"])).await;
    assert_eq!(code, 0);
    assert!(out.contains("acme  0 4 29 2 *  Failed: WedofKeyRefused"), "{out}");
    assert!(
        out.contains("\n   Secret wedof, key api-key: Wedof refuses it\n"),
        "{out}"
    );
    let (_, everywhere, _) = ended(wss(&world, &["status", "--all-namespaces"])).await;
    assert!(
        everywhere.starts_with("NAMESPACE") && everywhere.contains("op-wss-status"),
        "{everywhere}"
    );
    let (code, full, _) = ended(wss(&world, &["status", "acme"])).await;
    assert_eq!(code, 0);
    assert!(
        full.starts_with("op-wss-status/acme: Failed: WedofKeyRefused\n  Secret wedof"),
        "{full}"
    );
    assert!(
        full.contains("kubectl wss logs acme --namespace op-wss-status"),
        "{full}"
    );
}

#[tokio::test]
async fn kubectl_finds_the_plugin_and_completes_its_words() {
    let world = World::start("op-wss-plugin").await;
    world.apply("acme", json!({"runOnCreate": false})).await;
    programs::named("kubectl_complete-wss");
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new("kubectl");
        command.args(arguments).env("PATH", programs::path());
        ended(command)
    };
    let (code, out, err) = kubectl(&["plugin", "list"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("kubectl-wss"), "{out}");
    let (code, out, err) = kubectl(&["wss", "status", "-n", "op-wss-plugin"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("acme"), "{out}");
    let (_, out, _) = kubectl(&["__complete", "wss", "run", "-n", "op-wss-plugin", "a"]).await;
    assert!(out.starts_with("acme\n"), "{out}");
}

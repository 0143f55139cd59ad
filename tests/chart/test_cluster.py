"""The chart on a real cluster: `tests/chart/run`."""

import json
import os
import re
import unittest

from world import (
    CHART,
    CRD,
    FIRST_CHART,
    HERE,
    IMAGE,
    LEASE,
    NAME,
    RELEASE,
    SYSTEM,
    TAG,
    WATCHED,
    Failed,
    OnACluster,
    apply,
    centre,
    condition,
    get,
    helm,
    install,
    kubectl,
    names,
    run,
    start_simulators,
    status,
    uid,
    upgrade,
    wait,
    wss,
)

def rights(account, place):
    """What an account may do to objects of a namespace beyond what every account may."""
    return granted(account, place) - granted("default", place)


def granted(account, place):
    """Everything that an account may do to objects of a namespace, as the API server sees it."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": place},
    }
    user = f"--as=system:serviceaccount:{SYSTEM}:{account}"
    text = kubectl("create", user, "--validate=false", "--output=json", "-f", "-", stdin=json.dumps(review))
    rules = json.loads(text)["status"]["resourceRules"]
    return {
        f"{verb} {resource}.{group}{' ' + name if name else ''}"
        for rule in rules
        for verb in rule["verbs"]
        for group in rule.get("apiGroups", [""])
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
    }


def leader():
    return get("lease", NAME, SYSTEM)["spec"].get("holderIdentity")


def pods():
    """The operator's pods that are ready."""
    selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=operator"
    found = json.loads(kubectl("get", "pods", f"--namespace={SYSTEM}", f"--selector={selector}", "--output=json"))
    return {
        pod["metadata"]["name"]: pod
        for pod in found["items"]
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
    }


class WholeCluster(OnACluster):
    namespaces = ("chart-a",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.notes = install()

    def test_what_helm_prints_says_how_to_go_on(self):
        for text in ("all namespaces", f"helm test {RELEASE} --namespace {SYSTEM}", "kind: WedofSheetSync"):
            self.assertIn(text, self.notes)

    def test_helm_test_passes_and_tells_what_it_looked_at(self):
        output = helm("test", "--logs")
        self.assertIn("ok: the operator is ready", output)
        self.assertIn("ok: the API server serves WedofSheetSync (wedofsheetsync.dev/v1alpha1)", output)
        self.assertIn(f"ok: the operator has its {len(WATCHED)} rights on the whole cluster", output)
        self.assertIn(f"ok: the operator has its 3 rights in namespace {SYSTEM}", output)
        self.assertNotIn("error", output)

    def test_two_operators_run_and_one_of_them_works(self):
        ready = wait("two operators are ready", lambda: len(pods()) == 2 and pods())
        self.assertIn(leader(), ready)
        wait("one of them may go", lambda: get("pdb", NAME, SYSTEM)["status"].get("disruptionsAllowed") == 1)

    def test_the_operator_has_its_rights_and_no_others(self):
        self.assertEqual(rights(NAME, "chart-a"), WATCHED)
        self.assertEqual(rights(NAME, SYSTEM), WATCHED | LEASE)

    def test_viewers_see_objects_and_editors_and_administrators_change_them(self):
        for role in ("view", "edit", "admin"):
            kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", "--namespace=chart-a")

        def may(user, verb, *what):
            try:
                kubectl("auth", "can-i", verb, "wss", *what, f"--as={user}", "--namespace=chart-a", "--quiet")
            except Failed:
                return False
            return True

        # aggregated by a controller, each role in its own time
        for user, verb in (("view", "get"), ("edit", "create"), ("admin", "create")):
            wait(f"{user} may {verb}", lambda user=user, verb=verb: may(user, verb))
        for user, changes in (("view", False), ("edit", True), ("admin", True), ("nobody", None)):
            for verb in ("get", "list", "watch"):
                self.assertEqual(may(user, verb), changes is not None, f"{user} {verb}")
            for verb in ("create", "update", "patch", "delete", "deletecollection"):
                self.assertEqual(may(user, verb), bool(changes), f"{user} {verb}")
            # the status is the operator's
            self.assertFalse(may(user, "patch", "--subresource=status"), user)

    def test_the_metrics_service_leads_to_the_operators(self):
        text = kubectl("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/services/{NAME}-metrics:http/proxy/metrics")
        self.assertIn("wedof_sheet_sync_leader", text)

    def test_another_operator_takes_over_when_the_first_one_is_gone(self):
        first = leader()
        kubectl("delete", "pod", first, f"--namespace={SYSTEM}")
        wait("another leads", lambda: leader() not in (None, "", first))
        apply(wss("after", "chart-a"))
        wait("it works", lambda: condition("after", "chart-a", "Ready") == "True")


class SomeNamespaces(OnACluster):
    namespaces = ("chart-a", "chart-b")

    def test_only_objects_of_watched_namespaces_are_handled_with_rights_there_alone(self):
        notes = install(sets=("namespaces={chart-a}",))
        self.assertIn("objects of chart-a only, with no right elsewhere", notes)
        self.assertEqual(rights(NAME, "chart-a"), WATCHED)
        self.assertEqual(rights(NAME, "chart-b"), set())
        self.assertEqual(rights(NAME, SYSTEM), LEASE)
        self.assertIn(f"ok: the operator has its {len(WATCHED)} rights in namespace chart-a", helm("test", "--logs"))

        apply(wss("one", "chart-b"), wss("one", "chart-a"))
        wait("the first is handled", lambda: condition("one", "chart-a", "Ready") == "True")
        wait("its first run is under way", lambda: names("jobs", "chart-a"))
        self.assertEqual(status("one", "chart-b"), {"observedGeneration": -1})
        self.assertEqual(names("cronjobs", "chart-b"), [])

        # one more namespace is an upgrade away
        upgrade(sets=("namespaces={chart-a,chart-b}",))
        wait("the second is handled", lambda: condition("one", "chart-b", "Ready") == "True")
        self.assertEqual(rights(NAME, "chart-b"), WATCHED)

        # a second release may stand beside it, for other namespaces
        upgrade(sets=("namespaces={chart-a}",))
        sets = ("namespaces={chart-b}", "crds.enabled=false", "rbac.aggregateRoles=false")
        install(sets=sets, release="second")
        apply(wss("two", "chart-b"))
        wait("it is handled", lambda: condition("two", "chart-b", "Ready") == "True")
        helm("uninstall", "--wait", release="second")

        # and one less, too: its object and CronJob stay
        upgrade(sets=("namespaces={chart-b}",))
        self.assertEqual(rights(NAME, "chart-a"), set())
        self.assertEqual(names("cronjobs", "chart-a"), ["one"])


def finished(place):
    """The Job that has succeeded, or None."""
    jobs = json.loads(kubectl("get", "jobs", f"--namespace={place}", "--output=json"))["items"]
    return next((job for job in jobs if job.get("status", {}).get("succeeded")), None)


def recorded(name, place, job):
    """The status of an object whose only run this Job was, as the first operator wrote it."""
    end = job["status"]["completionTime"]
    ready = {"type": "Ready", "status": "True", "reason": "Scheduled", "message": "", "observedGeneration": 1}
    succeeded = {**ready, "type": "LastRunSucceeded", "reason": "Succeeded"}
    run = {
        "jobName": job["metadata"]["name"],
        "jobUid": job["metadata"]["uid"],
        "trigger": "Create",
        "outcome": "Succeeded",
        "startTime": job["status"]["startTime"],
        "completionTime": end,
        "attempts": 1,
        "rows": 1,
    }
    conditions = [{**one, "lastTransitionTime": end} for one in (ready, succeeded)]
    return {
        "apiVersion": "wedofsheetsync.dev/v1alpha1",
        "kind": "WedofSheetSync",
        "metadata": {"name": name, "namespace": place},
        "status": {
            "observedGeneration": 1,
            "conditions": conditions,
            "lastRun": run,
            "rows": 1,
            "lastSuccessTime": end,
            "consecutiveFailures": 0,
        },
    }


class Upgrade(OnACluster):
    namespaces = ("chart-a",)

    def test_the_first_chart_is_upgraded_without_losing_anything(self):
        start_simulators()
        install(chart=FIRST_CHART)
        apply(centre("done", 0, "chart-a"), wss("going", "chart-a"))
        job = wait("a run has succeeded", lambda: finished("chart-a"))
        wait("another is under way", lambda: len(names("jobs", "chart-a")) == 2)
        # The first operator is not at hand, and the present one cannot write into the first definition: what the first
        # one would have written.
        apply(
            recorded("done", "chart-a", job),
            # the spec is left as it is
            options=(*"--server-side --subresource=status --validate=false".split(), "--field-manager=wedof-sheet-sync-status"),
        )

        def everything():
            objects = [("crd", CRD, None)]
            for kind in ("wss", "cronjobs", "jobs"):
                objects += [(kind, name, "chart-a") for name in sorted(names(kind, "chart-a"))]
            found = {(kind, name): get(kind, name, place) for kind, name, place in objects}
            return {
                "uids": {key: one["metadata"]["uid"] for key, one in found.items()},
                "specs": {key: one["spec"] for key, one in found.items() if key[0] in ("wss", "jobs")},
            }

        before = everything()
        deployment = uid("deployment", NAME, SYSTEM)
        with self.assertRaises(Failed) as failed:
            upgrade("--reuse-values")
        self.assertIn("missing properties", str(failed.exception))
        notes = upgrade("--reset-then-reuse-values")
        self.assertIn("See that it works", notes)
        self.assertEqual(uid("deployment", NAME, SYSTEM), deployment)
        wait("the new operators lead", lambda: len(pods()) == 2 and leader() in pods())
        helm("test", "--logs")

        # the new operator writes more, and what was written before stays
        wait("it has looked at the object", lambda: "nextScheduleTime" in status("done", "chart-a"))
        self.assertEqual(everything(), before)
        kept, told = recorded("done", "chart-a", job)["status"], status("done", "chart-a")
        for field in ("rows", "lastSuccessTime", "consecutiveFailures"):
            self.assertEqual(told[field], kept[field])
        for field in ("jobUid", "outcome", "trigger", "rows", "startTime", "completionTime"):
            self.assertEqual(told["lastRun"][field], kept["lastRun"][field])

        # and it works on
        kubectl("annotate", "wss/done", "--namespace=chart-a", "wedofsheetsync.dev/sync-requested-at=now")
        wait("a run of the new operator", lambda: status("done", "chart-a").get("lastHandledSyncRequest") == "now")
        self.assertEqual(condition("done", "chart-a", "LastRunSucceeded"), "True")
        kubectl("delete", "namespace", "wss-simulator", "--wait=false")


class Uninstall(OnACluster):
    namespaces = ("chart-a",)

    def test_the_definition_and_all_objects_stay_and_are_taken_up_again(self):
        install()
        apply(wss("kept", "chart-a"))
        wait("its run is under way", lambda: names("jobs", "chart-a"))
        before = [uid(*one) for one in (("crd", CRD), ("wss", "kept", "chart-a"), ("cronjob", "kept", "chart-a"))]
        output = helm("uninstall", "--wait")
        self.assertIn(f"[CustomResourceDefinition] {CRD}", output)
        left = [uid(*one) for one in (("crd", CRD), ("wss", "kept", "chart-a"), ("cronjob", "kept", "chart-a"))]
        self.assertEqual(left, before)
        wait("the operators' pods are gone", lambda: not names("pods", SYSTEM))
        # the namespace's own account, and the Lease, which is the operators'
        left = names("all,lease,serviceaccount,role,rolebinding,pdb,networkpolicy", SYSTEM)
        self.assertEqual(sorted(left), sorted(["default", NAME]))
        self.assertEqual([one for one in names("clusterrole") if NAME in one], [])

        install()
        kubectl("patch", "wss/kept", "--namespace=chart-a", "--type=merge", '--patch={"spec":{"suspend":true}}')
        wait("it is handled again", lambda: get("cronjob", "kept", "chart-a")["spec"]["suspend"])
        self.assertEqual(uid("cronjob", "kept", "chart-a"), before[2])

    def test_with_keep_false_everything_goes(self):
        upgrade("--install", sets=("crds.keep=false",))
        apply(wss("gone", "chart-a"))
        wait("its run is under way", lambda: names("jobs", "chart-a"))
        helm("uninstall", "--wait")
        wait("the definition is gone", lambda: get("crd", CRD) is None)
        wait("its CronJobs and runs are gone", lambda: not names("cronjobs,jobs,pods", "chart-a"))


class DefinitionOfOthers(OnACluster):
    namespaces = ("chart-a",)

    def test_the_definition_may_come_after_the_operator(self):
        upgrade("--install", "--wait=false", sets=("crds.enabled=false", "metrics.service.enabled=false"))
        with self.assertRaises(Failed) as failed:
            helm("test", "--logs")
        self.assertIn("error: the API server does not serve wedofsheetsync.dev/v1alpha1", str(failed.exception))
        kubectl("apply", "--server-side", "-f", str(HERE.parents[1] / "crds" / "wedofsheetsyncs.yaml"))
        wait("the operators are ready", lambda: len(pods()) == 2)
        apply(wss("late", "chart-a"))
        wait("an object is handled", lambda: condition("late", "chart-a", "Ready") == "True")
        helm("uninstall", "--wait")
        self.assertIsNotNone(get("crd", CRD))


class RightsOfOthers(OnACluster):
    namespaces = ("chart-a",)

    def test_helm_test_says_which_rights_are_missing(self):
        # without rights no operator becomes ready: nobody is waited for, and none is asked
        sets = ("rbac.create=false", "metrics.service.enabled=false", "namespaces={chart-a}", "replicas=0")
        notes = install(sets=sets)
        self.assertIn("rbac.create=false", notes)
        self.assertEqual(names("role,rolebinding", SYSTEM) + names("role,rolebinding", "chart-a"), [])
        with self.assertRaises(Failed) as failed:
            helm("test", "--logs")
        output = str(failed.exception)
        self.assertIn("error: the operator lacks rights in namespace chart-a", output)
        self.assertIn("cronjobs/status.batch (patch)", output)
        self.assertIn("leases.coordination.k8s.io (create, get, patch)", output)

        # an administrator grants them, by the names that the README lists
        def rule(right):
            verb, _, what = right.partition(" ")
            resource, _, group = what.partition(".")
            return {"apiGroups": [group], "resources": [resource], "verbs": [verb]}

        for place, granted in (("chart-a", WATCHED), (SYSTEM, {one.removesuffix(f" {NAME}") for one in LEASE})):
            meta = {"name": "given", "namespace": place}
            api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
            apply(
                {**api, "kind": "Role", "metadata": meta, "rules": [rule(right) for right in sorted(granted)]},
                {
                    **api,
                    "kind": "RoleBinding",
                    "metadata": meta,
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "given"},
                    "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": SYSTEM}],
                },
            )
        self.assertNotIn("error", helm("test", "--logs"))
        upgrade(sets=(*sets[:3], "replicas=1"))
        self.assertEqual(len(pods()), 1)


class Written(OnACluster):
    namespaces = ("chart-a", "chart-b")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.know_monitoring()

    def test_the_api_server_takes_every_object_as_it_is_written(self):
        files = sorted((HERE / "values").glob("*.yaml"))
        self.assertGreaterEqual(len(files), 3)
        for options in ((), *(("--values", str(file)) for file in files)):
            with self.subTest(values=options):
                command = [os.environ.get("HELM", "helm"), "template", RELEASE, str(CHART), "--namespace", SYSTEM]
                # the pod of `helm test`, run by other tests, wants an account that a dry run does not make
                text = run(*command, "--no-hooks", *options)
                # strict: an unknown or a double field is an error
                said = kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
                said += kubectl(
                    "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text
                )
                self.assertNotIn("arning", said)

    def test_the_api_server_takes_the_examples_of_the_readme(self):
        examples = re.findall(r"^```yaml\n(.*?)^```", (CHART / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        self.assertTrue(examples)
        for example in examples:
            text = example.replace("centre-acme", "chart-a")
            kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)


class EveryValue(OnACluster):
    namespaces = ("chart-a", "chart-b")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.know_monitoring()
        for name in ("low", "operators"):
            kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
            apply({**kind, "metadata": {"name": name}, "value": 1000})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        kubectl("delete", "priorityclass", "low", "operators")

    def test_operators_become_ready_with_every_values_file_one_after_the_other(self):
        install()
        expected = {"everything": 3, "namespaced": 2, "minimal": 1}
        for name, replicas in expected.items():
            with self.subTest(values=name):
                # the image is this machine's: nothing is pulled
                upgrade("--values", str(HERE / "values" / f"{name}.yaml"))
                wait("the operators are ready", lambda replicas=replicas: len(pods()) == replicas)
                for pod in pods().values():
                    self.assertEqual(pod["spec"]["containers"][0]["image"], f"{IMAGE}:{TAG}")
                self.assertNotIn("error", helm("test", "--logs"))
                # whatever was set, the definition was not lost on the way
                self.assertIsNotNone(get("crd", CRD))


if __name__ == "__main__":
    unittest.main()

"""What the tests share: kubectl and helm on the cluster of KUBECONFIG, and what is made for a test and goes with it."""

import json
import os
import subprocess
import time
import unittest
from pathlib import Path

HERE = Path(__file__).parent
CHART = HERE.parents[1] / "charts" / "wedof-sheet-sync"
# charts/wedof-sheet-sync as it was in commit e5ef742, packed by `helm package`
FIRST_CHART = HERE / "first-chart.tgz"
IMAGE, _, TAG = os.environ.get("WSS_IMAGE_LOADED", "wedof-sheet-sync:dev").rpartition(":")
SIMULATOR = "simulator.wss-simulator.svc"
RELEASE = "acme"
SYSTEM = "chart-system"
NAME = "acme-wedof-sheet-sync"
CRD = "wedofsheetsyncs.wedofsheetsync.dev"
# how long anything may take on a slow machine
PATIENCE = 180

# what an operator may do where objects are handled, and on its Lease: `verb resource.group`
WATCHED = {
    "list wedofsheetsyncs.wedofsheetsync.dev",
    "watch wedofsheetsyncs.wedofsheetsync.dev",
    "patch wedofsheetsyncs/status.wedofsheetsync.dev",
    "get cronjobs.batch",
    "list cronjobs.batch",
    "watch cronjobs.batch",
    "create cronjobs.batch",
    "patch cronjobs.batch",
    "delete cronjobs.batch",
    "patch cronjobs/status.batch",
    "list jobs.batch",
    "watch jobs.batch",
    "create jobs.batch",
    "patch jobs.batch",
    "list pods.",
    "watch pods.",
    "create events.events.k8s.io",
    "list events.events.k8s.io",
}
LEASE = {
    "create leases.coordination.k8s.io",
    f"get leases.coordination.k8s.io {NAME}",
    f"patch leases.coordination.k8s.io {NAME}",
}


class Failed(Exception):
    """A command that should have succeeded, with what it said."""


def run(*command, stdin=None):
    ended = subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
    )
    if ended.returncode != 0:
        raise Failed(f"{' '.join(command)}: {ended.stdout}{ended.stderr}")
    return ended.stdout + (f"\n{ended.stderr}" if "arning" in ended.stderr else "")


def kubectl(*arguments, stdin=None):
    return run("kubectl", *arguments, stdin=stdin)


def apply(*objects, options=()):
    """Applies objects as a person would; gives kubectl's output with its warnings."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return kubectl("apply", *options, "-f", "-", stdin=text)


def get(kind, name, namespace=None):
    """The object, or None."""
    place = ("--namespace", namespace) if namespace else ()
    text = kubectl("get", kind, name, *place, "--ignore-not-found", "--output=json")
    return json.loads(text) if text.strip() else None


def names(kind, namespace=None):
    place = ("--namespace", namespace) if namespace else ("--all-namespaces",)
    return kubectl("get", kind, *place, "--output=jsonpath={.items[*].metadata.name}").split()


def uid(kind, name, namespace=None):
    found = get(kind, name, namespace)
    return found and found["metadata"]["uid"]


def wait(what, condition):
    """Waits until the condition gives something true, and gives it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.3)


def namespace(name, **labels):
    """A namespace that enforces the `restricted` standard."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted", **labels}
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


OURS = (
    f"image.repository={IMAGE}",
    f"image.tag={TAG}",
    f"wedof.allowedHosts={{www.wedof.fr,{SIMULATOR}}}",
    f"google.sheetsBaseUrl=http://{SIMULATOR}:8081/",
    f"google.tokenHosts={{{SIMULATOR}}}",
)


def helm(verb, *arguments, chart=None, sets=(), release=RELEASE):
    """A helm command on a release of the tests."""
    place = (str(chart),) if chart else ()
    options = [f"--set={value}" for value in (*(OURS if chart else ()), *sets)]
    options += [f"--timeout={PATIENCE}s", "--wait"] if chart else []
    return run(os.environ.get("HELM", "helm"), verb, release, *place, "--namespace", SYSTEM, *options, *arguments)


def install(*arguments, **options):
    return helm("install", *arguments, **{"chart": CHART, **options})


def upgrade(*arguments, **options):
    return helm("upgrade", *arguments, **{"chart": CHART, **options})


def wss(name, place, **spec):
    """A valid object. Its runs find no node unless `job` says otherwise, so that they stay under way."""
    spec = {
        "schedule": "0 4 29 2 *",
        "spreadsheetId": f"{place}-{name}".ljust(24, "-"),
        "wedof": {"apiKeySecretRef": {"name": "wedof", "key": "api-key"}},
        "google": {"credentialsSecretRef": {"name": "google", "key": "credentials.json"}},
        "job": {"nodeSelector": {"example.net/nowhere": "true"}},
        **spec,
    }
    metadata = {"name": name, "namespace": place}
    return {"apiVersion": "wedofsheetsync.dev/v1alpha1", "kind": "WedofSheetSync", "metadata": metadata, "spec": spec}


def status(name, place):
    found = get("wss", name, place)
    return (found or {}).get("status", {})


def condition(name, place, kind):
    conditions = status(name, place).get("conditions", [])
    return next((one["status"] for one in conditions if one["type"] == kind), None)


def simulator(path):
    return kubectl("get", "--raw", f"/api/v1/namespaces/wss-simulator/services/simulator:sheets/proxy{path}").strip()


def start_simulators():
    text = (HERE.parent / "e2e" / "simulator.yaml").read_text().replace("image: IMAGE", f"image: {IMAGE}:{TAG}")
    kubectl("apply", "-f", "-", stdin=text)
    kubectl("--namespace=wss-simulator", "rollout", "status", "deployment/simulator", f"--timeout={PATIENCE}s")


def centre(name, tenant, place):
    """The Secrets of a simulated training centre, and an object that syncs one small resource of it."""
    for secret, key, value in (
        ("wedof", "api-key", simulator(f"/_tenants/{tenant}/apiKey")),
        ("google", "credentials.json", simulator(f"/_tenants/{tenant}/credentials")),
    ):
        apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": secret, "namespace": place},
                "stringData": {key: value},
            }
        )
    return wss(
        name,
        place,
        spreadsheetId=simulator(f"/_tenants/{tenant}/spreadsheetId"),
        wedof={
            "apiKeySecretRef": {"name": "wedof", "key": "api-key"},
            "baseUrl": f"http://{SIMULATOR}:8080/api",
            "requestsPerMinute": 600,
        },
        resources=[{"name": "organisms"}],
        job={},
    )


class OnACluster(unittest.TestCase):
    """Each class begins with a cluster on which nothing of ours is, and leaves it so."""

    namespaces = ()

    @classmethod
    def setUpClass(cls):
        cls.clean()
        for name in (SYSTEM, *cls.namespaces):
            namespace(name)

    @classmethod
    def tearDownClass(cls):
        cls.clean()

    @classmethod
    def know_monitoring(cls):
        """The cluster knows ServiceMonitor and PrometheusRule, as the Prometheus operator defines them."""
        for kind in ("servicemonitors", "prometheusrules"):
            file = Path(os.environ["MONITORING_CRDS"]) / f"monitoring.coreos.com_{kind}.yaml"
            kubectl("apply", "--server-side", "-f", str(file))
            kubectl("wait", "--for=condition=Established", f"crd/{kind}.monitoring.coreos.com")

    @classmethod
    def clean(cls):
        helm("uninstall", "--ignore-not-found", "--wait")
        kubectl("delete", "crd", CRD, "--ignore-not-found")
        kubectl("delete", "namespace", "--ignore-not-found", SYSTEM, *cls.namespaces)

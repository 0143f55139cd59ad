"""Values: each wrong one is refused with a message that names it, each right one is in schema, README and chart alike."""

import json
import os
import re
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from world import CHART, HERE, WATCHED

HELM = os.environ.get("HELM", "helm")

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"

# what is set, as JSON of the whole tree; what Helm says
REFUSED = [
    ({"replica": 2}, "additional properties 'replica' not allowed"),
    ({"replicas": "two"}, "at '/replicas': got string, want integer"),
    ({"replicas": -1}, "at '/replicas': minimum: got -1, want 0"),
    ({"leaderElection": {"leaseDuration": 1}}, "at '/leaderElection/leaseDuration': minimum: got 1, want 5"),
    ({"image": {"repository": "wss:1.0"}}, "at '/image/repository': 'wss:1.0' does not match pattern"),
    ({"image": {"repository": ""}}, "at '/image/repository'"),
    ({"image": {"tag": "a b"}}, "at '/image/tag': 'a b' does not match pattern"),
    ({"image": {"tag": 1.10}}, "at '/image/tag': got number, want string"),
    ({"image": {"digest": "sha256:1234"}}, "at '/image/digest': 'sha256:1234' does not match pattern"),
    ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'"),
    ({"image": {"registry": "docker.io"}}, "at '/image': additional properties 'registry' not allowed"),
    ({"imagePullSecrets": [{"name": "x"}]}, "at '/imagePullSecrets/0': got object, want string"),
    ({"namespaces": "centre"}, "at '/namespaces': got string, want array"),
    ({"namespaces": ["centre", "centre"]}, "at '/namespaces': items at 0 and 1 are equal"),
    ({"namespaces": ["Centre"]}, "at '/namespaces/0': 'Centre' does not match pattern"),
    ({"crds": {"enabled": "yes"}}, "at '/crds/enabled': got string, want boolean"),
    ({"crds": {"keep": 1}}, "at '/crds/keep': got number, want boolean"),
    ({"wedof": {"allowedHosts": []}}, "at '/wedof/allowedHosts': minItems: got 0, want 1"),
    ({"wedof": {"allowedHosts": ["https://www.wedof.fr"]}}, "at '/wedof/allowedHosts/0': 'https://www.wedof.fr' does not match pattern"),
    ({"google": {"tokenHosts": ["a/b"]}}, "at '/google/tokenHosts/0'"),
    ({"google": {"sheetsBaseUrl": "http://sheets.example.net/"}}, "at '/google/sheetsBaseUrl'"),
    ({"google": {"sheetsBaseUrl": "https://a:b@sheets.example.net/"}}, "at '/google/sheetsBaseUrl'"),
    ({"secretNamePattern": "Wedof"}, "at '/secretNamePattern'"),
    ({"run": {"image": "mine"}}, "at '/run': additional properties 'image' not allowed"),
    ({"run": {"imagePullSecrets": [""]}}, "at '/run/imagePullSecrets/0'"),
    ({"run": {"podLabels": {"a": "not a label"}}}, "at '/run/podLabels/a': 'not a label' does not match pattern"),
    ({"run": {"podAnnotations": {"a": 1}}}, "at '/run/podAnnotations/a': got number, want string"),
    ({"run": {"priorityClassName": "High"}}, "at '/run/priorityClassName'"),
    ({"run": {"runtimeClassName": "a b"}}, "at '/run/runtimeClassName'"),
    ({"run": {"allowPlacement": "no"}}, "at '/run/allowPlacement': got string, want boolean"),
    ({"run": {"proxy": {"httpsProxy": "proxy:3128"}}}, "at '/run/proxy/httpsProxy': 'proxy:3128' does not match pattern"),
    ({"run": {"proxy": {"httpsProxy": "http://me:secret@proxy:3128"}}}, "at '/run/proxy/httpsProxy'"),
    ({"run": {"proxy": {"httpProxy": "socks5://proxy"}}}, "at '/run/proxy/httpProxy'"),
    ({"run": {"proxy": {"noProxy": "a, b"}}}, "at '/run/proxy/noProxy'"),
    ({"run": {"proxy": {"https": "http://proxy"}}}, "at '/run/proxy': additional properties 'https' not allowed"),
    ({"run": {"caCertificates": "/etc/ssl/ca.pem"}}, "at '/run/caCertificates': '/etc/ssl/ca.pem' does not match pattern"),
    ({"run": {"caCertificates": CERTIFICATE + KEY}}, "run.caCertificates: there is a private key in it"),
    ({"run": {"httpTimeout": "1m"}}, "at '/run/httpTimeout': got string, want number"),
    ({"run": {"retryDelay": -1}}, "at '/run/retryDelay': minimum: got -1, want 0"),
    ({"log": {"format": "xml"}}, "at '/log/format': value must be one of 'text', 'json'"),
    ({"log": {"level": ""}}, "at '/log/level'"),
    ({"extraEnv": {"A": "b"}}, "at '/extraEnv': got object, want array"),
    ({"extraEnv": [{"value": "b"}]}, "at '/extraEnv/0': missing property 'name'"),
    ({"extraEnv": [{"name": "A", "value": 1}]}, "at '/extraEnv/0/value': got number, want string"),
    ({"extraEnv": [{"name": "RUN_IMAGE", "value": "mine"}]}, "extraEnv: the chart sets RUN_IMAGE itself"),
    ({"extraEnv": [{"name": "LEASE_NAME", "value": "mine"}]}, "extraEnv: the chart sets LEASE_NAME itself"),
    ({"resources": {"limits": {"memory": "128 MB"}}}, "at '/resources/limits/memory'"),
    ({"resources": {"request": {}}}, "at '/resources': additional properties 'request' not allowed"),
    ({"strategy": {"type": "Blue"}}, "at '/strategy/type': value must be one of 'RollingUpdate', 'Recreate'"),
    ({"revisionHistoryLimit": -1}, "at '/revisionHistoryLimit'"),
    ({"livenessProbe": {"httpGet": {}}}, "at '/livenessProbe': additional properties 'httpGet' not allowed"),
    ({"livenessProbe": {"periodSeconds": 0}}, "at '/livenessProbe/periodSeconds'"),
    ({"readinessProbe": {"timeoutSeconds": "5s"}}, "at '/readinessProbe/timeoutSeconds': got string, want integer"),
    ({"podDisruptionBudget": {"maxUnavailable": "half"}}, "at '/podDisruptionBudget/maxUnavailable'"),
    ({"podDisruptionBudget": {"minAvailable": "101%"}}, "at '/podDisruptionBudget/minAvailable'"),
    ({"podSecurityContext": {"runAsNonRoot": False}}, "at '/podSecurityContext/runAsNonRoot': value must be true"),
    ({"podSecurityContext": {"runAsUser": 0}}, "at '/podSecurityContext/runAsUser': minimum: got 0, want 1"),
    ({"podSecurityContext": {"seccompProfile": None}}, "at '/podSecurityContext': missing property 'seccompProfile'"),
    ({"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}}, "at '/podSecurityContext/seccompProfile/type': value must be one of"),
    ({"podSecurityContext": {"sysctls": []}}, "at '/podSecurityContext': additional properties 'sysctls' not allowed"),
    ({"securityContext": {"allowPrivilegeEscalation": True}}, "at '/securityContext/allowPrivilegeEscalation': value must be false"),
    ({"securityContext": {"privileged": True}}, "at '/securityContext': additional properties 'privileged' not allowed"),
    ({"securityContext": {"capabilities": {"drop": []}}}, "at '/securityContext/capabilities/drop'"),
    ({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}, "at '/securityContext/capabilities': additional properties 'add' not allowed"),
    ({"nodeSelector": {"a": True}}, "at '/nodeSelector/a': got boolean, want string"),
    ({"tolerations": [{"effect": "Never"}]}, "at '/tolerations/0/effect': value must be one of"),
    ({"affinity": {"nodeAffinty": {}}}, "at '/affinity': additional properties 'nodeAffinty' not allowed"),
    ({"topologySpreadConstraints": [{"topologyKey": "zone"}]}, "at '/topologySpreadConstraints/0': missing properties 'maxSkew', 'whenUnsatisfiable'"),
    ({"priorityClassName": 1}, "at '/priorityClassName': got number, want string"),
    ({"serviceAccount": {"name": "A"}}, "at '/serviceAccount/name'"),
    ({"serviceAccount": {"create": "true"}}, "at '/serviceAccount/create': got string, want boolean"),
    ({"serviceAccount": {"annotations": {"a": None, "b": 1}}}, "at '/serviceAccount/annotations/b': got number, want string"),
    ({"rbac": {"create": "no"}}, "at '/rbac/create': got string, want boolean"),
    ({"rbac": {"aggregateRoles": 1}}, "at '/rbac/aggregateRoles': got number, want boolean"),
    ({"networkPolicy": {"enabled": "on"}}, "at '/networkPolicy/enabled': got string, want boolean"),
    ({"networkPolicy": {"metricsFrom": [{"pods": {}}]}}, "at '/networkPolicy/metricsFrom/0': additional properties 'pods' not allowed"),
    ({"networkPolicy": {"dnsPorts": []}}, "at '/networkPolicy/dnsPorts': minItems: got 0, want 1"),
    ({"networkPolicy": {"apiServerPorts": [70000]}}, "at '/networkPolicy/apiServerPorts/0': maximum: got 70,000, want 65,535"),
    ({"networkPolicy": {"apiServerCidrs": ["10.0.0.1"]}}, "at '/networkPolicy/apiServerCidrs/0': '10.0.0.1' does not match pattern"),
    ({"networkPolicy": {"extraEgress": [{"port": 1}]}}, "at '/networkPolicy/extraEgress/0': additional properties 'port' not allowed"),
    ({"metrics": {"service": {"port": 0}}}, "at '/metrics/service/port': minimum: got 0, want 1"),
    ({"metrics": {"service": {"enabled": None, "type": "LoadBalancer"}}}, "at '/metrics/service': additional properties 'type' not allowed"),
    ({"metrics": {"service": {"labels": {"a": 1}}}}, "at '/metrics/service/labels/a': got number, want string"),
    ({"metrics": {"service": {"labels": {"helm.sh/chart": "x"}}}}, "metrics.service.labels: the chart sets the label helm.sh/chart itself"),
    ({"metrics": {"service": {"annotations": {"a": True}}}}, "at '/metrics/service/annotations/a': got boolean, want string"),
    ({"monitoring": {"alerts": {}}}, "at '/monitoring': additional properties 'alerts' not allowed"),
    ({"monitoring": {"serviceMonitor": {"interval": "often"}}}, "at '/monitoring/serviceMonitor/interval': 'often' does not match pattern"),
    ({"monitoring": {"serviceMonitor": {"labels": {"a": "b c"}}}}, "at '/monitoring/serviceMonitor/labels/a'"),
    ({"monitoring": {"prometheusRule": {"staleAfterSeconds": "6h"}}}, "at '/monitoring/prometheusRule/staleAfterSeconds': got string, want integer"),
    ({"monitoring": {"prometheusRule": {"failingRuns": 0}}}, "at '/monitoring/prometheusRule/failingRuns': minimum: got 0, want 1"),
    ({"monitoring": {"dashboard": {"enabled": "yes"}}}, "at '/monitoring/dashboard/enabled': got string, want boolean"),
    ({"nameOverride": "My Sheets"}, "at '/nameOverride': 'My Sheets' does not match pattern"),
    ({"fullnameOverride": "a." * 40}, "at '/fullnameOverride'"),
    ({"commonLabels": {"team": "a b"}}, "at '/commonLabels/team': 'a b' does not match pattern"),
    ({"commonLabels": {"app.kubernetes.io/name": "x"}}, "commonLabels: the chart sets the label app.kubernetes.io/name itself"),
    ({"commonAnnotations": {"a": 1}}, "at '/commonAnnotations/a': got number, want string"),
    ({"deploymentAnnotations": []}, "at '/deploymentAnnotations': got array, want object"),
    ({"podLabels": {"app.kubernetes.io/instance": "x"}}, "podLabels: the chart sets the label app.kubernetes.io/instance itself"),
    ({"podLabels": {"a": "b" * 64}}, "at '/podLabels/a': maxLength: got 64, want 63"),
    ({"podAnnotations": {"a": False}}, "at '/podAnnotations/a': got boolean, want string"),
]


def helm(*arguments, values=None):
    """Exit code and all output of `helm`, with values on its standard input."""
    if values is not None:
        arguments += ("--values", "-")
    ended = subprocess.run(
        [HELM, *arguments],
        input=None if values is None else json.dumps(values),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


def paths(schema, root):
    """Every value that a schema knows: `image.tag`."""
    schema = root["definitions"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    properties = schema.get("properties")
    if not properties:
        return {""}
    return {f"{name}.{below}".rstrip(".") for name, child in properties.items() for below in paths(child, root)}


def described():
    """The values in the README, each with what it says of it."""
    _, values = (CHART / "README.md").read_text().split("\n## Values\n")
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \| (.*) \|$", values, re.MULTILINE)
    return {name: description.strip() for name, _, description in rows}


class Values(unittest.TestCase):
    def test_each_wrong_value_is_refused_with_a_message_that_names_it(self):
        def render(case):
            return helm("template", "acme", str(CHART), values=case[0])

        with ThreadPoolExecutor() as pool:
            for (values, message), (code, output) in zip(REFUSED, pool.map(render, REFUSED), strict=True):
                with self.subTest(values=values):
                    self.assertNotEqual(code, 0, "it was taken")
                    self.assertIn(message, output)

    def test_every_value_of_the_chart_has_a_wrong_one_that_is_refused(self):
        schema = json.loads((CHART / "values.schema.json").read_text())
        tested = {next(iter(values)) for values, _ in REFUSED}
        self.assertEqual(set(schema["properties"]) - tested, {"global"})

    def test_the_readme_describes_every_value(self):
        self.assertEqual([name for name, description in described().items() if not description], [])
        schema = json.loads((CHART / "values.schema.json").read_text())
        known = {name for name in paths(schema, schema) if name != "global"}
        # a value that is described whole (`resources`) is not described in its parts
        whole = {name for name in known if any(name == one or name.startswith(one + ".") for one in described())}
        optional = {"livenessProbe.initialDelaySeconds", "livenessProbe.successThreshold"}
        optional |= {name.replace("liveness", "readiness") for name in optional}
        self.assertEqual(known - whole, optional)

    def test_the_readme_lists_the_rights_that_the_operator_needs(self):
        rows = re.findall(r"^\|(?: `([\w.]+)`)? \| `([\w/]+)` \| ([a-z, ]+)", (CHART / "README.md").read_text(), re.MULTILINE)
        told = {f"{verb} {resource}.{group}" for group, resource, verbs in rows for verb in verbs.strip().split(", ")}
        self.assertEqual(told, WATCHED)

    def test_values_that_an_earlier_chart_did_not_know_are_missed_by_name(self):
        """As with `--reuse-values`, which keeps the earlier chart's defaults in the place of ours."""
        code, output = helm("template", "acme", str(CHART), values={"rbac": None, "run": {"allowPlacement": None}})
        self.assertNotEqual(code, 0)
        self.assertIn("at '': missing property 'rbac'", output)
        self.assertIn("at '/run': missing property 'allowPlacement'", output)

    def test_every_value_is_in_use_when_the_chart_is_tried_on_a_cluster(self):
        with tempfile.TemporaryDirectory() as folder:
            # Helm reads the YAML for us
            chart = Path(folder)
            (chart / "Chart.yaml").write_text("{apiVersion: v2, name: values, version: 1.0.0}")
            (chart / "templates").mkdir()
            (chart / "templates" / "values.yaml").write_text("{{ toJson .Values }}")
            code, output = helm("template", "acme", folder, "--values", str(HERE / "values" / "everything.yaml"))
        self.assertEqual(code, 0, output)
        given = json.loads(next(line for line in output.splitlines() if line.startswith("{")))

        def is_set(name):
            value = given
            for key in name.split("."):
                if not isinstance(value, dict) or key not in value:
                    return False
                value = value[key]
            return True

        unset = {name for name in described() if not is_set(name)}
        image = {f"image.{part}" for part in ("repository", "tag", "digest", "pullPolicy")}
        self.assertEqual(unset, image | {"podDisruptionBudget.maxUnavailable"}, "the test sets the image, and a budget has one limit")

    def test_values_of_the_first_chart_are_still_taken(self):
        first = {
            "image": {"repository": "wss", "tag": "1", "digest": "", "pullPolicy": "Never"},
            "imagePullSecrets": ["a"],
            "nameOverride": "",
            "fullnameOverride": "",
            "commonLabels": {"a": "b"},
            "crds": {"enabled": True, "keep": True},
            "namespaces": ["a", "b"],
            "wedof": {"allowedHosts": ["www.wedof.fr"]},
            "google": {"sheetsBaseUrl": "http://x.y.svc:80/", "tokenHosts": ["a"]},
            "secretNamePattern": "a-*",
            "run": {
                "imagePullSecrets": ["a"],
                "podLabels": {"a": "b"},
                "podAnnotations": {"a": "b"},
                "priorityClassName": "a",
                "runtimeClassName": "b",
            },
            "log": {"format": "text", "level": "debug"},
            "serviceAccount": {"name": "a", "annotations": {"a": "b"}},
            "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
            "nodeSelector": {"a": "b"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "podLabels": {"c": "d"},
            "podAnnotations": {"a": "b"},
            "priorityClassName": "a",
        }
        code, output = helm("template", "acme", str(CHART), values=first)
        self.assertEqual(code, 0, output)


if __name__ == "__main__":
    unittest.main()

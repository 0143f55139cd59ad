{{- define "wss.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "wss.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "wss.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "wss.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "wss.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wss.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "wss.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "wss.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels by which the pod of `helm test` is known: not the operator's, or Services would send it requests. */}}
{{- define "wss.testLabels" -}}
{{ merge (dict "app.kubernetes.io/component" "test") (include "wss.selectorLabels" . | fromYaml) | toYaml }}
{{- end }}

{{/*
Metadata of an object, so that none lacks the common labels and annotations: (dict "root" $ "name" … "namespace" …
"labels" … "annotations" …), all but the first two optional.
*/}}
{{- define "wss.metadata" -}}
{{- $labels := merge dict (default dict .labels) (include "wss.labels" .root | fromYaml) }}
{{- $metadata := dict "name" .name "labels" $labels }}
{{- with .namespace }}
{{- $_ := set $metadata "namespace" . }}
{{- end }}
{{- with merge dict (default dict .annotations) .root.Values.commonAnnotations }}
{{- $_ := set $metadata "annotations" . }}
{{- end }}
{{- toYaml $metadata }}
{{- end }}

{{- define "wss.serviceAccountName" -}}
{{- default (ternary (include "wss.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "wss.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "wss.metricsName" -}}
{{- printf "%s-metrics" (include "wss.fullname" . | trunc 55 | trimSuffix "-") }}
{{- end }}

{{/* What is set of `run`, as JSON. */}}
{{- define "wss.runSettings" -}}
{{- $settings := dict }}
{{- range $key, $value := omit .Values.run "proxy" "allowPlacement" }}
{{- if $value }}
{{- $_ := set $settings $key $value }}
{{- end }}
{{- end }}
{{- if not .Values.run.allowPlacement }}
{{- $_ := set $settings "allowPlacement" false }}
{{- end }}
{{- $proxy := dict }}
{{- range $key, $value := .Values.run.proxy }}
{{- if $value }}
{{- $_ := set $proxy $key $value }}
{{- end }}
{{- end }}
{{- if $proxy }}
{{- $_ := set $settings "proxy" $proxy }}
{{- end }}
{{- toJson $settings }}
{{- end }}

{{/* Everything that the operator is told. */}}
{{- define "wss.env" -}}
- {name: RUN_IMAGE, value: {{ include "wss.image" . | quote }}}
- {name: RUN_IMAGE_PULL_POLICY, value: {{ .Values.image.pullPolicy }}}
- {name: RUN_SETTINGS, value: {{ include "wss.runSettings" . | quote }}}
- {name: WEDOF_ALLOWED_HOSTS, value: {{ join "," .Values.wedof.allowedHosts | quote }}}
{{- with .Values.google.sheetsBaseUrl }}
- {name: GOOGLE_SHEETS_BASE_URL, value: {{ . | quote }}}
{{- end }}
{{- with .Values.google.tokenHosts }}
- {name: GOOGLE_TOKEN_HOSTS, value: {{ join "," . | quote }}}
{{- end }}
{{- with .Values.secretNamePattern }}
- {name: SECRET_NAME_PATTERN, value: {{ . | quote }}}
{{- end }}
{{- with .Values.namespaces }}
- {name: WATCH_NAMESPACES, value: {{ join "," . | quote }}}
{{- end }}
- {name: LOG_FORMAT, value: {{ .Values.log.format }}}
- {name: LOG_LEVEL, value: {{ .Values.log.level | quote }}}
- {name: LEADER_ELECT, value: "true"}
- {name: LEASE_NAME, value: {{ include "wss.fullname" . | quote }}}
- {name: LEASE_DURATION, value: {{ .Values.leaderElection.leaseDuration | quote }}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}

{{/* What a schema can refuse but not explain. */}}
{{- define "wss.validate" -}}
{{- range $value, $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "metrics.service.labels" .Values.metrics.service.labels }}
{{- range $label, $_ := $labels }}
{{- if has $label (list "helm.sh/chart" "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by") }}
{{- fail (printf "%s: the chart sets the label %s itself, and selects the operator's pods by it; nameOverride changes names" $value $label) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $own := include "wss.env" . | fromYamlArray }}
{{- range $.Values.extraEnv }}
{{- if eq .name $own.name }}
{{- fail (printf "extraEnv: the chart sets %s itself, by another value" .name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if contains "PRIVATE KEY" .Values.run.caCertificates }}
{{- fail "run.caCertificates: there is a private key in it, which everyone who may read pods would see; only certificates are needed" }}
{{- end }}
{{- end }}

{{/*
The rights of the operator, and no others: it never reads a Secret and never writes a spec.
`delete` on CronJobs: the API server asks for it when an existing owner reference changes.
*/}}
{{- define "wss.rules" -}}
- apiGroups: [wedofsheetsync.dev]
  resources: [wedofsheetsyncs]
  verbs: [list, watch]
- apiGroups: [wedofsheetsync.dev]
  resources: [wedofsheetsyncs/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [cronjobs/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  # patch: spec.suspend, of Jobs that have to wait for another run
  verbs: [list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list]
{{- end }}

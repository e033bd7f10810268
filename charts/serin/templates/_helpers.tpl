{{- define "serin.selector" -}}
app.kubernetes.io/name: serin
app.kubernetes.io/component: operator
{{- end }}

{{- define "serin.labels" -}}
{{ include "serin.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "serin.metadata" -}}
namespace: {{ .Release.Namespace }}
labels: {{- include "serin.labels" . | nindent 2 }}
{{- end }}

{{- define "serin.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default "serin-operator" }}
{{- end }}

{{- define "serin.subject" -}}
- kind: ServiceAccount
  name: {{ include "serin.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "serin.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ $tag }}
{{- end -}}
{{- end }}

{{- /* How changed templates are held: policy, webhook or paused. The API server has its own policies since 1.36. */ -}}
{{- define "serin.hold" -}}
{{- if .Values.hold -}}
{{ .Values.hold }}
{{- else if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version -}}
policy
{{- else -}}
webhook
{{- end -}}
{{- end }}

{{- /* Names of objects that are the cluster's, and of which there is one for each namespace that has a Serin. */ -}}
{{- define "serin.clusterName" -}}
serin-{{ .Release.Namespace }}
{{- end }}

{{- /* The arguments of the operator, a line each. */ -}}
{{- define "serin.arguments" -}}
operator
--leader-elect
--leader-elect-namespace={{ .Release.Namespace }}
--hold={{ include "serin.hold" . }}
{{- range .Values.namespaces }}
--namespace={{ . }}
{{- end }}
{{- if .Values.namespaces }}
--mesh-scope=namespaces
{{- end }}
{{- range $name, $value := .Values.config }}
{{- $flag := printf "--%s" (kebabcase $name) }}
{{- if kindIs "slice" $value }}
{{- range $value }}
{{ $flag }}={{ . }}
{{- end }}
{{- else if kindIs "float64" $value }}
{{ $flag }}={{ int64 $value }}
{{- else if not (kindIs "invalid" $value) }}
{{ $flag }}={{ $value }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
{{ . }}
{{- end }}
{{- end }}

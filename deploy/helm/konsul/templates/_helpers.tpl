{{- define "konsul.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "konsul.peers" -}}
{{ include "konsul.name" . }}-peers
{{- end -}}

{{- define "konsul.selector" -}}
app.kubernetes.io/name: konsul
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "konsul.labels" -}}
{{ include "konsul.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "konsul.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "konsul.tokenSecret" -}}
{{ .Values.joinToken.existingSecret | default (printf "%s-join" (include "konsul.name" .)) }}
{{- end -}}

{{/* Every pod by its name under the peer service: all nodes have the same list, whoever starts first. */}}
{{- define "konsul.joinAddresses" -}}
{{- $root := . -}}
{{- range $at := until (int .Values.replicas) -}}
{{- if $at }},{{ end -}}
{{ include "konsul.name" $root }}-{{ $at }}.{{ include "konsul.peers" $root }}.{{ $root.Release.Namespace }}.svc:7000
{{- end -}}
{{- end -}}

{{/* A name that is in the certificate of the API, which all pods share: for who asks a pod by its address. */}}
{{- define "konsul.certifiedName" -}}
{{ include "konsul.name" . }}-0.{{ include "konsul.peers" . }}.{{ .Release.Namespace }}.svc
{{- end -}}

{{/*
What the probes ask. The kubelet has no certificate to show: where one is required, the pod asks itself. By its address: where no
name can be resolved, all pods would be started again.
*/}}
{{- define "konsul.probe" -}}
{{- $tls := .root.Values.tls.api -}}
{{- if $tls.requireClientCertificate -}}
exec:
  command: [konsul, health, --{{ .what }}, "--http-addr=https://127.0.0.1:8888", --tls-server-name={{ include "konsul.certifiedName" .root }}]
{{- else -}}
httpGet: { path: /health/{{ .what }}, port: http, scheme: {{ ternary "HTTPS" "HTTP" $tls.enabled }} }
{{- end -}}
{{- end -}}

{{/* Labels of every object: those of the manifests, and Helm's. */}}
{{- define "ferrolb.labels" -}}
app: metallb
app.kubernetes.io/name: ferrolb
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Labels of pods: those of the manifests and no others, so that an upgrade of the chart alone replaces none.
     Takes a list: the context, the daemon. */}}
{{- define "ferrolb.podLabels" -}}
{{- $daemon := index . 1 -}}
app: metallb
app.kubernetes.io/name: ferrolb
component: {{ $daemon }}
app.kubernetes.io/component: {{ $daemon }}
{{- end }}

{{- define "ferrolb.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* A probe. Takes a list: the context, the values of the probe, the path. */}}
{{- define "ferrolb.probe" -}}
{{- $root := index . 0 -}}
{{- $get := dict "path" (index . 2) "port" $root.Values.prometheus.metricsPort }}
{{- /* The kubelet checks no certificate and sends no token, and needs none for health. */}}
{{- if include "ferrolb.tls" $root }}{{ $_ := set $get "scheme" "HTTPS" }}{{ end }}
{{- toYaml (merge (dict "httpGet" $get) (omit (index . 1) "enabled")) }}
{{- end }}

{{/* Not empty if metrics and health are served over TLS: by both daemons or by none, for one PodMonitor is for both. */}}
{{- define "ferrolb.tls" -}}
{{- with .Values.tls }}{{ if or .metrics .controllerMetricsTLSSecret .speakerMetricsTLSSecret }}yes{{ end }}{{ end }}
{{- end }}

{{- define "ferrolb.tlsMounts" -}}
{{- if include "ferrolb.tls" . -}}
volumeMounts:
- name: metrics-tls
  mountPath: /etc/ferrolb/metrics-tls
  readOnly: true
{{- end }}
{{- end }}

{{/* What is mounted there. Takes a list: the context, the name of the Secret or nothing. */}}
{{- define "ferrolb.tlsVolumes" -}}
{{- if include "ferrolb.tls" (index . 0) -}}
volumes:
- name: metrics-tls
  secret:
    secretName: {{ index . 1 | default "ferrolb-metrics-tls" }}
    optional: true
    # The controller runs as user 65534.
    defaultMode: 0444
{{- end }}
{{- end }}

{{/* Flags for values that are set. Takes a dictionary from flag to value. */}}
{{- define "ferrolb.flags" -}}
{{- range $flag, $value := . }}
{{- if not (kindIs "invalid" $value) }}
- --{{ $flag }}={{ if kindIs "float64" $value }}{{ int64 $value }}{{ else }}{{ $value }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where pods say that their metrics are. */}}
{{- define "ferrolb.scrapeAnnotations" -}}
{{- if .Values.prometheus.scrapeAnnotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .Values.prometheus.metricsPort | quote }}
{{- if include "ferrolb.tls" . }}
prometheus.io/scheme: https
{{- end }}
{{- end }}
{{- end }}

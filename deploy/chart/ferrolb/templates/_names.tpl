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
{{- toYaml (merge (dict "httpGet" (dict "path" (index . 2) "port" $root.Values.prometheus.metricsPort)) (omit (index . 1) "enabled")) }}
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
{{- end }}
{{- end }}

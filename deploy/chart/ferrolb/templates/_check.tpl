{{/* Refuses values that the chart does not know, and names the nearest that it knows. Helm's own check by the schema can
     only say that a value is not allowed, so the schema allows it and this reads the schema. */}}

{{/* Paths of all values that the schema names, one a line. Takes a list: the schema, the path. */}}
{{- define "ferrolb.paths" -}}
{{- $path := index . 1 }}
{{- range $name, $below := (index . 0).properties }}
{{ $path }}{{ $name }}
{{- include "ferrolb.paths" (list $below (printf "%s%s." $path $name)) }}
{{- end }}
{{- end }}

{{/* How alike two words are, from 0 to 100: pairs of letters that they share. */}}
{{- define "ferrolb.likeness" -}}
{{- $left := lower (index . 0) }}
{{- $right := lower (index . 1) }}
{{- $shared := 0 }}
{{- range $at := until (int (max 0 (sub (len $left) 1))) }}
{{- if contains (substr $at (int (add $at 2)) $left) $right }}{{ $shared = add $shared 1 }}{{ end }}
{{- end }}
{{- div (mul 200 $shared) (max 1 (sub (add (len $left) (len $right)) 2)) }}
{{- end }}

{{/* The path most like an unknown one; a path that ends in the same name is the likest. Takes a list: path, paths. */}}
{{- define "ferrolb.nearest" -}}
{{- $unknown := index . 0 }}
{{- $name := last (splitList "." $unknown) }}
{{- $best := 30 }}
{{- $nearest := "" }}
{{- range $path := index . 1 }}
{{- $likeness := include "ferrolb.likeness" (list $unknown $path) | int }}
{{- $own := include "ferrolb.likeness" (list $name (last (splitList "." $path))) | int }}
{{- $likeness = add $likeness (mul 2 $own) | int }}
{{- if eq (lower $name) (last (splitList "." (lower $path))) }}{{ $likeness = add $likeness 100 | int }}{{ end }}
{{- if gt $likeness $best }}{{ $best = $likeness }}{{ $nearest = $path }}{{ end }}
{{- end }}
{{- $nearest }}
{{- end }}

{{/* Takes a list: values, schema, path, all paths, refused values with the reasons. */}}
{{- define "ferrolb.known" -}}
{{- $schema := index . 1 }}
{{- $path := index . 2 }}
{{- $paths := index . 3 }}
{{- $refused := index . 4 }}
{{- range $name, $value := index . 0 }}
{{- $full := printf "%s%s" $path $name }}
{{- $below := get $schema.properties $name }}
{{- if hasKey $refused $full }}
{{- fail (printf "%s: %s" $full (get $refused $full)) }}
{{- else if not $below }}
{{- $nearest := include "ferrolb.nearest" (list $full $paths) }}
{{- fail (printf "%s: there is no such value; %s" $full (ternary (printf "did you mean %s?" $nearest) "deploy/chart/ferrolb/values.yaml lists all" (ne $nearest ""))) }}
{{- else if and $below.properties (kindIs "map" $value) }}
{{- include "ferrolb.known" (list $value $below (printf "%s." $full) $paths $refused) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ferrolb.check" -}}
{{- $schema := .Files.Get "files/values.schema.json" | fromJson }}
{{- $paths := include "ferrolb.paths" (list $schema "") | trim | splitList "\n" }}
{{- $refused := .Files.Get "files/refused.yaml" | fromYaml }}
{{- include "ferrolb.known" (list .Values $schema "" $paths $refused) }}
{{- end }}

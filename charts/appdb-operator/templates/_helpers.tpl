{{- define "appdb.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "appdb.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "appdb.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "appdb.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "appdb.selectorLabels" -}}
app.kubernetes.io/name: {{ include "appdb.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "appdb.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "appdb.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "appdb.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "appdb.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "appdb.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "appdb.subject" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "appdb.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{- /* Cluster-wide by nature. */ -}}
{{- define "appdb.clusterRules" -}}
- apiGroups: [appdb.chatbuilds.com]
  resources: [databaseservers]
  verbs: [get, list, watch]
- apiGroups: [appdb.chatbuilds.com]
  resources: [databaseservers/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, list, watch]
{{- end -}}

{{- /* Where applications live: everywhere, or in each of watchNamespaces. */ -}}
{{- define "appdb.tenantRules" -}}
- apiGroups: [appdb.chatbuilds.com]
  resources: [appdatabases]
  verbs: [get, list, watch, patch]
- apiGroups: [appdb.chatbuilds.com]
  resources: [appdatabases/status]
  verbs: [patch]
- apiGroups: [appdb.chatbuilds.com]
  resources: [appdatabases/finalizers]
  verbs: [update]
- apiGroups: [appdb.chatbuilds.com]
  resources: [schemaplans]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [appdb.chatbuilds.com]
  resources: [schemaplans/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

// The files of the chart that are made from the source.
import { stringify } from "yaml";
import { holdPolicyManifests } from "../../src/adapters/kubernetes/hold-policy.ts";
import { rolloutCrd } from "../../src/api/crd.ts";
import { requestedBy, requestRights } from "./chart-requests.ts";
import { chartValues, type Schema, type Value } from "./chart-values.ts";
import { code, table } from "./markdown.ts";

const made = "Made by `npm run generate`. Do not edit.";

/** Each file by its path in the repository. */
export function chartFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["charts/serin/values.yaml", valuesFile()],
    ["charts/serin/values.schema.json", `${JSON.stringify(valuesSchema(), undefined, 2)}\n`],
    ["charts/serin/README.md", readme()],
    ["charts/serin/templates/crd.yaml", crdTemplate()],
    ["charts/serin/templates/hold-policy.yaml", holdTemplate()],
    ["charts/serin/templates/request-policies.yaml", requestsTemplate()],
  ]);
}

function valuesFile(): string {
  const entries = chartValues.map((value) => entry(value).join("\n"));
  return `# ${made} Every value with what it is for and its default; values.schema.json refuses all others.\n\n${entries.join("\n\n")}\n`;
}

/** The lines of a value, its description above it. What has no default is shown as a comment. */
function entry(value: Value): readonly string[] {
  const comment = `# ${value.description}`;
  if ("members" in value)
    return [comment, `${value.name}:`, ...value.members.flatMap(entry).map((line) => `  ${line}`)];
  if (value.default === undefined) return [comment, `# ${value.name}: ${value.otherwise ?? ""}`.trimEnd()];
  return [
    comment,
    ...stringify({ [value.name]: value.default }, { lineWidth: 0 })
      .trimEnd()
      .split("\n"),
  ];
}

function valuesSchema(): Schema {
  return {
    $schema: "https://json-schema.org/draft-07/schema#",
    ...objectOf([...chartValues, ...ofHelm]),
  };
}

/** What Helm itself gives to every chart. */
const ofHelm: readonly Value[] = [
  { name: "global", description: "Helm's own.", schema: { type: "object" }, default: {} },
];

function objectOf(values: readonly Value[]): Schema {
  const properties = Object.fromEntries(values.map((value) => [value.name, schemaOf(value)]));
  return { type: "object", additionalProperties: false, properties };
}

function schemaOf(value: Value): Schema {
  const { description } = value;
  return "members" in value ? { description, ...objectOf(value.members) } : { description, ...value.schema };
}

function readme(): string {
  const rows = chartValues.flatMap((value) => rowsOf("", value));
  return `<!-- ${made} -->\n\n${introduction}\n## Values\n\n${table(["Value", "Default", "Description"], rows)}\n`;
}

function rowsOf(above: string, value: Value): readonly (readonly string[])[] {
  const path = `${above}${value.name}`;
  if ("members" in value) return value.members.flatMap((member) => rowsOf(`${path}.`, member));
  const shown = value.default === undefined ? (value.otherwise ?? "") : JSON.stringify(value.default);
  return [[code(path), shown === "" ? "" : code(shown), value.description]];
}

const introduction = `# Serin

Canary releases of Deployments on Istio, judged by their own requests.

## Install

You need Kubernetes 1.30 or newer, Istio 1.22 or newer in sidecar mode, and a Prometheus that has Istio's standard metrics.

The image is yours: \`docker build -t YOUR-REGISTRY/serin:0.1.0 .\` in a clone of the repository, and push it where your cluster pulls
from. The app of the example is a Deployment and a Service in namespace shop, both named product. Its pods have Istio's sidecars and a
container named app, and something in the mesh calls it all the time: a canary without requests is not judged.

\`\`\`sh
helm install serin charts/serin -n serin-system --create-namespace \\
  --set image.repository=YOUR-REGISTRY/serin --set config.prometheusAddress=http://prometheus.istio-system:9090
kubectl rollout status deployment/serin-operator -n serin-system
kubectl apply -n shop -f rollout.yaml && kubectl wait -n shop srn/product --for=condition=Ready --timeout=2m   # the one below
kubectl set image deployment/product app=product:v2 -n shop   # a release; so is every change of the pod template
\`\`\`

\`\`\`yaml
apiVersion: serin.dev/v1alpha1
kind: Rollout
metadata:
  name: product
spec:
  targetRef:
    name: product   # your Deployment; its Service has the same name
\`\`\`

\`kubectl describe srn product -n shop\` tells where it stands and, after a rollback, why.

## More than one

Teams that must not share an operator get one each, in a namespace of its own, with \`namespaces\`. The definition and the policy that
holds templates are the cluster's: the first release has them, every further one is installed with
\`--set crds.enabled=false,holdPolicy.enabled=false\`. Uninstall the one that has them last: while the policy is away, the others say so
and keep their Deployments paused. Two operators must not work for one namespace. Before Kubernetes 1.36 there is one webhook for a
cluster, and so only one operator.

## Upgrade

\`helm upgrade\` upgrades the definition of Rollouts too. Releases that are under way go on: another replica takes over from what is
stored. On Kubernetes 1.36 and newer no template rolls out by itself meanwhile.

## Uninstall

\`helm uninstall serin -n serin-system --timeout 11m\` first deletes all Rollouts and waits until the operator has given back what they
took: Deployments, Services and your own routes stay and work without Serin. Helm's own patience is 5 minutes; give it more than
\`uninstall.timeout\`. Where the operator does not run any more, that cannot end:
\`serin release NAME --force\` does its part from your machine, and \`helm uninstall --no-hooks\` the rest. The definition stays
(\`crds.keep\`).

## Rights

A ClusterRole lets the operator read and write what a release needs, listed in \`templates/_rights.tpl\`; no Secrets but its own,
no wildcards. A policy in the API server limits what it may change in Deployments further. With \`namespaces\` there are Roles in these
namespaces instead; then routes to a Service from other namespaces are not seen.
`;

function crdTemplate(): string {
  const definition = yamlOf(rolloutCrd());
  const [head, rest] = cut(definition, "metadata:\n");
  const keep = [
    '  labels: {{- include "serin.labels" . | nindent 4 }}',
    "  {{- if .Values.crds.keep }}",
    "  annotations:",
    "    helm.sh/resource-policy: keep",
    "  {{- end }}",
  ].join("\n");
  return `{{- /* ${made} */ -}}\n{{- if .Values.crds.enabled }}\n${head}metadata:\n${keep}\n${rest}{{- end }}\n`;
}

function holdTemplate(): string {
  const objects = holdPolicyManifests.map((manifest) => {
    const [head, rest] = cut(yamlOf(manifest), "metadata:\n");
    return `${head}metadata:\n  labels: {{- include "serin.labels" . | nindent 4 }}\n${rest}`;
  });
  const why = "# Holds back changed templates of released Deployments in the API server, also while no operator runs.";
  return `{{- /* ${made} */ -}}\n{{- if and .Values.holdPolicy.enabled (eq (include "serin.hold" .) "policy") }}\n${why}\n${objects.join("---\n")}{{- end }}\n`;
}

/** A policy and its binding, in the namespaces that the operator works in. */
function policy(kind: "Validating" | "Mutating", suffix: string, spec: object): string {
  const head = (type: string) => [
    `apiVersion: admissionregistration.k8s.io/v1`,
    `kind: ${kind}AdmissionPolicy${type}`,
    "metadata:",
    `  name: {{ include "serin.clusterName" . }}-${suffix}`,
    `  labels: {{- include "serin.labels" . | nindent 4 }}`,
    "spec:",
  ];
  const rules = yamlOf(spec)
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}`);
  const scope = [
    "  {{- if .Values.namespaces }}",
    "  matchResources:",
    "    namespaceSelector:",
    "      matchExpressions:",
    "        - key: kubernetes.io/metadata.name",
    "          operator: In",
    "          values: {{- toYaml .Values.namespaces | nindent 12 }}",
    "  {{- end }}",
  ];
  const actions = kind === "Validating" ? ["  validationActions: [Deny]"] : [];
  const bound = [`  policyName: {{ include "serin.clusterName" . }}-${suffix}`, ...actions, ...scope];
  return [...head(""), ...rules, "---", ...head("Binding"), ...bound].join("\n");
}

function requestsTemplate(): string {
  return [
    `{{- /* ${made} */ -}}`,
    "{{- if .Values.requestPolicies.enabled }}",
    "# What people ask of a release is in annotations. Each kind of request is a verb of its own.",
    policy("Validating", "requests", requestRights),
    '{{- if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version }}',
    "---",
    "# Who asked is told in events. The API server writes it, so that nobody can be named by somebody else.",
    policy("Mutating", "requested-by", requestedBy),
    "{{- end }}",
    "{{- end }}",
    "",
  ].join("\n");
}

function cut(text: string, at: string): readonly [string, string] {
  const index = text.indexOf(at);
  if (index < 0) throw new RangeError(`there is no ${at.trim()}`);
  return [text.slice(0, index), text.slice(index + at.length)];
}

function yamlOf(object: object): string {
  const text = stringify(object, { lineWidth: 120, aliasDuplicateObjects: false, version: "1.1" });
  if (text.includes("{{")) throw new RangeError("Helm would take this for a template");
  return text;
}

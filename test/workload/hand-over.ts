import { kind, KubernetesError, type KubernetesClient, type KubernetesObject } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";

/**
 * The writes of a hand-over, in their order, each with what tells it from all others: a policy refuses exactly that one,
 * so that a release stands right before it for as long as a test wants.
 */
export interface Point {
  /** As in "before the surge is opened". */
  readonly before: string;
  /** A short name, good for a namespace. */
  readonly name: string;
  /** What is written: group and resources. */
  readonly group: string;
  readonly resources: readonly string[];
  /** CEL over `object` and `oldObject`: whether it is this write. */
  readonly isIt: string;
  /** Whether anybody else makes this write too; it is refused to all then. */
  readonly byAnybody?: boolean;
  /** Whether the old pods are all still there. */
  readonly oldPods: boolean;
  /** Whether the ReplicaSet is the Deployment's already: there is no way back then. */
  readonly adopted: boolean;
  /** Whether the Deployment is still paused. */
  readonly paused: boolean;
}

const surge = (which: string) => `string(${which}.spec.strategy.rollingUpdate.maxSurge)`;
const isOurs = (which: string) => `${which}.metadata.?ownerReferences.orValue([]).exists(o, o.kind == 'Rollout')`;
const isPaused = (which: string) => `${which}.spec.?paused.orValue(false)`;
const size = (which: string) => `${which}.spec.?replicas.orValue(0)`;
const isNarrow = (which: string, subset: string) =>
  `${which}.spec.?subsets.orValue([]).exists(s, s.name == '${subset}' && 'pod-template-hash' in s.?labels.orValue({}))`;
const isSplit = (which: string) =>
  `${which}.spec.http.exists(h, h.?route.orValue([]).exists(d, d.destination.?subset.orValue('') == 'canary'))`;

export const points: readonly Point[] = [
  {
    before: "the surge is opened",
    name: "surge",
    group: "apps",
    resources: ["deployments"],
    isIt: `${surge("object")} == '100%' && ${surge("oldObject")} != '100%'`,
    oldPods: true,
    adopted: false,
    paused: true,
  },
  {
    before: "the ReplicaSet is handed over",
    name: "hand-over",
    group: "apps",
    resources: ["replicasets"],
    isIt: `${isOurs("oldObject")} && !${isOurs("object")}`,
    oldPods: true,
    adopted: false,
    paused: true,
  },
  {
    before: "the old ReplicaSet is at zero",
    name: "old-at-zero",
    group: "apps",
    resources: ["replicasets", "replicasets/scale"],
    isIt: `${size("oldObject")} > 0 && ${size("object")} == 0`,
    byAnybody: true,
    oldPods: true,
    adopted: true,
    paused: true,
  },
  {
    before: "the Deployment is unpaused",
    name: "unpause",
    group: "apps",
    resources: ["deployments"],
    isIt: `${isPaused("oldObject")} && !${isPaused("object")}`,
    oldPods: false,
    adopted: true,
    paused: true,
  },
  {
    before: "subset stable is widened",
    name: "widen",
    group: "networking.istio.io",
    resources: ["destinationrules"],
    isIt: `${isNarrow("oldObject", "stable")} && !${isNarrow("object", "stable")} && ${isNarrow("object", "canary")}`,
    oldPods: false,
    adopted: true,
    paused: false,
  },
  {
    before: "the route is restored",
    name: "route",
    group: "networking.istio.io",
    resources: ["virtualservices"],
    isIt: `${isSplit("oldObject")} && !${isSplit("object")}`,
    oldPods: false,
    adopted: true,
    paused: false,
  },
  {
    before: "the subsets are restored",
    name: "subsets",
    group: "networking.istio.io",
    resources: ["destinationrules"],
    isIt: `${isNarrow("oldObject", "canary")} && !${isNarrow("object", "canary")}`,
    oldPods: false,
    adopted: true,
    paused: false,
  },
];

/** What the operator is told when it makes the write. */
export const refusal = (point: Point) => `this test stops every release before ${point.before}`;

const byOperator = "request.userInfo.username == 'system:serviceaccount:serin-system:serin-operator'";

/** What an API server refuses as soon as it knows the policy, and does not store before that. */
const isProbe = "request.resource.resource == 'configmaps'";
const probe = {
  method: "POST",
  query: { dryRun: "All" },
  body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "probe" } },
} as const;
const isForbidden = (error: unknown) => error instanceof KubernetesError && error.status === 403;
const policies = kind<KubernetesObject>("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy");
const bindings = kind<KubernetesObject>("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding");

/** Refuses the write in one namespace; resolves with what lifts the refusal. */
export async function refuse(client: KubernetesClient, namespace: string, point: Point): Promise<() => Promise<void>> {
  const name = `stop-${point.name}-${namespace}`;
  const { apiVersion } = policies;
  await client.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await client.create({
    apiVersion,
    kind: policies.kind,
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          { apiGroups: [point.group], apiVersions: ["*"], operations: ["UPDATE"], resources: point.resources },
          { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] },
        ],
      },
      matchConditions: [{ name: "whose", expression: `${isProbe} || ${point.byAnybody === true} || ${byOperator}` }],
      validations: [{ expression: `!(${isProbe} || ${point.isIt})`, message: refusal(point), reason: "Forbidden" }],
    },
  } as KubernetesObject);
  const matchResources = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
  await client.create({
    apiVersion,
    kind: bindings.kind,
    metadata: { name },
    spec: { policyName: name, validationActions: ["Deny"], matchResources },
  } as KubernetesObject);
  const isEffective = () =>
    client.raw(`/api/v1/namespaces/${namespace}/configmaps`, probe).then(() => false, isForbidden);
  await until(isEffective, { timeout: 60_000, what: `the policy ${name}` });
  return async () => {
    await client.delete(bindings, { name });
    await client.delete(policies, { name });
  };
}

/** The point of that name. */
export function pointNamed(name: string): Point {
  const found = points.find((point) => point.name === name);
  if (found === undefined) throw new Error(`no write of the hand-over is called ${name}`);
  return found;
}

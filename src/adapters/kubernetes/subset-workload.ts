import { parseInstant } from "../../api/instant.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { Problem, ReplicaSet, Workload, WorkloadProblem } from "../../domain/observation.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import { lookAtCanaryPods, type CanaryPodsParts } from "./canary-pods.ts";
import { listAt, numberAt, textAt, textsAt } from "./json-fields.ts";
import { controls, podsOf, subsetFrom, workloadsIn, type SubsetPods, type SubsetSelector } from "./subset-reading.ts";
import { troublesSince } from "./subset-troubles.ts";
import type { CountedTroubles } from "./workload-reading.ts";
import { deployments, destinationRules, replicaSets, rollouts, services } from "./workload-resources.ts";

/** What a reader of subsets needs; Services, Deployments, ReplicaSets and DestinationRules must be watched. */
export type SubsetReaderParts = CanaryPodsParts;

/** What the spec says of the form with subsets. */
interface Asked {
  readonly subset: string;
  readonly service: string;
  readonly destinationRule: string;
}

/**
 * Whether the Rollout is of the form in which users run all versions themselves, and what it asks for. A spec that cannot
 * be understood is taken at its word as far as it goes.
 */
export function askedSubset(objects: KubernetesObjects, rollout: Rollout): Asked | undefined {
  const { namespace, name } = rollout.key;
  const spec = rollout.spec ?? objects.cached(rollouts, namespace, name)?.spec;
  const subset = textAt(spec, "subset");
  if (subset === undefined) return undefined;
  return {
    subset,
    service: textAt(spec, "service", "name") ?? "",
    destinationRule: textAt(spec, "traffic", "istio", "destinationRule", "name") ?? "",
  };
}

/** The subsets with what runs in them, or what stands in the way. Only the pods of a canary cost a request. */
export async function readSubsets(
  parts: SubsetReaderParts,
  rollout: Rollout,
  asked: Asked,
  signal: AbortSignal,
): Promise<Workload | WorkloadProblem> {
  const selectors = selectorsOf(parts.objects, rollout, asked);
  if ("problem" in selectors) return { ...selectors, canary: undefined };
  const { namespace } = rollout.key;
  const all = [
    parts.objects.cachedAll(deployments, namespace),
    parts.objects.cachedAll(replicaSets, namespace),
  ] as const;
  const running = selectors.map((selector) => podsOf(selector, ...all));
  const ofCanary = running.find(({ subset }) => subset.name === rollout.status.canary?.podTemplateHash);
  const troubles = ofCanary && (await canaryTroubles(parts, rollout, ofCanary, signal));
  const entries = running.flatMap((one) => subsetFrom(one, one === ofCanary ? troubles : undefined) ?? []);
  const canary = entries.find(({ name }) => name === ofCanary?.subset.name);
  const problem = problemOf(running, rollout, asked);
  if (problem !== undefined) return { ...problem, canary };
  const workload = workloadOf(entries, running, rollout, asked);
  return workload ?? { ...nothingRuns(running, rollout, asked), canary };
}

/** Undefined where the subset that should serve has no pods. */
function workloadOf(
  entries: readonly ReplicaSet[],
  running: readonly SubsetPods[],
  rollout: Rollout,
  asked: Asked,
): Workload | undefined {
  const wanted = entries.find(({ name }) => name === asked.subset);
  if (wanted === undefined) return undefined;
  const stable = entries.find(({ name }) => name === rollout.status.stable?.podTemplateHash);
  const deployment = running.find(({ subset }) => subset.name === asked.subset)?.deployments[0];
  return {
    form: "Subsets",
    name: wanted.workload,
    uid: wanted.uid,
    generation: deployment?.metadata.generation ?? 0,
    observedGeneration: numberAt(deployment, "status", "observedGeneration"),
    // Traffic stays where it is until it is released: in this form nothing rolls out by itself, and nothing is held.
    paused: true,
    labelled: true,
    holdOff: false,
    deleting: false,
    replicas: (stable ?? wanted).replicas,
    revision: wanted.revision,
    image: wanted.image,
    strategy: "RollingUpdate",
    maxSurge: undefined,
    notSupported: undefined,
    promotedRevision: undefined,
    rejectedRevisions: [],
    replicaSets: entries,
  };
}

/** The labels that pods of each subset carry: an endpoint of the Service that the subset selects. */
function selectorsOf(objects: KubernetesObjects, { key }: Rollout, asked: Asked): readonly SubsetSelector[] | Problem {
  const { namespace } = key;
  const service = objects.cached(services, namespace, asked.service);
  if (service === undefined) {
    const message = `spec.service.name: there is no Service ${namespace}/${asked.service}. Create it, or write the name of the one that callers use.`;
    return { problem: "ServiceNotFound", message };
  }
  const selector = textsAt(service, "spec", "selector");
  if (Object.keys(selector).length === 0) {
    const message = `Service ${namespace}/${asked.service}, spec.selector: is empty, so no pod is known to be an endpoint. Write the labels that the pods of all versions have in common.`;
    return { problem: "WorkloadNotSupported", message };
  }
  const rule = objects.watches(destinationRules)
    ? objects.cached(destinationRules, namespace, asked.destinationRule)
    : undefined;
  if (rule === undefined) {
    const message = `spec.traffic.istio.destinationRule.name: there is no DestinationRule ${namespace}/${asked.destinationRule}. Create it with the subsets of your versions, or write the name of the one that has them.`;
    return { problem: "RouteNotFound", message };
  }
  return listAt(rule, "spec", "subsets").map((subset) => ({
    name: textAt(subset, "name") ?? "",
    labels: { ...selector, ...textsAt(subset, "labels") },
  }));
}

function problemOf(running: readonly SubsetPods[], rollout: Rollout, asked: Asked): Problem | undefined {
  const { namespace } = rollout.key;
  const find = (name: string | undefined) => running.find(({ subset }) => subset.name === name);
  const wanted = find(asked.subset);
  const rule = `DestinationRule ${namespace}/${asked.destinationRule}`;
  if (wanted === undefined) {
    const there = running.map(({ subset }) => subset.name).join(", ");
    const message = `spec.subset: ${rule} has no subset ${asked.subset}; it has ${there === "" ? "none" : there}. Write one that is there, or add it to the DestinationRule.`;
    return { problem: "WorkloadNotFound", message };
  }
  const stable = find(rollout.status.stable?.podTemplateHash);
  for (const one of stable === undefined ? [wanted] : [wanted, stable]) {
    const names = workloadsIn(one);
    if (names.length <= 1) continue;
    const message = `subset ${one.subset.name} of ${rule} selects pods of ${names.join(" and ")}, which metrics cannot tell from another subset as a whole. Have one Deployment in each subset.`;
    return { problem: "WorkloadNotSupported", message };
  }
  const [name] = workloadsIn(wanted);
  if (stable === undefined || stable === wanted || name === undefined || workloadsIn(stable)[0] !== name)
    return undefined;
  const message = `subsets ${stable.subset.name} and ${wanted.subset.name} of ${rule} both select pods of ${name}. Write labels in the subsets that only one of the Deployments has.`;
  return { problem: "WorkloadNotSupported", message };
}

function nothingRuns(running: readonly SubsetPods[], { key }: Rollout, asked: Asked): Problem {
  const labels = running.find(({ subset }) => subset.name === asked.subset)?.subset.labels ?? {};
  const list = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  const message = `spec.subset: subset ${asked.subset} selects no pods: no Deployment in namespace ${key.namespace} has the pod labels ${list.join(", ")}, which the Service and the subset ask for. Create it, or correct the labels.`;
  return { problem: "WorkloadNotFound", message };
}

function canaryTroubles(
  parts: SubsetReaderParts,
  rollout: Rollout,
  running: SubsetPods,
  signal: AbortSignal,
): Promise<CountedTroubles | undefined> {
  const since = rollout.status.release?.startedAt;
  const own = (labelled: readonly KubernetesObject[]) => {
    const found = labelled.filter((pod) => controls(running, pod));
    return since === undefined ? found : found.map(troublesSince(parseInstant(since)));
  };
  return lookAtCanaryPods(parts, rollout, { labels: running.subset.labels, own }, signal);
}

import { rolloutLabel } from "../../api/names.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { Problem } from "../../domain/observation.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import { textAt } from "./json-fields.ts";
import { ageKey } from "./workload-reading.ts";
import { deployments, rollouts } from "./workload-resources.ts";

/**
 * Name of the Rollout's Deployment. A Rollout whose spec cannot be understood, which must still let go, is taken at its
 * word as far as it names one, else its Deployment is the one that carries its name as a label.
 */
export function targetName(objects: KubernetesObjects, rollout: Rollout): string | undefined {
  if (rollout.spec !== undefined) return rollout.spec.targetRef?.name;
  const { namespace, name } = rollout.key;
  const named = textAt(objects.cached(rollouts, namespace, name), "spec", "targetRef", "name");
  if (named !== undefined) return named;
  const labelled = objects
    .cachedAll(deployments, namespace)
    .find(({ metadata }) => metadata.labels?.[rolloutLabel] === name);
  return labelled?.metadata.name;
}

/**
 * Whether another Rollout has the Deployment. The label decides, as long as the Rollout that it names is there and
 * wants the Deployment; without a label the older of two Rollouts has it.
 */
export function claimProblem(
  objects: KubernetesObjects,
  rollout: Rollout,
  deployment: KubernetesObject,
): Problem | undefined {
  const { namespace, name } = rollout.key;
  const label = deployment.metadata.labels?.[rolloutLabel];
  if (label === name) return undefined;
  const others = objects
    .cachedAll(rollouts, namespace)
    .filter(
      (other) => other.metadata.name !== name && textAt(other.spec, "targetRef", "name") === deployment.metadata.name,
    );
  const holder = others.find((other) => other.metadata.name === label);
  const itself = objects.cached(rollouts, namespace, name);
  const owner = holder ?? others.find((other) => itself !== undefined && isOlder(other, itself));
  if (owner === undefined) return undefined;
  return {
    problem: "WorkloadClaimed",
    message: `Deployment ${deployment.metadata.name} already belongs to Rollout ${owner.metadata.name}; delete one of the two Rollouts or change its spec.targetRef.name.`,
  };
}

function isOlder(one: KubernetesObject, other: KubernetesObject): boolean {
  return ageKey(one) < ageKey(other);
}

import { expect } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { deployment, manifest, type App } from "../lab/app.ts";
import type { Stored, StoredRollout } from "../lab/shop.ts";
import type { Bench, Case } from "./bench.ts";

interface Sized extends Stored {
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
  };
}

const pods = kind<Stored>("v1", "Pod");
const replicaSets = kind<Sized>("apps/v1", "ReplicaSet");
const deployments = kind<Sized>("apps/v1", "Deployment");

/** What people, scalers and drains do to an app, and what they see of it. */
export interface Hands {
  /** Applies the app's Deployment with other fields, as a commit to git would. */
  apply(app: Partial<App>): Promise<void>;
  /** Writes the scale subresource, as an autoscaler does. */
  scale(replicas: number): Promise<void>;
  /** Asks the release to go on, as `serin promote` does. */
  promote(): Promise<void>;
  kubectl(...args: string[]): Promise<string>;
  /** What kubectl says when it refuses; fails when it does not. */
  refused(...args: string[]): Promise<string>;
  /** Names of the live pods of one version: `product`, `product-a` or `product-b`. */
  podsOf(workload: string): Promise<readonly string[]>;
  /** Through the Eviction API, as a drain does; rejects when a budget refuses it. */
  evict(pod: string): Promise<void>;
  /** The canary's ReplicaSet by the name in the status. */
  canary(): Promise<Sized | undefined>;
  untilPods(workload: string, count: number): Promise<unknown>;
}

export function handsOn({ lab }: Bench, shop: Case, app: Partial<App> = {}): Hands {
  const { namespace } = shop;
  const { client } = lab.cluster;
  const kubectl = (...args: string[]) => lab.kubectl([...args, "-n", namespace]);
  const podsOf = async (workload: string) => {
    const { items } = await client.list(pods, { namespace });
    const live = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return live.map(({ metadata }) => metadata.name).filter((name) => workloadOf(name) === workload);
  };
  return {
    apply: (changes) => lab.apply(manifest(deployment({ namespace, image: "product:v1", ...app, ...changes }))),
    async scale(replicas) {
      const change = { spec: { replicas } };
      await client.patch(deployments, { namespace, name: "product" }, change, { subresource: "scale" });
    },
    async promote() {
      await kubectl("annotate", "rollout/product", "--overwrite", `serin.dev/promote-requested=${Date.now()}`);
    },
    kubectl,
    refused: (...args) =>
      kubectl(...args).then(
        (said) => Promise.reject(new Error(`kubectl ${args.join(" ")} was not refused: ${said}`)),
        (error: unknown) => String(error),
      ),
    podsOf,
    async evict(pod) {
      const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
      const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace } };
      await client.raw(path, { method: "POST", body });
    },
    async canary() {
      const name = (await shop.rollout()).status.canary?.replicaSet ?? "";
      return client.get(replicaSets, { namespace, name });
    },
    untilPods: (workload, count) =>
      until(async () => (await podsOf(workload)).length === count, {
        timeout: 60_000,
        what: `${count} pods of ${workload} in ${namespace}`,
      }),
  };
}

/** A pod's name less the hash of its ReplicaSet and its own suffix. */
function workloadOf(pod: string): string {
  return pod.split("-").slice(0, -2).join("-");
}

/** Holds a release at 50 % until a person asks it to go on. */
export const pausedHalfway = { steps: [{ weight: 50 }, { pause: {} }, { weight: 100 }] };

/** Whether the release stands at the pause of `pausedHalfway` or of another such spec. */
export const isPaused = ({ status }: StoredRollout) => status.phase === "Paused";

export const reasonOf = ({ status }: StoredRollout) => status.conditions?.find(({ type }) => type === "Ready")?.reason;

/** Whether the release waits for pods that cannot start. */
export const cannotStart = (stored: StoredRollout) => reasonOf(stored) === "CanaryCannotStart";

/** Waits for the promotion of `image`: the pods that serve after it are those that had all traffic before, by name and age. */
export async function promotedWithoutRestart(shop: Case, image: string): Promise<readonly string[]> {
  const { status } = await shop.untilRollout(`${image} at 100 %`, ({ status: { canary, weight } }) => {
    return canary?.image === image && weight === 100;
  });
  const own = (all: readonly string[]) => all.filter((pod) => pod.startsWith(`${status.canary?.workload ?? ""}-`));
  const before = own(await shop.pods());
  await shop.endsAs(image, { outcome: "Promoted" });
  await until(async () => own(await shop.pods()).length === (await shop.pods()).length, {
    timeout: 60_000,
    what: "the old pods to go",
  });
  expect(await shop.pods()).toEqual(before);
  return before;
}

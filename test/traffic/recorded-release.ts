import { expect } from "vitest";
import { requestAnnotations } from "../../src/api/names.ts";
import type { RolloutStatus } from "../../src/api/rollout-status.ts";
import { kind } from "../cluster/kubernetes.ts";
import type { EnvoyConfig } from "../cluster/mesh/envoy-types.ts";
import type {
  DestinationRule,
  EndpointSlice,
  MeshObjects,
  NodeLike,
  PodLike,
  Service,
  VirtualService,
} from "../cluster/mesh/objects.ts";
import { renderEnvoyConfig } from "../cluster/mesh/render.ts";
import { until } from "../cluster/processes/until.ts";
import { manifest, namespaceObject } from "../lab/app.ts";
import type { Lab } from "../lab/lab.ts";
import type { StoredRollout } from "../lab/shop.ts";
import type { GoldenCase } from "../unit/cluster/golden.ts";
import { moved, type MovedCase } from "./recorded-objects.ts";
import { clustersWithEndpoints, sharesIn, withoutShares } from "./shares.ts";

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");
const deployments = kind<Sized>("apps/v1", "Deployment");
const virtualServices = kind<VirtualService>("networking.istio.io/v1", "VirtualService");

interface Sized {
  readonly metadata: { readonly name: string; readonly generation: number };
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly env?: readonly { readonly name: string }[] }[] };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
  };
}

/** What came of a release over recorded objects. */
export interface RecordedRelease {
  /** `Promoted`, or the sentence with which it was refused; without the names of the case. */
  readonly outcome: string;
  /** What the proxy of the case's client would have had after each write, the first one before any. */
  readonly configs: readonly EnvoyConfig[];
  readonly isOurs: (cluster: string) => boolean;
  /** The Rollout at the end, for people who have to find out why. */
  readonly rollout: StoredRollout | undefined;
}

/** Asks the operator to release over the objects of a recorded case, a person asking it on at each step, to its end. */
export async function releaseOver(lab: Lab, recorded: GoldenCase, expected: string): Promise<RecordedRelease> {
  const played = moved(recorded);
  const { namespace, stable, canary } = played;
  await lab.apply(manifest(...played.namespaces.map(namespaceObject)));
  try {
    await apply(lab, recorded, played);
    const written = followWrites(lab, namespace);
    await lab.apply(manifest(played.rollout(stable)));
    let outcome = await settled(lab, played, expected);
    if (outcome === "Ready") {
      await lab.apply(manifest(played.rollout(canary)));
      outcome = await settled(lab, played, expected);
    }
    const objects = await objectsOf(lab, played);
    written.stop();
    const configs = written.states.map((own) => {
      const others = objects.virtualServices.filter(({ metadata }) => metadata.namespace !== namespace);
      return renderEnvoyConfig({ ...objects, virtualServices: [...own, ...others] }, played.client);
    });
    const isOurs = (cluster: string) =>
      [stable, canary].some((subset) =>
        new RegExp(`^outbound\\|\\d+\\|${subset}\\|web\\.${namespace}\\.`).test(cluster),
      );
    const rollout = await lab.cluster.client.get(rollouts, { namespace, name: "web" });
    return { outcome, configs, isOurs, rollout };
  } finally {
    await giveUp(lab, played);
  }
}

/** In the order of the record, and as far apart where it says so: of two objects for one host the older one counts. */
async function apply(lab: Lab, recorded: GoldenCase, played: MovedCase): Promise<void> {
  await lab.apply(manifest(...played.deployments));
  const isByAge = recorded.objects.virtualServices.length > 1 || recorded.objects.destinationRules.length > 1;
  let last = 0;
  for (const object of played.objects) {
    // The API server's times have seconds.
    if (isByAge) await until(() => Date.now() - last > 1_100, { timeout: 5_000, what: "the next second" });
    // Not with kubectl's own schema: the API server decides about fields that nobody has heard of.
    await lab.kubectl(["create", "--validate=false", "-f", "-"], manifest(object));
    last = Date.now();
  }
  await until(() => haveRolledOut(lab, played.namespace), { timeout: 60_000, what: `the pods of ${played.namespace}` });
}

/** All pods are there; those that are to be ready are. */
async function haveRolledOut(lab: Lab, namespace: string): Promise<boolean> {
  const { items } = await lab.cluster.client.list(deployments, { namespace });
  const pods = await lab.world.pods.list();
  return items.every(({ metadata, spec, status }) => {
    const own = pods.filter((pod) => pod.namespace === namespace && pod.workload === metadata.name);
    const isSeen = status?.observedGeneration === metadata.generation && (status.replicas ?? 0) === spec.replicas;
    const isHopeless = spec.template.spec.containers.some(({ env = [] }) =>
      env.some(({ name }) => name === "NEVER_READY"),
    );
    return isSeen && own.length === spec.replicas && (status.readyReplicas ?? 0) === (isHopeless ? 0 : spec.replicas);
  });
}

/** What the status comes to: the expected word, or another that stays. */
async function settled(lab: Lab, { namespace, anonymous }: MovedCase, expected: string): Promise<string> {
  const { client } = lab.cluster;
  const place = { namespace, name: "web" };
  let seen = { outcome: "", since: 0 };
  return until(
    async () => {
      const stored = await client.get(rollouts, place);
      if (stored === undefined) return false;
      const outcome = anonymous(outcomeOf(stored));
      if (outcome !== "" && (outcome === expected || outcome === "Ready")) return outcome;
      if (outcome !== seen.outcome) seen = { outcome, since: Date.now() };
      if (isWaiting(stored)) {
        const asked = { metadata: { annotations: { [requestAnnotations.promote]: new Date().toISOString() } } };
        await client.patch(rollouts, place, asked);
      }
      return outcome !== "" && Date.now() - seen.since > unlikelyToChange && outcome;
    },
    { timeout: 120_000, every: 500, what: `${namespace} to come to: ${expected}` },
  );
}

/** Whether a release is under way and the last request was taken: a person asks for the next thing then. */
function isWaiting({ metadata, status }: StoredRollout): boolean {
  const asked = metadata.annotations?.[requestAnnotations.promote];
  return status.release !== undefined && status.release.decision === undefined && asked === status.handled?.promote;
}

/** Milliseconds after which a status that is not the expected one is taken for the last word. */
const unlikelyToChange = 15_000;

function outcomeOf({ metadata, status }: StoredRollout): string {
  if (status.observedGeneration !== metadata.generation) return "";
  const [entry] = status.history ?? [];
  if (status.release === undefined && entry !== undefined)
    return entry.outcome === "Promoted" ? "Promoted" : `${entry.outcome}: ${entry.explanation ?? ""}`;
  return status.release === undefined && isReady(status) ? "Ready" : (status.message ?? "");
}

function isReady({ conditions = [] }: RolloutStatus): boolean {
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

interface Writes {
  /** All of them, before the first write and after each. */
  readonly states: readonly (readonly VirtualService[])[];
  stop(): void;
}

/** Follows the case's own VirtualServices from now on. */
function followWrites(lab: Lab, namespace: string): Writes {
  const ended = new AbortController();
  const states = new Map<string, readonly VirtualService[]>();
  lab.cluster.client
    .watchUntil({ kind: virtualServices, namespace, timeout: 600_000 }, (objects) => {
      states.set(objects.map(({ metadata }) => metadata.resourceVersion).join(" "), [...objects]);
      return ended.signal.aborted;
    })
    .catch(() => undefined);
  return {
    get states() {
      return [...states.values()];
    },
    stop: () => ended.abort(),
  };
}

async function objectsOf(lab: Lab, { namespaces, objects }: MovedCase): Promise<MeshObjects> {
  const { client } = lab.cluster;
  const list = async <T extends { readonly metadata: { readonly name: string } }>(apiVersion: string, name: string) =>
    (await Promise.all(namespaces.map((namespace) => client.list(kind<T>(apiVersion, name), { namespace })))).flatMap(
      ({ items }) => items,
    );
  const istio = "networking.istio.io/v1";
  const own = new Set(
    objects.filter(({ metadata }) => metadata.namespace === "istio-system").map((each) => each.metadata.name),
  );
  const root = await client.list(kind<DestinationRule>(istio, "DestinationRule"), { namespace: "istio-system" });
  return {
    services: await list<Service>("v1", "Service"),
    endpointSlices: await list<EndpointSlice>("discovery.k8s.io/v1", "EndpointSlice"),
    pods: await list<PodLike>("v1", "Pod"),
    nodes: (await client.list(kind<NodeLike>("v1", "Node"))).items,
    virtualServices: await list<VirtualService>(istio, "VirtualService"),
    destinationRules: [
      ...(await list<DestinationRule>(istio, "DestinationRule")),
      ...root.items.filter(({ metadata }) => own.has(metadata.name)),
    ],
  };
}

async function giveUp(lab: Lab, { namespaces, objects }: MovedCase): Promise<void> {
  const root = objects.filter(({ metadata }) => metadata.namespace === "istio-system");
  for (const { kind: plural, metadata } of root)
    await lab.kubectl(["delete", plural.toLowerCase(), metadata.name, "-n", "istio-system", "--ignore-not-found"]);
  await lab.kubectl(["delete", "namespace", ...namespaces, "--wait=false"]);
}

/** Never a route to nothing, never a changed foreign share, and nothing else changed either. */
export function expectHarmless({ configs, isOurs }: RecordedRelease): void {
  const [first] = configs;
  if (first === undefined) throw new Error("nothing was rendered");
  const before = new Map(sharesIn(first).map(({ where, shares }) => [where, shares]));
  for (const config of configs) {
    expect(withoutShares(config, isOurs)).toEqual(withoutShares(first, isOurs));
    const served = clustersWithEndpoints(config);
    const rising = sharesIn(config).flatMap(({ where, shares }) =>
      [...shares]
        .filter(([cluster, share]) => !served.has(cluster) && share > (before.get(where)?.get(cluster) ?? 0))
        .map(([cluster, share]) => `${where}: ${share} % to ${cluster}, which has no endpoints`),
    );
    expect(rising).toEqual([]);
  }
}

import { kind, type Kind, type KubernetesObject } from "../cluster/kubernetes.ts";
import type { LocalCluster } from "../cluster/cluster.ts";
import type { Stored } from "./shop.ts";

/** The ready pods that could carry the traffic as it was split, in proportion to what was needed, at its lowest. */
export interface Capacity {
  /** 1 and more: nobody ever had less than stable had; `at` says when it was lowest. */
  lowest(): { readonly ratio: number; readonly at: string };
  /** Begins again: what came before is forgotten. */
  reset(): void;
  stop(): Promise<void>;
}

interface Pod extends Stored {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface Destination {
  readonly destination: { readonly subset?: string };
  readonly weight?: number;
}

const pods = kind<Pod>("v1", "Pod");
const deployments = kind<Stored>("apps/v1", "Deployment");
const virtualServices = kind<Stored>("networking.istio.io/v1", "VirtualService");
const destinationRules = kind<Stored>("networking.istio.io/v1", "DestinationRule");

const hashLabel = "pod-template-hash";

/** What the watches know at one moment. */
export interface Scene {
  readonly replicas: number;
  /** Ready pods that are not terminating, by hash. */
  readonly ready: ReadonlyMap<string, number>;
  /** Share of the traffic in percent by the hash that its subset selects; undefined where routes name no subset. */
  readonly shares: ReadonlyMap<string, number> | undefined;
}

/**
 * Ready pods ÷ needed pods of the version that is worst off. Without a split every ready pod counts, and the Deployment's
 * size is needed; in a split each version needs its share of that, rounded up, and one without traffic nothing.
 */
export function headroom({ replicas, ready, shares }: Scene): number {
  if (replicas === 0) return Infinity;
  const total = [...ready.values()].reduce((sum, count) => sum + count, 0);
  if (shares === undefined) return total / replicas;
  const each = [...shares].map(([hash, share]) =>
    share === 0 ? Infinity : (ready.get(hash) ?? 0) / Math.ceil((replicas * share) / 100),
  );
  return Math.min(...each);
}

/** The longest that pods which a smaller size asked to go may still be counted as ready. Milliseconds. */
const shrinkLag = 5_000;

/** In a split a larger size may be had the moment it is asked for, too late for a weight that was just decided on. Milliseconds. */
const growLag = 1_000;

/**
 * How many pods are needed, from one look to the next. A size that was asked for is needed from the moment at which it
 * was first had: pods take time to start, whoever asks for them, and nobody knows of it at once. After a smaller size it stays the needed one for a
 * while, because pods that are to go look ready until they are told.
 */
export class Need {
  #size: number | undefined;
  #seen: number | undefined;
  #shrunkAt = -Infinity;
  #grownAt = -Infinity;

  /** Undefined until the app is complete for the first time. */
  look(scene: Scene, now: number): number | undefined {
    const { replicas } = scene;
    if (this.#seen !== undefined && replicas < this.#seen) this.#shrunkAt = now;
    if (this.#seen !== undefined && replicas > this.#seen) this.#grownAt = now;
    this.#seen = replicas;
    const isLess = this.#size !== undefined && replicas < this.#size;
    const isKnown = now - this.#shrunkAt >= shrinkLag && now - this.#grownAt >= growLag;
    const isHad = isKnown && headroom(scene) >= 1;
    if (isLess || isHad) this.#size = replicas;
    return this.#size;
  }
}

/** Follows an app's capacity on the real API server. */
export function watchCapacity(cluster: LocalCluster, namespace: string, name = "product"): Capacity {
  const ended = new AbortController();
  let lowest = { ratio: Infinity, at: "never" };
  const need = new Need();
  const seen: { pods?: readonly Pod[]; replicas?: number; route?: Stored | undefined; rule?: Stored | undefined } = {};
  const look = () => {
    // Each watch begins when it begins: what was not listed yet is not missing.
    if (seen.replicas === undefined || seen.pods === undefined) return;
    const scene = { replicas: seen.replicas, ready: readyByHash(seen.pods), shares: sharesOf(seen.route, seen.rule) };
    const needed = need.look(scene, Date.now());
    if (needed === undefined) return;
    const ratio = headroom({ ...scene, replicas: needed });
    if (ratio < lowest.ratio) lowest = { ratio, at: describe(scene, needed) };
  };
  const follow = <T extends KubernetesObject>(what: Kind<T>, note: (objects: readonly T[]) => void) =>
    cluster.client
      .watchUntil({ kind: what, namespace, timeout: 3_600_000 }, (objects) => {
        note(objects);
        look();
        return ended.signal.aborted;
      })
      .catch(() => undefined);
  const named = (objects: readonly Stored[]) => objects.find(({ metadata }) => metadata.name === name);
  void follow(pods, (objects) => (seen.pods = objects));
  void follow(deployments, (objects) => {
    const replicas = named(objects)?.spec["replicas"];
    if (typeof replicas === "number") seen.replicas = replicas;
  });
  void follow(virtualServices, (objects) => (seen.route = named(objects)));
  void follow(destinationRules, (objects) => (seen.rule = named(objects)));
  return {
    lowest: () => lowest,
    reset: () => (lowest = { ratio: Infinity, at: "never" }),
    stop: () => Promise.resolve(ended.abort()),
  };
}

function readyByHash(all: readonly Pod[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { metadata, status } of all) {
    const isReady = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
    if (isReady !== true || metadata.deletionTimestamp !== undefined) continue;
    const hash = metadata.labels?.[hashLabel] ?? "";
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}

function sharesOf(route: Stored | undefined, rule: Stored | undefined): ReadonlyMap<string, number> | undefined {
  const http = route?.spec["http"] as readonly { readonly route?: readonly Destination[] }[] | undefined;
  const destinations = http?.flatMap((entry) => entry.route ?? []) ?? [];
  const shares = new Map<string, number>();
  for (const { destination, weight = destinations.length === 1 ? 100 : 0 } of destinations) {
    const hash = hashOf(destination.subset, rule);
    if (hash === undefined) return undefined;
    shares.set(hash, weight);
  }
  return shares.size === 0 ? undefined : shares;
}

interface Subset {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

function hashOf(name: string | undefined, rule: Stored | undefined): string | undefined {
  const subsets = rule?.spec["subsets"] as readonly Subset[] | undefined;
  return subsets?.find((subset) => subset.name === name)?.labels?.[hashLabel];
}

function describe({ ready, shares }: Scene, needed: number): string {
  const text = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([hash, count]) => `${hash}=${count}`).join(" ");
  return `${needed} needed, ready ${text(ready)}, shares ${shares === undefined ? "by pod" : text(shares)}, ${new Date().toISOString()}`;
}

import type { Dependencies } from "../../../src/controller/dependencies.ts";
import { isProblem } from "../../../src/domain/observation.ts";
import type { KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import type { disturbances } from "./disturbances.ts";
import { isRecord, type Json } from "./json.ts";
import type { Plant } from "./sim-operator.ts";

/** A mistake that the suite must find, and what shows it. */
export interface PlantedBug {
  readonly plant: Plant;
  /** What is said of it. */
  readonly found: RegExp;
  readonly disturbance?: keyof typeof disturbances;
  readonly isBad?: boolean;
}

/** Mistakes that somebody could make. Each is found by the invariants, whatever the faults. */
export const plantedBugs: Readonly<Record<string, PlantedBug>> = {
  "weights add up to 99": {
    plant: { objects: (objects) => patching(objects, "virtualservices", lessForStable) },
    found: /weights of a stored route add up to 99/,
  },
  "a newer template is promoted unseen": {
    plant: {
      deps: (deps) => reading(deps, (workload, canary) => ({ ...workload, revision: canary ?? workload.revision })),
    },
    disturbance: "newer",
    isBad: false,
    found: /nothing has proven|did not end|ended as/,
  },
  "the status is written after the traffic": {
    plant: { deps: statusLast },
    isBad: false,
    found: /the canary was given \d+ % while the status asked for/,
  },
  "an event is lost": {
    plant: { deps: (deps) => announcing(deps, (names) => names.slice(1)) },
    found: /event \w+ was never told/,
  },
  "an event is told twice": {
    plant: { deps: announcingTwice },
    found: /was told \d+ times in \d+ releases/,
  },
  "errors are not counted": {
    plant: { deps: withoutErrors },
    isBad: true,
    disturbance: "none",
    found: /ended as Promoted/,
  },
  "pods are taken for ready when they are wanted": {
    plant: {
      deps: (deps) =>
        reading(deps, (workload) => ({
          ...workload,
          replicaSets: workload.replicaSets.map((one) => ({ ...one, ready: one.replicas, available: one.replicas })),
        })),
    },
    found: /without ready pods gained traffic|requests found no pod/,
  },
  "the Deployment is unpaused with the canary": {
    plant: { deps: unpausing },
    disturbance: "none",
    found: /nothing has proven/,
  },
  "the subsets stay at the end": {
    plant: { deps: (deps) => ignoring(deps, "restoreSubsets") },
    found: /routes or subsets are not as they were|did not end/,
  },
  "the way back is forgotten": {
    plant: { objects: (objects) => patching(objects, "virtualservices", neverBack) },
    isBad: true,
    disturbance: "none",
    found: /still has traffic|ended as|did not end/,
  },
};

function patching(objects: KubernetesObjects, plural: string, change: (value: unknown) => unknown): KubernetesObjects {
  return {
    ...objects,
    jsonPatch: (resource, namespace, name, patch, options) => {
      const changed =
        resource.plural !== plural
          ? patch
          : patch.map((step) => (step.op === "replace" ? { ...step, value: change(step.value) } : step));
      return objects.jsonPatch(resource, namespace, name, changed, options);
    },
  };
}

interface Entry extends Json {
  readonly weight?: number;
  readonly destination?: { readonly subset?: string };
}

function lessForStable(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return (value as Entry[]).map((entry) =>
    entry.destination?.subset === "stable" && (entry.weight ?? 0) > 0
      ? { ...entry, weight: Number(entry.weight) - 1 }
      : entry,
  );
}

/** Whoever asks for 0 % after there was some gets 10 %. */
function neverBack(value: unknown): unknown {
  if (!Array.isArray(value) || !value.every(isRecord)) return value;
  const entries = value as Entry[];
  const isWayBack = entries.some(({ destination, weight }) => destination?.subset === "canary" && weight === 0);
  if (!isWayBack) return value;
  return entries.map((entry) => ({ ...entry, weight: entry.destination?.subset === "canary" ? 10 : 90 }));
}

type ReadWorkload = Dependencies["cluster"]["readWorkload"];
type Read = Extract<Awaited<ReturnType<ReadWorkload>>, { readonly form: string }>;

function reading(deps: Dependencies, change: (workload: Read, canary: string | undefined) => Read): Dependencies {
  const readWorkload: ReadWorkload = async (rollout, signal) => {
    const read = await deps.cluster.readWorkload(rollout, signal);
    return isProblem(read) ? read : change(read, rollout.status.release && rollout.status.canary?.revision);
  };
  return { ...deps, cluster: { ...deps.cluster, readWorkload } };
}

function statusLast(deps: Dependencies): Dependencies {
  let unwritten: (() => Promise<unknown>) | undefined;
  const flush = async () => {
    const write = unwritten;
    unwritten = undefined;
    await write?.();
  };
  return {
    ...deps,
    cluster: {
      ...deps.cluster,
      writeStatus: (rollout, status, signal) => {
        unwritten = () => deps.cluster.writeStatus(rollout, status, signal);
        return Promise.resolve({ ...rollout, status });
      },
      readWorkload: async (rollout, signal) => {
        await flush();
        return deps.cluster.readWorkload(rollout, signal);
      },
      perform: async (...args) => {
        await deps.cluster.perform(...args);
        await flush();
      },
    },
    routerFor: (rollout) => {
      const router = deps.routerFor(rollout);
      return {
        ...router,
        perform: async (...args) => {
          await router.perform(...args);
          await flush();
        },
      };
    },
  };
}

function announcing(deps: Dependencies, told: (all: readonly unknown[]) => readonly unknown[]): Dependencies {
  const announce: Dependencies["announcer"]["announce"] = async (rollout, pending, signal) => {
    await deps.announcer.announce(rollout, told(pending) as typeof pending, signal);
    return pending.map(({ name }) => name);
  };
  return { ...deps, announcer: { announce } };
}

function announcingTwice(deps: Dependencies): Dependencies {
  const announce: Dependencies["announcer"]["announce"] = async (rollout, pending, signal) => {
    await deps.announcer.announce(
      rollout,
      pending.map((event) => ({ ...event, name: `${event.name}-again` })),
      signal,
    );
    return deps.announcer.announce(rollout, pending, signal);
  };
  return { ...deps, announcer: { announce } };
}

function withoutErrors(deps: Dependencies): Dependencies {
  const measure: Dependencies["metrics"]["measure"] = async (query, signal) => {
    const measured = await deps.metrics.measure(query, signal);
    if (measured.kind !== "Counts") return measured;
    return { ...measured, ticks: measured.ticks.map((tick) => ({ ...tick, canary: { ...tick.canary, errors: 0 } })) };
  };
  return { ...deps, metrics: { ...deps.metrics, measure } };
}

function unpausing(deps: Dependencies): Dependencies {
  const readWorkload: ReadWorkload = async (rollout, signal) => {
    const read = await deps.cluster.readWorkload(rollout, signal);
    if (!isProblem(read) && rollout.status.release?.canaryCreatedAt !== undefined)
      await deps.cluster.perform({ kind: "pauseWorkload", paused: false, revision: read.revision }, rollout, signal);
    return read;
  };
  return { ...deps, cluster: { ...deps.cluster, readWorkload } };
}

function ignoring(deps: Dependencies, kind: string): Dependencies {
  const routerFor: Dependencies["routerFor"] = (rollout) => {
    const router = deps.routerFor(rollout);
    return {
      ...router,
      perform: (action, ...others) => (action.kind === kind ? Promise.resolve() : router.perform(action, ...others)),
    };
  };
  return { ...deps, routerFor };
}

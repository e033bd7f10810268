import { createCluster } from "../../../src/adapters/kubernetes/cluster.ts";
import { createEventAnnouncer } from "../../../src/adapters/kubernetes/event-announcer.ts";
import { createIstioRouter } from "../../../src/adapters/istio/istio-router.ts";
import type { Dependencies } from "../../../src/controller/dependencies.ts";
import { unmeasuredReleases } from "../../../src/controller/release-metrics.ts";
import { Obstacles } from "../../../src/controller/obstacles.ts";
import { reconcilePersistently } from "../../../src/controller/reconcile-persistently.ts";
import { Sightings } from "../../../src/controller/sightings.ts";
import type { MetricProvider } from "../../../src/ports/metric-provider.ts";
import { ReconcileError } from "../../../src/runtime/errors.ts";
import type { KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import { silentLogger, type Logger } from "../../../src/runtime/logger.ts";
import { settings } from "../../support/observation.ts";

export const key = { namespace: "shop", name: "product" };

export interface SimOperatorOptions {
  readonly objects: KubernetesObjects;
  readonly metrics: MetricProvider;
  readonly now: () => number;
  /** Told which rule decided, before anything of it is done. */
  readonly onDecided: (rule: string) => void;
  /** Told of an error that is no ReconcileError: a mistake. */
  readonly onMistake: (error: unknown) => void;
  readonly plant?: Plant | undefined;
}

/** Changes what the operator is made of: bugs are planted here. */
export interface Plant {
  readonly objects?: (objects: KubernetesObjects) => KubernetesObjects;
  readonly deps?: (deps: Dependencies) => Dependencies;
}

/** The real controller with the real adapters, over a cluster in memory. */
export class SimOperator {
  readonly #options: SimOperatorOptions;
  readonly #deps: Dependencies;
  readonly #crashed = Promise.withResolvers<"crashed">();
  #wakeAt = 0;

  constructor(options: SimOperatorOptions) {
    this.#options = options;
    const { plant, objects } = options;
    const deps = dependenciesOf({ ...options, objects: plant?.objects?.(objects) ?? objects });
    this.#deps = plant?.deps?.(deps) ?? deps;
  }

  /** When it wants to look again by itself. */
  get wakeAt(): number {
    return this.#wakeAt;
  }

  /** It is no more; what it awaits goes on without it. */
  crash(): void {
    this.#crashed.resolve("crashed");
  }

  /** One look at the Rollout; `crashed` where it did not live to see the end of it. */
  async reconcile(): Promise<"done" | "failed" | "crashed"> {
    const work = reconcilePersistently(key, this.#deps, new AbortController().signal).then(
      ({ requeueAfter }) => {
        this.#wakeAt = requeueAfter === undefined ? Infinity : this.#options.now() + requeueAfter;
        return "done" as const;
      },
      (error: unknown) => {
        if (!(error instanceof ReconcileError)) this.#options.onMistake(error);
        // The queue tries again soon.
        this.#wakeAt = this.#options.now() + 500;
        return "failed" as const;
      },
    );
    return Promise.race([this.#crashed.promise, work]);
  }
}

function dependenciesOf({ objects, metrics, now, onDecided }: SimOperatorOptions): Dependencies {
  const log: Logger = {
    ...silentLogger,
    debug: (message, fields) => {
      if (message === "decided") onDecided(String(fields?.["rule"]));
    },
    child: () => log,
  };
  const router = createIstioRouter({ objects, rootNamespace: "istio-system", clusterDomain: "cluster.local" });
  return {
    cluster: createCluster({ objects, clock: { now }, log }),
    routerFor: () => router,
    metrics,
    announcer: createEventAnnouncer({ objects, instance: "simulated", log }),
    clock: { now },
    settings,
    releaseMetrics: unmeasuredReleases,
    obstacles: new Obstacles(),
    sightings: new Sightings(),
    log,
  };
}

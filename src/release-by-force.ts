import { renderKey, type ObjectKey } from "./api/object-key.ts";
import type { Terminal } from "./cli/terminal.ts";
import type { Config } from "./config.ts";
import type { Dependencies } from "./controller/dependencies.ts";
import { reconcilePersistently } from "./controller/reconcile-persistently.ts";
import { unmeasuredReleases } from "./controller/release-metrics.ts";
import { reportFailure } from "./controller/report-failure.ts";
import { composeDependencies } from "./dependencies.ts";
import type { Action } from "./domain/decision.ts";
import { watchForRelease, type Leaving, type ReleaseConnection } from "./release-connection.ts";
import { runController } from "./runtime/controller.ts";
import type { Logger } from "./runtime/logger.ts";
import { pause, systemTimers } from "./runtime/timers.ts";
import { WorkQueue } from "./runtime/work-queue.ts";

export interface ReleaseByForce {
  readonly connection: ReleaseConnection;
  readonly leaving: Leaving;
  readonly config: Config;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/**
 * Reconciles one Rollout that is being deleted, as the operator would, until it is gone; tells each step. Whatever stops
 * it, it can be begun again: every look decides from what is there.
 */
export async function letGoFromHere({ connection, leaving, config, terminal, signal }: ReleaseByForce): Promise<void> {
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const queue = new WorkQueue({ timers: systemTimers, random: Math.random });
  const { key } = leaving.rollout;
  watchForRelease(connection, () => queue.add(renderKey(key)), until);
  while (connection.informers.missing().length > 0) {
    await pause(systemTimers, 50, signal);
    signal.throwIfAborted();
  }
  const deps = dependenciesFor(connection, leaving, config, terminal);
  const watching = connection.untilGone(leaving, () => undefined, signal).finally(() => ended.abort());
  queue.add(renderKey(key));
  await Promise.all([watching, work(key, queue, deps, until)]);
}

function work(key: ObjectKey, queue: WorkQueue, deps: Dependencies, signal: AbortSignal): Promise<void> {
  return runController(
    {
      queue,
      workers: 1,
      reconcile: (_key, within) => reconcilePersistently(key, deps, within),
      onFailure: (_key, failure, within) => reportFailure(key, failure.error, deps, within),
      timers: systemTimers,
      log: deps.log,
    },
    signal,
  );
}

/** What the operator's reconcile reaches, without Prometheus, and with each step told. */
function dependenciesFor(
  { objects }: ReleaseConnection,
  { rollout }: Leaving,
  config: Config,
  terminal: Terminal,
): Dependencies {
  const { hold: stored } = rollout.status;
  // Only what keeps a Deployment paused at rest makes a difference for what is given back.
  const hold = stored === undefined || stored === "Off" ? "Policy" : stored;
  const deps = composeDependencies({
    config,
    objects,
    hold: () => hold,
    releaseMetrics: unmeasuredReleases,
    log: warningsFor(terminal),
  });
  const done = (action: Action) => terminal.print(`  ${sentenceFor(action)}`);
  let said: string | undefined;
  const say = (message: string | undefined) => {
    if (message !== undefined && message !== said) terminal.print(message);
    said = message;
  };
  return {
    ...deps,
    // A rollback then ends by its deadline: nobody counts who still calls the canary.
    metrics: {
      measure: () => Promise.resolve({ kind: "NoData", message: "Nothing is measured here." }),
      arrivals: () => Promise.resolve({ kind: "Unavailable", message: "Nothing is measured here." }),
      usual: () => Promise.resolve(undefined),
      pods: () => Promise.resolve({ kind: "Unavailable", message: "Nothing is measured here." }),
    },
    cluster: {
      ...deps.cluster,
      async writeStatus(written, status, within) {
        const stored = await deps.cluster.writeStatus(written, status, within);
        say(status.message);
        return stored;
      },
      async perform(action, about, within) {
        await deps.cluster.perform(action, about, within);
        done(action);
      },
    },
    routerFor(described) {
      const router = deps.routerFor(described);
      return {
        ...router,
        async perform(action, about, within) {
          await router.perform(action, about, within);
          done(action);
        },
      };
    },
  };
}

/** What goes wrong is said in one line each; the rest of the log is for operators. */
function warningsFor(terminal: Terminal): Logger {
  const quiet = () => undefined;
  let last = "";
  const warn: Logger["warn"] = (message, fields) => {
    const error = fields?.["error"];
    const line = `serin: ${message}${error instanceof Error ? `: ${error.message}` : ""}`;
    if (line !== last) terminal.warn(line);
    last = line;
  };
  const log: Logger = { debug: quiet, info: quiet, warn, error: warn, fatal: warn, child: () => log };
  return log;
}

/** What is true of the world when the action was carried out. */
function sentenceFor(action: Action): string {
  switch (action.kind) {
    case "routeTraffic":
      return action.weight === 0
        ? "all traffic goes to stable"
        : `${action.weight} % of the traffic goes to the canary`;
    case "scaleCanary":
      return `ReplicaSet ${action.replicaSet} has the size ${action.replicas}`;
    case "restoreTemplate":
      return `the Deployment has the template of ReplicaSet ${action.replicaSet} again`;
    case "pauseWorkload":
      return action.paused ? "the Deployment is paused" : "the Deployment is not paused any more";
    case "removeCanary":
      return `ReplicaSet ${action.replicaSet} is removed`;
    default:
      return plainSentences[action.kind] ?? action.kind;
  }
}

const plainSentences: Partial<Readonly<Record<Action["kind"], string>>> = {
  restoreRoute: "the routes are as they were",
  restoreSubsets: "the subsets are as they were",
  restoreOutliers: "outlier detection is as it was",
  removeRoute: "no generated VirtualService is left",
  removeSubsets: "no generated DestinationRule is left",
  restoreSurge: "the Deployment has its own maxSurge again",
  completeAdoption: "the Deployment has its own maxSurge again and is not paused",
  widenStable: "subset stable selects what it did before the release",
  releaseWorkload: "the Deployment has no label of Serin any more",
  letGo: "the finalizer is removed",
};

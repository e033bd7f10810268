import { renderKey, type ObjectKey } from "./api/object-key.ts";
import { keepHold, type HoldKeeper } from "./adapters/kubernetes/hold-keeper.ts";
import { createInformers, type Informers, type ObjectChange } from "./adapters/kubernetes/informers.ts";
import { fenced } from "./adapters/kubernetes/fenced-objects.ts";
import { createLeaseStore } from "./adapters/kubernetes/lease-store.ts";
import { createKubernetesObjects } from "./adapters/kubernetes/objects.ts";
import { createRolloutSource } from "./adapters/kubernetes/rollout-source.ts";
import { connect, type Transport } from "./adapters/kubernetes/transport.ts";
import { deployments, replicaSets, rollouts } from "./adapters/kubernetes/workload-resources.ts";
import { istioResources } from "./adapters/istio/mesh-resources.ts";
import { splitAddress, type Config } from "./config.ts";
import { composeDependencies, identity } from "./dependencies.ts";
import { serveHoldWebhook, type HoldWebhook } from "./hold.ts";
import { reconcilePersistently } from "./controller/reconcile-persistently.ts";
import { reportFailure } from "./controller/report-failure.ts";
import { rolloutsConcernedBy, rolloutsFreedBy, type TriggerKind } from "./controller/triggers.ts";
import { isAtRisk } from "./controller/urgency.ts";
import type { ReleaseMetrics } from "./controller/release-metrics.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "./ports/kubernetes-objects.ts";
import { createReleaseMetrics } from "./release-metrics.ts";
import { runController } from "./runtime/controller.ts";
import { currentWork } from "./runtime/current-work.ts";
import { startHttpServer } from "./runtime/http-server.ts";
import { runWhileLeading, type Term } from "./runtime/leader-election.ts";
import { createLogger, type Logger } from "./runtime/logger.ts";
import { processCatalogue } from "./runtime/machine-catalogue.ts";
import { createMachineMetrics, type MachineMetrics } from "./runtime/machine-metrics.ts";
import { createMetrics, type Metrics } from "./runtime/metrics.ts";
import { listenForShutdown } from "./runtime/shutdown.ts";
import { pause, repeat, systemTimers } from "./runtime/timers.ts";
import { WorkQueue } from "./runtime/work-queue.ts";
import { WorkWatch } from "./runtime/work-watch.ts";
import { version } from "./version.ts";

/** Runs the operator until it is told to stop; answers with the exit code of the process. */
export async function runOperator(config: Config, kubeconfigVariable: string | undefined): Promise<number> {
  const log = createLogger({ level: config.logLevel });
  const metrics = createMetrics({ process: processCatalogue });
  const machine = createMachineMetrics(metrics, { watchAges: () => informers.ages(), version });
  const releaseMetrics = createReleaseMetrics(metrics);
  const shutdown = listenForShutdown({
    process,
    onUnhandled: (kind, error) => {
      machine.unhandled();
      log.error("an error that nobody caught", { kind, error, key: currentWork() });
    },
    onImpatience: () => process.exit(130),
  });
  const transport = connect({ kubeconfig: config.kubeconfig, kubeconfigVariable }, machine.apiRequest);
  const informers: Informers = createInformers({
    transport,
    timers: systemTimers,
    onProblem: (problem) => reportWatch(problem, machine, log),
  });
  const objects = createKubernetesObjects(transport, informers);
  try {
    return await serve({ config, log, metrics, machine, releaseMetrics, transport, informers, objects, shutdown });
  } catch (error) {
    if (shutdown.signal.aborted && shutdown.failure === undefined) return 0;
    log.fatal("the operator cannot go on", { error });
    return 1;
  } finally {
    shutdown.dispose();
    await transport.close();
  }
}

interface Machine {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly machine: MachineMetrics;
  readonly releaseMetrics: ReleaseMetrics;
  readonly transport: Transport;
  readonly informers: Informers;
  readonly objects: KubernetesObjects;
  readonly shutdown: ReturnType<typeof listenForShutdown>;
}

/** What a replica works with once it may. */
interface Work {
  readonly queue: WorkQueue;
  readonly webhook: HoldWebhook;
  readonly watch: WorkWatch;
  /** The keeper of the hold, once there is one. */
  holding: HoldKeeper | undefined;
}

async function serve(parts: Machine): Promise<number> {
  const { config, log, metrics, machine, objects, shutdown } = parts;
  const queue = new WorkQueue({
    timers: systemTimers,
    random: Math.random,
    onDepth: machine.queueDepth,
    onWait: machine.queueWait,
    isUrgent: (key) => isAtRisk(cachedRollout(objects, parseKey(key))),
  });
  const watch = new WorkWatch(() => performance.now(), longestWork);
  let isStarting = true;
  // First of all, so that whoever probes hears that it lives while it waits for the API server.
  const server = await startHttpServer({
    ...splitAddress(config.metricsAddress),
    metrics,
    notReady: () => (isStarting ? ["it is starting"] : notReady(parts.informers)),
    unhealthy: () => watch.stuck(),
  });
  log.info("serving metrics and health", { host: server.host, port: server.port });
  const webhook = await serveHoldWebhook(parts, shutdown.signal);
  const tasks: Work = { queue, webhook, watch, holding: undefined };
  const watching = startWatching(parts, tasks);
  isStarting = false;
  try {
    const outcome = config.leaderElect
      ? await lead(parts, tasks)
      : await workAlone(parts, tasks).then(() => "stopped" as const);
    log.info("the operator has stopped", { outcome });
    return outcome === "lost" || shutdown.failure !== undefined ? 1 : 0;
  } finally {
    watching.stop();
    await Promise.all([server.close(), webhook.close()]);
  }
}

/** Milliseconds. */
const resyncPeriod = 10 * 60_000;
/** Not all at once. */
const resyncSpread = 60_000;

/** A reconcile is told to end after a minute. */
const longestWork = 180_000;

/** Bookmarks come every minute, and a watch that is silent is opened again after 100 s. */
const oldestWatch = 150_000;

function notReady(informers: Informers): readonly string[] {
  const unknown = informers.missing().map((name) => `${name} is not known yet`);
  if (unknown.length > 0) return unknown;
  return [...informers.ages()]
    .filter(([, age]) => age > oldestWatch)
    .map(([name, age]) => `nothing was heard about ${name} for ${Math.round(age / 1_000)} s`);
}

function cachedRollout(objects: KubernetesObjects, { namespace, name }: ObjectKey): KubernetesObject | undefined {
  return objects.watches(rollouts) ? objects.cached(rollouts, namespace, name) : undefined;
}

function lead(parts: Machine, tasks: Work): Promise<"stopped" | "lost"> {
  const { config, log, objects, shutdown, machine } = parts;
  const options = {
    store: createLeaseStore(objects, { namespace: config.leaderElectNamespace, name: "serin-operator" }),
    identity: identity(),
    timers: systemTimers,
    random: Math.random,
    wallClock: () => Date.now(),
    log,
    leaseDuration: config.leaseDuration,
    renewDeadline: config.renewDeadline,
    retryPeriod: config.retryPeriod,
  };
  const leading = async ({ signal, isSure }: Term) => {
    machine.leading(true);
    const own = { ...parts, objects: fenced(objects, isSure) };
    await work(own, tasks, signal).finally(() => machine.leading(false));
  };
  return runWhileLeading(options, leading, shutdown.signal);
}

/** Without an election there is one process only, and it leads. */
async function workAlone(parts: Machine, tasks: Work): Promise<void> {
  parts.machine.leading(true);
  await work(parts, tasks, parts.shutdown.signal);
}

/** Waits for the caches, puts the hold in place and reconciles until the signal is aborted. */
async function work(parts: Machine, tasks: Work, signal: AbortSignal): Promise<void> {
  const { config, log, machine, releaseMetrics, informers, objects } = parts;
  const { queue, watch } = tasks;
  while (informers.missing().length > 0 && !signal.aborted) await pause(systemTimers, 50, signal);
  const { current: hold } = (tasks.holding = await startHolding(parts, tasks, signal));
  const deps = composeDependencies({ config, objects, hold, releaseMetrics, onQuery: machine.prometheusQuery, log });
  const reconcile = (key: string, within: AbortSignal, child: Logger) =>
    reconcilePersistently(parseKey(key), { ...deps, log: child }, within);
  await runController(
    {
      queue,
      workers: config.workers,
      reconcile,
      onFailure: (key, failure, within, child) =>
        reportFailure(parseKey(key), failure.error, { ...deps, log: child }, within),
      onResult: machine.reconciled,
      watch,
      timers: systemTimers,
      log,
    },
    signal,
  );
}

/** Keeps a hold in place; when another comes into use, every Rollout is looked at again. */
function startHolding(parts: Machine, { queue, webhook }: Work, signal: AbortSignal): Promise<HoldKeeper> {
  const { config, log, objects, transport } = parts;
  const onChange = () => {
    for (const rollout of objects.cachedAll(rollouts)) queue.add(renderKey(keyOf(rollout)));
  };
  const client = () => webhook.client();
  const options = { objects, transport, wanted: config.hold, webhook: client, timers: systemTimers, log, onChange };
  return keepHold(options, signal);
}

/** Rollouts come through their source; a change of anything else leads to the Rollouts that it concerns. */
function startWatching({ config, log, informers, objects }: Machine, tasks: Work): { stop(): void } {
  const { queue } = tasks;
  const stopped = new AbortController();
  const onKey = (key: string) => {
    queue.add(key);
    for (const freed of rolloutsFreedBy(parseKey(key), objects.cachedAll(rollouts))) queue.add(renderKey(freed));
  };
  const source = createRolloutSource({ informers, namespaces: config.namespace, onKey, log });
  source.start().catch((error: unknown) => log.error("the source of Rollouts could not start", { error }));
  const concerned = (kind: TriggerKind, change: ObjectChange) => {
    if (kind === "Deployment") tasks.holding?.noticeDeployment();
    const before = change.kind === "changed" ? change.before : undefined;
    const keys = rolloutsConcernedBy(kind, change.object, objects.cachedAll(rollouts), before);
    for (const key of keys) queue.add(renderKey(key));
  };
  const kinds: readonly (readonly [TriggerKind, Resource, boolean])[] = [
    ["Deployment", deployments, false],
    ["ReplicaSet", replicaSets, false],
    ...istioResources.map(
      (resource) => [resource.plural === "services" ? "Service" : "Route", resource, resource.group !== ""] as const,
    ),
  ];
  for (const [kind, resource, optional] of kinds) {
    // Routes to a host may come from any namespace, so those are watched everywhere unless it is not allowed.
    const namespaces = kind === "Route" && config.meshScope === "cluster" ? [] : config.namespace;
    informers.watch({ resource, optional, namespaces }, (change) => concerned(kind, change), stopped.signal);
  }
  // The safety net: should a change ever not have been heard of, it is found all the same, without a request.
  const lookAtAll = () => {
    for (const rollout of objects.watches(rollouts) ? objects.cachedAll(rollouts) : [])
      queue.add(renderKey(keyOf(rollout)), { after: Math.random() * resyncSpread });
  };
  repeat(systemTimers, resyncPeriod, lookAtAll, stopped.signal);
  return {
    stop() {
      source.stop();
      stopped.abort();
    },
  };
}

function reportWatch(
  problem: { resource: string; kind: string; message: string; error?: unknown },
  machine: MachineMetrics,
  log: Logger,
): void {
  machine.watchProblem(problem);
  log.warn("a watch was interrupted", { ...problem });
}

function keyOf({ metadata }: KubernetesObject): ObjectKey {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

function parseKey(key: string): ObjectKey {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name };
}

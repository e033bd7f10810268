import { createCredentials } from "./adapters/kubernetes/credentials.ts";
import { createInformers, type Informers } from "./adapters/kubernetes/informers.ts";
import { textAt } from "./adapters/kubernetes/json-fields.ts";
import { loadKubeConfig } from "./adapters/kubernetes/kubeconfig.ts";
import { createKubernetesObjects } from "./adapters/kubernetes/objects.ts";
import { keptFor, rolloutFrom } from "./adapters/kubernetes/rollout-reading.ts";
import { createTransport } from "./adapters/kubernetes/transport.ts";
import { deployments, replicaSets, rollouts } from "./adapters/kubernetes/workload-resources.ts";
import { istioResources } from "./adapters/istio/mesh-resources.ts";
import { rolloutLabel } from "./api/names.ts";
import { serviceName, type Rollout } from "./api/rollout.ts";
import { readKubeconfig, type ConnectionOptions } from "./cli/connection.ts";
import { findRollout } from "./cli/rollout-lookup.ts";
import { canonicalJson } from "./domain/canonical-json.ts";
import type { KubernetesObject, KubernetesObjects } from "./ports/kubernetes-objects.ts";
import { pause, systemTimers } from "./runtime/timers.ts";

/** A Rollout that is to go. */
export interface Leaving {
  readonly rollout: Rollout;
  /** As the API server sent it, before anything was done about it. */
  readonly object: KubernetesObject;
  /** Its Deployment, as far as it is known. */
  readonly deployment: string | undefined;
}

/** The cluster as `serin release` needs it. */
export interface ReleaseConnection {
  readonly namespace: string;
  readonly objects: KubernetesObjects;
  readonly informers: Informers;
  /** Throws a CommandError that says which Rollouts there are when there is none of the name. */
  find(name: string, signal: AbortSignal): Promise<Leaving>;
  /** Deletes it, unless it is being deleted already. */
  remove(leaving: Leaving, signal: AbortSignal): Promise<void>;
  /** What becomes of the deleted Rollout within a few seconds: an operator writes about it, or nothing happens. */
  listen(leaving: Leaving, signal: AbortSignal): Promise<"gone" | "answered" | "silence">;
  /** Resolves when it is gone; tells each new message of its status. */
  untilGone(leaving: Leaving, tell: (message: string) => void, signal: AbortSignal): Promise<void>;
  /** What is left of it, in one sentence. */
  describeRest(leaving: Leaving, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** Many times what an operator takes to write that it lets a Rollout go. Milliseconds. */
const patience = 5_000;
const period = 250;

/** Connects as the kubeconfig says; tells what cannot be watched. Throws a CommandError when that cannot be read. */
export function connectForRelease(
  { kubeconfig, context, namespace }: ConnectionOptions,
  warn: (line: string) => void,
): ReleaseConnection {
  const load = () => loadKubeConfig({ kubeconfig, context, kubeconfigVariable: process.env["KUBECONFIG"] });
  const config = readKubeconfig(load);
  const transport = createTransport(createCredentials(load));
  const informers = createInformers({
    transport,
    timers: systemTimers,
    onProblem({ resource, kind, message }) {
      if (kind === "request") warn(`serin: ${resource} cannot be watched: ${message}; tried again`);
    },
  });
  const objects = createKubernetesObjects(transport, informers);
  const chosen = namespace ?? config.getContextObject(config.currentContext)?.namespace ?? "default";
  const place = { objects, namespace: chosen };
  return {
    ...place,
    informers,
    find: (name, signal) => find(place, name, signal),
    remove: (leaving, signal) => remove(objects, leaving, signal),
    listen: (leaving, signal) => listen(objects, leaving, signal),
    untilGone: (leaving, tell, signal) => untilGone(objects, leaving, tell, signal),
    describeRest: (leaving, signal) => describeRest(objects, leaving, signal),
    close: () => transport.close(),
  };
}

/** Everything that a reconcile of one Rollout reads from caches; all of it is in the Rollout's namespace. */
export function watchForRelease(
  { informers, namespace }: Pick<ReleaseConnection, "informers" | "namespace">,
  onChange: () => void,
  signal: AbortSignal,
): void {
  const needed = [rollouts, deployments, replicaSets].map((resource) => ({ resource, optional: false }));
  const mesh = istioResources.map((resource) => ({ resource, optional: resource.group !== "" }));
  for (const watched of [...needed, ...mesh])
    informers.watch({ ...watched, namespaces: [namespace] }, onChange, signal);
}

async function find(
  place: { readonly objects: KubernetesObjects; readonly namespace: string },
  name: string,
  signal: AbortSignal,
): Promise<Leaving> {
  const { rollout, object } = await findRollout(place, name, signal);
  const named = textAt(object, "spec", "targetRef", "name");
  if (named !== undefined) return { rollout, object, deployment: named };
  const labelled = await place.objects.list(deployments, place.namespace, `${rolloutLabel}=${name}`, signal);
  return { rollout, object, deployment: labelled[0]?.metadata.name };
}

async function remove(objects: KubernetesObjects, { rollout }: Leaving, signal: AbortSignal): Promise<void> {
  const { key, uid } = rollout;
  if (!rollout.deleting) await objects.remove(rollouts, { metadata: { ...key, uid } }, { signal });
}

/** The Rollout as it is now; undefined when it is gone, also where there is another one of its name by now. */
async function readAgain(objects: KubernetesObjects, { rollout }: Leaving, signal: AbortSignal) {
  const object = await objects.read(rollouts, rollout.key.namespace, rollout.key.name, signal);
  return object?.metadata.uid === rollout.uid ? object : undefined;
}

async function listen(
  objects: KubernetesObjects,
  leaving: Leaving,
  signal: AbortSignal,
): Promise<"gone" | "answered" | "silence"> {
  const before = canonicalJson(leaving.object.status ?? {});
  for (const end = systemTimers.now() + patience; systemTimers.now() < end;) {
    const object = await readAgain(objects, leaving, signal);
    if (object === undefined) return "gone";
    if (canonicalJson(object.status ?? {}) !== before) return "answered";
    await pause(systemTimers, period, signal);
    signal.throwIfAborted();
  }
  return "silence";
}

async function untilGone(
  objects: KubernetesObjects,
  leaving: Leaving,
  tell: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  for (;;) {
    const object = await readAgain(objects, leaving, signal);
    if (object === undefined) return;
    const { message } = rolloutFrom(object).status;
    const others = keptFor(object);
    const said =
      others.length === 0
        ? message
        : `Everything is given back; it stays for the finalizers of others: ${others.join(", ")}.`;
    if (said !== undefined && said !== told) tell(said);
    told = said;
    await pause(systemTimers, period, signal);
    signal.throwIfAborted();
  }
}

async function describeRest(objects: KubernetesObjects, leaving: Leaving, signal: AbortSignal): Promise<string> {
  const { rollout, deployment } = leaving;
  const { namespace, name } = rollout.key;
  const gone = `Rollout ${namespace}/${name} is gone.`;
  if (rollout.spec?.subset !== undefined) return `${gone} The routes stay as they serve and are yours.`;
  const found = deployment === undefined ? undefined : await objects.read(deployments, namespace, deployment, signal);
  if (found === undefined) return `${gone} Its Deployment ${deployment ?? ""} is not there.`;
  const { virtualService, destinationRule } = rollout.spec?.traffic.istio ?? {};
  const kept = [
    virtualService === undefined ? undefined : `VirtualService ${virtualService.name}`,
    destinationRule === undefined ? undefined : `DestinationRule ${destinationRule.name}`,
  ].filter((each) => each !== undefined);
  const service = rollout.spec === undefined ? [] : [`Service ${serviceName(rollout.spec)}`];
  const others = [...service, ...kept.map((each) => `${each} as it was`)];
  const rest = others.length === 0 ? "" : `, beside ${others.join(", ")}`;
  return `${gone} Deployment ${found.metadata.name} stays and rolls its next change out by itself${rest}.`;
}

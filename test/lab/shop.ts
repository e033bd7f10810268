import { expect } from "vitest";
import { kind, type KubernetesObject } from "../cluster/kubernetes.ts";
import type { Load } from "../cluster/load/load.ts";
import { until } from "../cluster/processes/until.ts";
import { requestAnnotations, type Request } from "../../src/api/names.ts";
import type { HistoryEntry, RolloutStatus } from "../../src/api/rollout-status.ts";
import { deployment, manifest, namespaceObject, rollout, service, type App } from "./app.ts";
import type { Lab } from "./lab.ts";

/** An object as it is stored. */
export interface Stored extends KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface StoredRollout extends Stored {
  readonly status: RolloutStatus;
}

interface Pod extends Stored {
  readonly status?: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");
const pods = kind<Pod>("v1", "Pod");
const virtualServices = kind<Stored>("networking.istio.io/v1", "VirtualService");
const destinationRules = kind<Stored>("networking.istio.io/v1", "DestinationRule");
const deployments = kind<Stored>("apps/v1", "Deployment");
const events = kind<Stored & { readonly reason: string; readonly reportingController?: string }>(
  "events.k8s.io/v1",
  "Event",
);

/** Steps that are short enough for a test, long enough to be judged at `rate`. */
const quick = { bake: "3s", analysis: { minStepDuration: "3s", latency: { max: "500ms" } } };

/** One app in a namespace of its own, as its team drives it. */
export interface Shop {
  readonly namespace: string;
  readonly load: Load;
  /** Applies the Deployment with another image, as a commit to git would. */
  release(image: string, environment?: App["environment"]): Promise<void>;
  /** Asks as `serin promote` and its like do. */
  ask(request: Request): Promise<void>;
  /** Creates the Rollout again, as it was created first. */
  createRollout(): Promise<void>;
  /** An annotation of the Deployment. */
  annotation(key: string): Promise<string | undefined>;
  rollout(): Promise<StoredRollout>;
  /** Waits for the Rollout to be as asked. */
  untilRollout(what: string, condition: (stored: StoredRollout) => boolean, seconds?: number): Promise<StoredRollout>;
  /** Waits until a release of `image` has ended, and says how. */
  outcome(image: string, seconds?: number): Promise<HistoryEntry>;
  /** Waits for the same and holds it against what is expected; a failure says why the release ended as it did. */
  endsAs(image: string, expected: Partial<HistoryEntry>): Promise<void>;
  /** Ready pods by name, with what would tell a restart. */
  pods(): Promise<readonly string[]>;
  route(name?: string): Promise<Stored | undefined>;
  subsets(name?: string): Promise<Stored | undefined>;
  deployment(): Promise<Stored>;
  events(): Promise<readonly string[]>;
}

export interface ShopOptions {
  readonly spec?: object;
  readonly app?: Partial<App>;
  /** Objects that are there before the Rollout: referenced routes and the like. */
  readonly beside?: readonly object[];
  readonly rate?: number;
  readonly headers?: Record<string, string>;
  /** Do not wait for the Rollout to be Ready. */
  readonly unready?: boolean;
  /** Do not wait for the Deployment to have rolled out before there is a Rollout. */
  readonly unrolled?: boolean;
  /** What happens to the Deployment before there is a Rollout. */
  readonly before?: () => Promise<void>;
  /** What happens between the Rollout's creation and the first request. */
  readonly beforeLoad?: (shop: Pick<Shop, "untilRollout" | "rollout">) => Promise<void>;
}

/** Opens a shop: an app under traffic with a Rollout that is at rest. */
export async function openShop(lab: Lab, namespace: string, options: ShopOptions = {}): Promise<Shop> {
  const app = { namespace, image: "product:v1", ...options.app };
  await lab.apply(manifest(namespaceObject(namespace)));
  await lab.apply(manifest(service(app), deployment(app), ...(options.beside ?? [])));
  if (options.unrolled !== true)
    await lab.kubectl(["rollout", "status", "deployment/product", "-n", namespace, "--timeout=60s"]);
  await options.before?.();
  const ownRollout = manifest(rollout(app, { ...quick, ...options.spec }));
  await lab.apply(ownRollout);
  let load: Load | undefined = undefined;
  const started = () => {
    if (load === undefined) throw new Error(`there is no load in ${namespace} yet`);
    return load;
  };
  const shop = shopOf(lab, { namespace, app, load: started, ownRollout });
  await options.beforeLoad?.(shop);
  await until(() => lab.isReached(namespace), { timeout: 60_000, what: `an answer of ${namespace}` });
  load = await lab.startLoad({
    namespace,
    rate: options.rate ?? 30,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  });
  if (options.unready !== true) await shop.untilRollout("Ready", ({ status }) => isReady(status));
  await until(() => (started().snapshot().byVersion["v1"]?.total ?? 0) > 50, {
    timeout: 30_000,
    what: `traffic in ${namespace}`,
  });
  return shop;
}

/** A status says what is to be told before it is told: resolves when nothing of a namespace is left to be. */
export async function untilAllIsTold({ cluster }: Pick<Lab, "cluster">, namespace: string): Promise<void> {
  const query = { kind: rollouts, namespace, timeout: 30_000, what: `${namespace}: the events to be told` };
  await cluster.client.watchUntil(query, (all) => all.every(({ status }) => (status.pendingEvents ?? []).length === 0));
}

function isReady(status: RolloutStatus): boolean {
  return status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
}

interface Opened {
  readonly namespace: string;
  readonly app: App;
  readonly load: () => Load;
  readonly ownRollout: string;
}

function shopOf(lab: Lab, { namespace, app, load, ownRollout }: Opened): Shop {
  const { client } = lab.cluster;
  const place = { namespace, name: "product" };
  const need = async <T>(found: Promise<T | undefined>): Promise<T> => {
    const object = await found;
    if (object === undefined) throw new Error(`product is not there in ${namespace}`);
    return object;
  };
  const rolloutNow = () => need(client.get(rollouts, place));
  const shop: Shop = {
    namespace,
    get load() {
      return load();
    },
    release: (image, environment = {}) =>
      lab.apply(manifest(deployment({ ...app, image, environment: { ...app.environment, ...environment } }))),
    async ask(request) {
      const asked = `${requestAnnotations[request]}=${new Date().toISOString()}`;
      await lab.kubectl(["annotate", "--overwrite", "srn", "product", "-n", namespace, asked]);
    },
    createRollout: () => lab.apply(ownRollout),
    annotation: async (key) => (await shop.deployment()).metadata.annotations?.[key],
    rollout: rolloutNow,
    untilRollout(what, condition, seconds = 120) {
      const query = { kind: rollouts, namespace, timeout: seconds * 1_000, what: `${namespace}: ${what}` };
      return client.watchUntil(query, (all) =>
        all.find((found) => found.metadata.name === place.name && condition(found)),
      );
    },
    async outcome(image, seconds = 180) {
      const ended = await shop.untilRollout(
        `the end of ${image}`,
        ({ status }) => status.release === undefined && status.history?.[0]?.image === image,
        seconds,
      );
      const [entry] = ended.status.history ?? [];
      if (entry === undefined) throw new Error("the history is empty");
      return entry;
    },
    endsAs: async (image, expected) => expectEntry(await shop.outcome(image), expected),
    async pods() {
      const { items } = await client.list(pods, { namespace });
      const live = items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
      const restarts = (pod: Pod) =>
        (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
      return live
        .map((pod) => `${pod.metadata.name} ${pod.metadata.creationTimestamp} restarts=${restarts(pod)}`)
        .sort();
    },
    route: (name = "product") => client.get(virtualServices, { namespace, name }),
    subsets: (name = "product") => client.get(destinationRules, { namespace, name }),
    deployment: () => need(client.get(deployments, place)),
    async events() {
      await untilAllIsTold(lab, namespace);
      const { items } = await client.list(events, { namespace });
      return items.filter((event) => event.reportingController === "serin.dev/operator").map((event) => event.reason);
    },
  };
  return shop;
}

/** Holds the end of a release against what is expected of it; a failure says why it ended as it did. */
export function expectEntry(entry: HistoryEntry, expected: Partial<HistoryEntry>): void {
  const { number, image, reason = "", explanation = "" } = entry;
  expect(entry, `release ${number} of ${image}: ${reason} ${explanation}`).toMatchObject(expected);
}

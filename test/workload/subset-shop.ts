import { expect } from "vitest";
import { requestAnnotations, type Request } from "../../src/api/names.ts";
import type { HistoryEntry } from "../../src/api/rollout-status.ts";
import { kind } from "../cluster/kubernetes.ts";
import { difference, type CallCounts } from "../cluster/load/counts.ts";
import type { Load } from "../cluster/load/load.ts";
import { until } from "../cluster/processes/until.ts";
import { manifest, namespaceObject, service } from "../lab/app.ts";
import { headroom } from "../lab/capacity.ts";
import type { Lab } from "../lab/lab.ts";
import { expectEntry, untilAllIsTold, type Stored, type StoredRollout } from "../lab/shop.ts";
import { brisk, type Bench } from "./bench.ts";

interface StoredPod extends Stored {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface Writer {
  readonly manager?: string;
}

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");
const virtualServices = kind<Stored>("networking.istio.io/v1", "VirtualService");
const destinationRules = kind<Stored>("networking.istio.io/v1", "DestinationRule");
const deployments = kind<Stored>("apps/v1", "Deployment");
const pods = kind<StoredPod>("v1", "Pod");
const events = kind<Stored & { readonly reason: string; readonly note?: string }>("events.k8s.io/v1", "Event");

/** A destination of a route, of the Service `product` unless told. */
export function to(subset: string | undefined, weight?: number, host = "product"): Record<string, unknown> {
  return { destination: { host, ...(subset && { subset }) }, ...(weight !== undefined && { weight }) };
}

/** A version that the team runs itself: Deployment product-v1, with the label version=v1. */
export interface Version {
  readonly image?: string;
  readonly replicas?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface VersionsOptions {
  readonly versions?: Readonly<Record<string, Version>>;
  /** Names of the DestinationRule's subsets; those of the versions unless told. */
  readonly subsets?: readonly string[];
  /** spec.subset at first. */
  readonly subset?: string;
  /** http routes of the VirtualService. */
  readonly http?: readonly object[];
  readonly spec?: object;
  readonly beside?: readonly object[];
  /** The version that answers at first. */
  readonly serving?: string;
}

/** A team that runs all versions itself, under load, with a Rollout that names the subset that should serve. */
export interface VersionsCase {
  readonly namespace: string;
  readonly load: Load;
  /** Applies the Rollout with another spec.subset, as a commit to git would. */
  serve(subset: string): Promise<void>;
  /** Applies the Deployment of a version. */
  run(name: string, version: Version): Promise<void>;
  /** Applies the VirtualService as it is in git. */
  applyRoutes(http?: readonly object[]): Promise<void>;
  kubectl(...args: readonly string[]): Promise<string>;
  ask(request: Request): Promise<void>;
  rollout(): Promise<StoredRollout | undefined>;
  untilRollout(what: string, condition: (stored: StoredRollout) => boolean): Promise<StoredRollout>;
  untilReady(): Promise<StoredRollout>;
  /** Waits until the release of that number has ended, and says how. */
  outcome(number: number): Promise<HistoryEntry>;
  /** Waits for the same and holds it against what is expected; a failure says why the release ended as it did. */
  endsAs(number: number, expected: Partial<HistoryEntry>): Promise<void>;
  http(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Every version of the routes that was stored since the case began. */
  routesSeen(): readonly (readonly Readonly<Record<string, unknown>>[])[];
  events(): Promise<readonly { readonly reason: string; readonly note: string }[]>;
  /**
   * Ends the load and gives the namespace up. No request failed but those that `failing` versions answered, no version
   * had fewer ready pods than its share of `replicas` asks for, and nobody but the team wrote its Deployments and subsets.
   */
  end(expected?: {
    readonly failing?: readonly string[];
    readonly capacity?: number;
    readonly lost?: number;
  }): Promise<void>;
}

/** What the team has in git. */
interface InGit {
  readonly namespace: string;
  readonly subset: string;
  readonly subsets: readonly string[];
  readonly http: readonly object[];
  readonly spec: object;
}

const replicas = 2;

/** Opens a case: versions that run, routes to one of them, load, a Rollout that is at rest. */
export async function openVersions(
  { lab }: Bench,
  namespace: string,
  options: VersionsOptions = {},
): Promise<VersionsCase> {
  const { versions = { v1: {}, v2: {} }, subset = "v1", serving = "v1" } = options;
  const git: InGit = {
    namespace,
    subset,
    subsets: options.subsets ?? Object.keys(versions),
    http: options.http ?? [{ name: "primary", route: [to("v1")] }],
    spec: options.spec ?? {},
  };
  await lab.apply(manifest(namespaceObject(namespace)));
  const running = Object.entries(versions).map(([name, version]) => deploymentOf(namespace, name, version));
  await lab.apply(manifest(service({ namespace }), ...running, ruleOf(git), routesOf(git), ...(options.beside ?? [])));
  await lab.kubectl(["rollout", "status", `deployment/product-${serving}`, "-n", namespace, "--timeout=60s"]);
  await lab.apply(manifest(rolloutOf(git)));
  const load = await lab.startLoad({ namespace, rate: 20 });
  return caseOf(lab, git, load, await steady(load, namespace));
}

/** Waits until the mesh knows pods and routes: what was counted until then is its start, and not the case's. */
async function steady(load: Load, namespace: string): Promise<CallCounts> {
  let mark = load.snapshot();
  return until(
    () => {
      const counted = load.since(mark);
      if (counted.failed > 0) mark = load.snapshot();
      return counted.failed === 0 && counted.total > 20 && load.snapshot();
    },
    { timeout: 60_000, what: `traffic in ${namespace}` },
  );
}

function caseOf(lab: Lab, git: InGit, load: Load, start: CallCounts): VersionsCase {
  const { namespace } = git;
  const { client } = lab.cluster;
  const place = { namespace, name: "product" };
  const capacity = followCapacity(lab, namespace);
  const opened: VersionsCase = {
    namespace,
    load,
    serve: (subset) => lab.apply(manifest(rolloutOf({ ...git, subset }))),
    run: (name, version) => lab.apply(manifest(deploymentOf(namespace, name, version))),
    applyRoutes: (http = git.http) => lab.apply(manifest(routesOf({ ...git, http }))),
    kubectl: (...args) => lab.kubectl([...args, "-n", namespace]),
    async ask(request) {
      const asked = `${requestAnnotations[request]}=${new Date().toISOString()}`;
      await lab.kubectl(["annotate", "--overwrite", "srn", "product", "-n", namespace, asked]);
    },
    rollout: () => client.get(rollouts, place),
    async untilRollout(what, condition) {
      let last: StoredRollout | undefined;
      try {
        return await until(
          async () => {
            last = await client.get(rollouts, place);
            return last !== undefined && condition(last) && last;
          },
          { timeout: 120_000, every: 200, what: `${namespace}: ${what}` },
        );
      } catch (error) {
        throw new Error(`${String(error)}; the status is ${JSON.stringify(last?.status)}`, { cause: error });
      }
    },
    untilReady: () => opened.untilRollout("Ready", isReady),
    async outcome(number) {
      const find = ({ status }: StoredRollout) => status.history?.find((entry) => entry.number === number);
      const entry = find(
        await opened.untilRollout(`the end of release ${number}`, (stored) => find(stored) !== undefined),
      );
      if (entry === undefined) throw new Error("the history is empty");
      return entry;
    },
    endsAs: async (number, expected) => expectEntry(await opened.outcome(number), expected),
    http: async () => httpOf(await client.get(virtualServices, place)),
    routesSeen: () => capacity.routes,
    async events() {
      await untilAllIsTold(lab, namespace);
      const { items } = await client.list(events, { namespace });
      return items.map(({ reason, note = "" }) => ({ reason, note }));
    },
    async end({ failing = [], capacity: least = 1, lost = 0 } = {}) {
      const counts = difference(await load.stop(), start);
      capacity.stop();
      const written = await strangersIn(lab, namespace);
      await lab.kubectl(["delete", "namespace", namespace, "--wait=false"]);
      const failed = failing.reduce((rest, version) => rest - (counts.byVersion[version]?.failed ?? 0), counts.failed);
      const seen = failed === 0 ? "" : JSON.stringify([counts.failures, lab.failedCalls(namespace)]);
      expect(failed, `requests that failed in ${namespace}: ${seen}`).toBeLessThanOrEqual(lost);
      expect(capacity.lowest.ratio, `lowest capacity in ${namespace}: ${capacity.lowest.at}`).toBeGreaterThanOrEqual(
        least,
      );
      expect(written, `what Serin wrote in ${namespace} beside the routes`).toEqual([]);
    },
  };
  return opened;
}

function isReady({ status, metadata }: StoredRollout): boolean {
  if (status.observedGeneration !== metadata.generation) return false;
  return status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
}

function httpOf(object: Stored | undefined): readonly Readonly<Record<string, unknown>>[] {
  return (object?.spec["http"] ?? []) as readonly Readonly<Record<string, unknown>>[];
}

/** Deployments and subsets that somebody called serin wrote, or that carry a mark of it. */
async function strangersIn(lab: Lab, namespace: string): Promise<readonly string[]> {
  const { client } = lab.cluster;
  const lists = await Promise.all([
    client.list(deployments, { namespace }),
    client.list(destinationRules, { namespace }),
  ]);
  return lists
    .flatMap(({ items }) => items)
    .filter(({ metadata }) => {
      const { managedFields = [] } = metadata as { readonly managedFields?: readonly Writer[] };
      const marks = Object.keys({ ...metadata.labels, ...metadata.annotations });
      return managedFields.some(({ manager }) => manager === "serin") || marks.some((mark) => mark.includes("serin"));
    })
    .map(({ metadata }) => metadata.name);
}

/** Follows routes and ready pods: no subset may have fewer pods than its share of what one version needs. */
function followCapacity(lab: Lab, namespace: string) {
  const ended = new AbortController();
  const followed = {
    lowest: { ratio: Infinity, at: "never" },
    routes: [] as (readonly Readonly<Record<string, unknown>>[])[],
    stop: () => ended.abort(),
  };
  let ready: ReadonlyMap<string, number> | undefined;
  const look = () => {
    const shares = sharesIn(followed.routes.at(-1) ?? []);
    if (ready === undefined || shares.size === 0) return;
    const ratio = headroom({ replicas, ready, shares });
    const scene = { ready: Object.fromEntries(ready), shares: Object.fromEntries(shares) };
    if (ratio < followed.lowest.ratio) followed.lowest = { ratio, at: JSON.stringify(scene) };
  };
  const query = { namespace, timeout: 3_600_000 };
  const watches = [
    lab.cluster.client.watchUntil({ kind: pods, ...query }, (objects) => {
      ready = readyByVersion(objects);
      look();
      return ended.signal.aborted;
    }),
    lab.cluster.client.watchUntil({ kind: virtualServices, ...query }, (objects) => {
      const [own] = objects.filter(({ metadata }) => metadata.name === "product");
      if (own !== undefined) followed.routes.push(httpOf(own));
      look();
      return ended.signal.aborted;
    }),
  ];
  for (const watch of watches) void watch.catch(() => undefined);
  return followed;
}

function readyByVersion(all: readonly StoredPod[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { metadata, status } of all) {
    const isUp = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
    const version = metadata.labels?.["version"];
    if (isUp !== true || version === undefined || metadata.deletionTimestamp !== undefined) continue;
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return counts;
}

/** Shares of the subsets in the route `primary`, in percent of what goes to the Service. */
function sharesIn(http: readonly Readonly<Record<string, unknown>>[]): ReadonlyMap<string, number> {
  const primary = http.find(({ name }) => name === "primary");
  const entries = (primary?.["route"] ?? []) as readonly {
    readonly destination: { readonly host: string; readonly subset?: string };
    readonly weight?: number;
  }[];
  const own = entries.filter(({ destination }) => destination.host === "product");
  const part = ({ weight }: { readonly weight?: number }) => weight ?? (entries.length === 1 ? 100 : 0);
  const sum = own.reduce((total, entry) => total + part(entry), 0);
  return new Map(own.map((entry) => [entry.destination.subset ?? "", (100 * part(entry)) / sum]));
}

function deploymentOf(
  namespace: string,
  version: string,
  { image, replicas: size, environment = {} }: Version,
): object {
  const labels = { app: "product", version };
  const env = Object.entries(environment).map(([name, value]) => ({ name, value }));
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `product-${version}`, namespace },
    spec: {
      replicas: size ?? replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: "app",
              image: image ?? `product:${version}`,
              ports: [{ name: "http", containerPort: 8080 }],
              env,
            },
          ],
        },
      },
    },
  };
}

function ruleOf({ namespace, subsets }: InGit): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "product", namespace },
    spec: { host: "product", subsets: subsets.map((name) => ({ name, labels: { version: name } })) },
  };
}

function routesOf({ namespace, http }: InGit): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "product", namespace },
    spec: { hosts: ["product"], http },
  };
}

function rolloutOf({ namespace, subset, spec }: InGit): object {
  const istio = { virtualService: { name: "product" }, destinationRule: { name: "product" } };
  return {
    apiVersion: "serin.dev/v1alpha1",
    kind: "Rollout",
    metadata: { name: "product", namespace },
    spec: { subset, service: { name: "product" }, traffic: { istio }, ...brisk, ...spec },
  };
}

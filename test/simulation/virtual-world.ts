import { parseSpec, type Rollout } from "../../src/api/rollout.ts";
import type { Request } from "../../src/api/names.ts";
import type { PendingEvent, RolloutStatus } from "../../src/api/rollout-status.ts";
import type { Dependencies } from "../../src/controller/dependencies.ts";
import { unmeasuredReleases } from "../../src/controller/release-metrics.ts";
import { Obstacles } from "../../src/controller/obstacles.ts";
import { Sightings } from "../../src/controller/sightings.ts";
import { reconcilePersistently } from "../../src/controller/reconcile-persistently.ts";
import { ConflictError, ReconcileError } from "../../src/runtime/errors.ts";
import { canonicalJson } from "../../src/domain/canonical-json.ts";
import type { Tick } from "../../src/domain/analysis/blocks.ts";
import type { PodReport } from "../../src/domain/outliers/pods.ts";
import type { Usual } from "../../src/domain/analysis/usual.ts";
import type { Action } from "../../src/domain/decision.ts";
import type {
  Arrivals,
  Measurement,
  ReplicaSet,
  TrafficState,
  Workload,
  WorkloadProblem,
} from "../../src/domain/observation.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import type { WorkloadAction } from "../../src/ports/cluster.ts";
import type { TrafficAction } from "../../src/ports/traffic-router.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** How requests of a revision fare, and whether its pods start. */
export interface Behaviour {
  readonly errorRate?: number;
  readonly slowRate?: number;
  /** Requests do not end: callers give up on them, or open others all the time, or wait until none of them is left. */
  readonly hangs?: "abandoned" | "for ever" | "waited for";
  /** Of its requests, those that find no pod of it. */
  readonly unfit?: number;
  /** Of stable's requests, those that fail because this revision has traffic: both use something that it breaks. */
  readonly harms?: number;
  readonly startSeconds?: number;
  readonly neverReady?: boolean;
  readonly crashes?: boolean;
}

/** Milliseconds. */
const propagation = 2_000;

/** Counters as they were scraped. */
interface Sample {
  readonly at: number;
  readonly stable: number;
  readonly canary: number;
  readonly stableBad: number;
  readonly canaryBad: number;
  readonly canarySlow: number;
  readonly canaryGone: number;
  readonly lost: number;
}

const nothing: Sample = {
  at: 0,
  stable: 0,
  canary: 0,
  stableBad: 0,
  canaryBad: 0,
  canarySlow: 0,
  canaryGone: 0,
  lost: 0,
};

/** A counter has no halves; what is less than one of them shows up later. */
const whole = (value: number) => Math.floor(value + 1e-6);

/** Pods, routes and requests of one app in virtual time: what the ports reach in a simulation. */
export class VirtualWorld {
  now = Date.parse("2026-01-01T00:00:00Z");
  readonly key = { namespace: "shop", name: "product" };
  status: RolloutStatus = { observedGeneration: -1 };
  requests: Partial<Record<Request, string>> = {};
  spec: Record<string, unknown>;
  isDeleting = false;
  isClaimed = false;
  isGone = false;
  resourceVersion = 1;
  workload: Mutable<Workload>;
  replicaSets: Mutable<ReplicaSet>[];
  route: { kind: "Absent" | "Rest" | "Split"; weight: number } = { kind: "Absent", weight: 0 };
  subsets: { stable: string | undefined; canary: string | undefined } | undefined;
  unsplit: string[] = [];
  behaviours: Record<string, Behaviour> = {};
  requestsPerSecond = 100;
  metricsAreUp = true;
  /** Of a thousand requests, those of callers that have no proxy. */
  withoutProxy = 0;
  /** When versions that hang begin to. */
  hangsFrom = 0;
  /** Of all requests, those that fail whoever answers. */
  incident = 0;
  /** What the next write meets: an error instead of its effect, or after it. Undefined: it succeeds. */
  fault: (what: Action["kind"] | "status") => { readonly error: Error; readonly applied: boolean } | undefined = () =>
    undefined;
  /** Milliseconds that the API server takes until a write takes effect. */
  delay: () => number = () => 0;
  /** What proxies with an old configuration would have answered 503 to. */
  readonly misorders: string[] = [];
  #routeAt = 0;
  #subsetsAt = 0;
  #routeBy: string | undefined;
  #subsetsBy: string | undefined;
  statusWrites = 0;
  readonly events: PendingEvent[] = [];
  readonly actions: Action[] = [];
  readonly weights: number[] = [];
  #sightings = new Sightings();
  #dependencies = this.dependencies();
  readonly #readyAt = new Map<string, number>();
  /** What the counters were when they were scraped, each second. */
  readonly #samples: Sample[] = [];

  constructor(spec: Record<string, unknown> = {}) {
    this.spec = { targetRef: { name: "product" }, bake: "30s", analysis: { minStepDuration: "15s" }, ...spec };
    this.workload = {
      form: "Deployment",
      name: "product",
      uid: "d",
      generation: 1,
      observedGeneration: 1,
      paused: false,
      deleting: false,
      labelled: false,
      holdOff: false,
      replicas: 4,
      revision: "v1",
      image: "product:v1",
      strategy: "RollingUpdate",
      maxSurge: '"25%"',
      notSupported: undefined,
      promotedRevision: undefined,
      rejectedRevisions: [],
      replicaSets: [],
    };
    this.replicaSets = [this.#replicaSet("product-v1", "v1", "Deployment", 4)];
    this.#readyAt.set("product-v1", this.now);
  }

  /** Somebody changes the image in git: the hold policy pauses the Deployment in the same write. */
  changeTemplate(revision: string): void {
    Object.assign(this.workload, { revision, image: `product:${revision}`, paused: true });
    this.workload.generation += 1;
    this.workload.observedGeneration = this.workload.generation;
  }

  /** Reconciles once a second until `until` holds; false when it did not within `limit` seconds. */
  async run(until: (world: VirtualWorld) => boolean, limit = 600): Promise<boolean> {
    for (let second = 0; second < limit; second += 1) {
      await this.reconcileOnce();
      if (until(this)) return true;
      this.tick(1_000);
    }
    return false;
  }

  async reconcileOnce(): Promise<void> {
    try {
      await reconcilePersistently(this.key, this.#dependencies, new AbortController().signal);
    } catch (error) {
      // The queue tries again; a crash is the same to the world.
      if (!(error instanceof ReconcileError)) throw error;
    }
  }

  tick(length: number): void {
    this.now += length;
    for (const replicaSet of this.replicaSets) this.#settle(replicaSet);
    this.#reapOld();
    this.#serve(length / 1_000);
  }

  /** A new operator: nothing is remembered but what is stored. */
  restart(): void {
    this.#sightings = new Sightings();
    this.#dependencies = this.dependencies();
  }

  dependencies(): Dependencies {
    return {
      cluster: {
        readRollout: () => (this.isGone ? undefined : this.rollout()),
        readWorkload: () => Promise.resolve(this.observedWorkload()),
        readFresh: () => Promise.resolve(this.rollout()),
        writeStatus: async (rollout, status) => {
          if (rollout.resourceVersion !== String(this.resourceVersion))
            throw new ConflictError("the Rollout has changed");
          const stored = JSON.parse(JSON.stringify(status)) as RolloutStatus;
          if (canonicalJson(stored) === canonicalJson(this.status)) return rollout;
          await this.#faulty("status", () => {
            this.status = stored;
            this.resourceVersion += 1;
            this.statusWrites += 1;
          });
          return this.rollout();
        },
        perform: (action) => this.#faulty(action.kind, () => this.performWorkload(action)),
      },
      routerFor: () => ({
        readTraffic: () => this.traffic(),
        describeOriginal: () => "{}",
        rehearse: () => Promise.resolve(undefined),
        perform: (action) => this.#faulty(action.kind, () => this.performTraffic(action)),
      }),
      metrics: {
        measure: (query) => Promise.resolve(this.measure(query.since, query.shiftedAt)),
        arrivals: () => Promise.resolve(this.arrivals()),
        usual: () => Promise.resolve(this.usual()),
        pods: () => Promise.resolve(this.pods()),
      },
      announcer: {
        announce: (_rollout, events) => {
          this.events.push(...events);
          return Promise.resolve(events.map((event) => event.name));
        },
      },
      clock: { now: () => this.now },
      settings: {
        propagation,
        rollbackDeadline: 30_000,
        shiftDeadline: 60_000,
        evidencePeriod: 60_000,
        hold: "Policy",
        engineVersion: "test",
      },
      obstacles: new Obstacles(),
      sightings: this.#sightings,
      releaseMetrics: unmeasuredReleases,
      log: silentLogger,
    };
  }

  rollout(): Rollout {
    const parsed = parseSpec(this.spec);
    return {
      key: this.key,
      uid: "r",
      generation: 1,
      resourceVersion: String(this.resourceVersion),
      deleting: this.isDeleting,
      claimed: this.isClaimed,
      spec: "spec" in parsed ? parsed.spec : undefined,
      problems: "problems" in parsed ? parsed.problems : [],
      status: this.status,
      requests: this.requests,
    };
  }

  observedWorkload(): Workload | WorkloadProblem {
    return { ...this.workload, replicaSets: this.replicaSets.map((replicaSet) => ({ ...replicaSet })) };
  }

  traffic(): TrafficState {
    return {
      route: this.route.kind === "Split" ? { kind: "Split", weight: this.route.weight } : { kind: this.route.kind },
      subsets:
        this.subsets === undefined
          ? { kind: "Absent" }
          : { kind: "Present", ...this.subsets, lacksCanary: this.subsets.canary === undefined },
      unsplit: this.unsplit,
      foreignManager: this.#routeBy,
      subsetsManager: this.#subsetsBy,
    };
  }

  /** A tool writes git's DestinationRule, which has no subsets, and its VirtualService or not. */
  applyGit(route: boolean): void {
    this.subsets = { stable: undefined, canary: undefined };
    this.#subsetsBy = "git";
    if (!route) return;
    this.route = { kind: "Rest", weight: 0 };
    this.#routeBy = "git";
  }

  performTraffic(action: TrafficAction): void {
    this.actions.push(action);
    this.#followOrder(action);
    if (action.kind === "routeTraffic" || action.kind === "restoreRoute") this.#routeBy = undefined;
    else this.#subsetsBy = undefined;
    switch (action.kind) {
      case "createRoute":
        if (this.route.kind === "Absent") this.route = { kind: "Rest", weight: 0 };
        this.subsets ??= { stable: undefined, canary: undefined };
        return;
      case "narrowSubsets":
        this.subsets = { stable: action.stable, canary: action.canary };
        return;
      case "widenStable":
        this.subsets = { stable: undefined, canary: action.canary };
        return;
      case "routeTraffic":
        if (this.subsets?.stable === undefined) throw new Error("a route to a subset that is not there");
        this.route = { kind: "Split", weight: action.weight };
        if (this.weights.at(-1) !== action.weight) this.weights.push(action.weight);
        return;
      case "restoreRoute":
        this.route = { kind: "Rest", weight: 0 };
        return;
      case "restoreSubsets":
        if (this.route.kind === "Split") throw new Error("a subset was removed that a route refers to");
        this.subsets = { stable: undefined, canary: undefined };
        return;
      case "serveSubset":
        throw new Error("there is a Deployment, and no subset of a user's");
      case "tuneOutliers":
      case "restoreOutliers":
        throw new Error("nothing tells pods apart, so nothing is tuned");
      case "removeRoute":
        this.route = { kind: "Absent", weight: 0 };
        return;
      case "removeSubsets":
        this.subsets = undefined;
    }
  }

  performWorkload(action: WorkloadAction): void {
    this.actions.push(action);
    switch (action.kind) {
      case "claim":
        this.isClaimed = true;
        return;
      case "letGo":
        this.isGone = true;
        return;
      case "holdWorkload":
        this.workload.labelled = true;
        return;
      case "pauseWorkload":
        this.workload.paused = action.paused;
        return;
      case "createCanary":
        this.replicaSets.push(
          this.#replicaSet(action.canary.replicaSet, action.canary.revision, "Rollout", action.replicas),
        );
        return;
      case "scaleCanary":
        this.find(action.replicaSet).replicas = action.replicas;
        return;
      case "ownCanary":
        this.find(action.replicaSet).controlledBy = "Rollout";
        return;
      case "removeCanary":
        this.replicaSets = this.replicaSets.filter((replicaSet) => replicaSet.name !== action.replicaSet);
        return;
      case "openSurge":
        this.workload.maxSurge = '"100%"';
        return;
      case "restoreSurge":
        this.workload.maxSurge = action.maxSurge;
        return;
      case "handOver":
        this.find(action.replicaSet).controlledBy = "Deployment";
        return;
      case "finishOld":
        this.find(action.replicaSet).replicas = 0;
        return;
      case "completeAdoption":
        Object.assign(this.workload, {
          maxSurge: action.maxSurge,
          promotedRevision: action.revision,
          paused: action.keepPaused,
        });
        return;
      case "recordPromoted":
        this.workload.promotedRevision = action.revision;
        return;
      case "recordRejected":
        this.workload.rejectedRevisions = action.revisions;
        return;
      case "restoreTemplate":
        Object.assign(this.workload, { revision: this.find(action.replicaSet).revision });
        return;
      case "releaseWorkload":
        this.workload.labelled = false;
    }
  }

  arrivals(): Arrivals {
    if (!this.metricsAreUp) return { kind: "Unavailable", message: "Prometheus does not answer" };
    return { kind: "Counts", span: 300_000, requests: 1_000, withoutProxy: this.withoutProxy };
  }

  /** Pods are not told apart. */
  pods(): PodReport {
    return { kind: "Unknown", message: "nothing tells pods apart here" };
  }

  usual(): Usual | undefined {
    return this.metricsAreUp
      ? { requests: this.requestsPerSecond * 600, lost: 0, length: 600_000, interval: 1_000 }
      : undefined;
  }

  measure(since: number, shiftedAt: number | undefined): Measurement {
    if (!this.metricsAreUp) return { kind: "Unavailable", message: "Prometheus does not answer." };
    const until = this.now;
    const shifted = this.#samples.filter((sample) => shiftedAt !== undefined && sample.at > shiftedAt);
    const first = this.#samples.findIndex((sample) => sample.at > since);
    const ticks = first === -1 ? [] : this.#samples.slice(first).map((_, index) => this.#tick(first + index));
    const [from, to] = [shifted[0], shifted.at(-1)];
    return {
      kind: "Counts",
      since,
      until,
      interval: 1_000,
      ticks,
      sinceShift:
        from === undefined || to === undefined || shifted.length < 2
          ? undefined
          : {
              stable: whole(to.stable) - whole(from.stable),
              canary: whole(to.canary + to.canaryGone) - whole(from.canary + from.canaryGone),
              callers: [],
            },
    };
  }

  #tick(index: number): Tick {
    const [before = nothing, now = nothing] = [this.#samples[index - 1], this.#samples[index]];
    const grown = (of: keyof Sample) => whole(now[of]) - whole(before[of]);
    const slow = grown("canarySlow");
    return {
      at: now.at,
      stable: { requests: grown("stable"), errors: grown("stableBad"), slow: 0, slowOrClose: 0 },
      canary: { requests: grown("canary"), errors: grown("canaryBad"), slow, slowOrClose: slow },
      gone: { stable: 0, canary: grown("canaryGone") },
      lost: grown("lost"),
    };
  }

  /** When the last of the canary's pods got ready. */
  #canaryReadyAt(): number {
    const canary = this.replicaSets.find(({ controlledBy }) => controlledBy === "Rollout");
    return canary === undefined ? this.now : (this.#readyAt.get(canary.name) ?? 0);
  }

  /** Between a subset and a route that names it, proxies get the time that they need. */
  #followOrder(action: TrafficAction): void {
    const apart = (earlier: number, what: string) => {
      if (this.now - earlier < propagation) this.misorders.push(`${what} after ${this.now - earlier} ms`);
    };
    const canary = this.subsets?.canary;
    const isSplit = this.route.kind === "Split";
    if (action.kind === "routeTraffic") this.#followRoute(action.weight, apart);
    if (action.kind === "narrowSubsets" && canary !== action.canary) this.#subsetsAt = this.now;
    if (action.kind === "restoreRoute" && isSplit) this.#routeAt = this.now;
    if (action.kind === "restoreSubsets" && canary !== undefined)
      apart(this.#routeAt, "a subset removed with its route");
  }

  /** The canary's first traffic, and every route that is split anew, come after its pods and subsets. */
  #followRoute(weight: number, apart: (earlier: number, what: string) => void): void {
    const isFirst = weight > 0 && this.route.weight === 0;
    if (isFirst || this.route.kind !== "Split") apart(this.#subsetsAt, "a route to a new subset");
    if (isFirst) apart(this.#canaryReadyAt(), "traffic to new pods");
  }

  #faulty(what: Action["kind"] | "status", write: () => void): Promise<void> {
    this.now += this.delay();
    const fault = this.fault(what);
    if (fault === undefined || fault.applied) write();
    return fault === undefined ? Promise.resolve() : Promise.reject(fault.error);
  }

  find(name: string): Mutable<ReplicaSet> {
    const found = this.replicaSets.find((replicaSet) => replicaSet.name === name);
    if (found === undefined) throw new Error(`there is no ReplicaSet ${name}`);
    return found;
  }

  eventReasons(): string[] {
    return this.events.map((event) => event.reason);
  }

  #replicaSet(
    name: string,
    revision: string,
    controlledBy: ReplicaSet["controlledBy"],
    replicas: number,
  ): Mutable<ReplicaSet> {
    const ready = controlledBy === "Deployment" ? replicas : 0;
    this.#readyAt.set(name, this.now + 1_000 * (this.behaviours[revision]?.startSeconds ?? 3));
    return {
      name,
      uid: name,
      controlledBy,
      deleting: false,
      revision,
      podTemplateHash: revision,
      workload: name.slice(0, -revision.length - 1),
      image: `product:${revision}`,
      replicas,
      pods: ready,
      ready,
      available: ready,
      crashes: [],
      cannotStart: undefined,
    };
  }

  #settle(replicaSet: Mutable<ReplicaSet>): void {
    const behaviour = this.behaviours[replicaSet.revision];
    const isReady = behaviour?.neverReady !== true && this.now >= (this.#readyAt.get(replicaSet.name) ?? 0);
    replicaSet.pods = replicaSet.replicas;
    replicaSet.ready = isReady ? replicaSet.replicas : 0;
    replicaSet.available = replicaSet.ready;
    replicaSet.crashes =
      behaviour?.crashes === true && replicaSet.ready > 0 && this.route.weight > 0
        ? [`${replicaSet.name}-x/app: OOMKilled`]
        : [];
  }

  /** The Deployment controller: once the newest template's ReplicaSet is its own and complete, the old one goes. */
  #reapOld(): void {
    const own = this.replicaSets.filter((replicaSet) => replicaSet.controlledBy === "Deployment");
    const newest = own.find((replicaSet) => replicaSet.revision === this.workload.revision);
    if (newest?.available !== this.workload.replicas) return;
    for (const replicaSet of own) if (replicaSet !== newest) replicaSet.replicas = 0;
  }

  #serve(seconds: number): void {
    const canaryShare = this.route.kind === "Split" ? this.route.weight / 100 : 0;
    const requests = this.requestsPerSecond * seconds;
    const revisionIn = (hash: string | undefined) => this.behaviours[hash ?? ""] ?? {};
    const canary = requests * canaryShare;
    const stable = requests - canary;
    const before = this.#samples.at(-1) ?? nothing;
    const { errorRate = 0 } = revisionIn(this.subsets?.stable ?? this.status.stable?.podTemplateHash);
    const ofCanary = this.#answered(revisionIn(this.subsets?.canary), canary);
    this.#samples.push({
      at: this.now,
      stable: before.stable + stable,
      stableBad: before.stableBad + stable * Math.max(this.incident, ofCanary.harm, errorRate),
      canary: before.canary + ofCanary.ended,
      canaryBad: before.canaryBad + ofCanary.bad,
      canarySlow: before.canarySlow + ofCanary.slow,
      canaryGone: before.canaryGone + ofCanary.gone,
      lost: before.lost + ofCanary.lost,
    });
    this.requestsPerSecond -= ofCanary.kept;
  }

  /** What becomes of the canary's requests. */
  #answered({ hangs, harms = 0, errorRate = 0, slowRate = 0, unfit = 0 }: Behaviour, requests: number) {
    const none = { ended: 0, harm: 0, bad: 0, slow: 0, gone: 0, lost: 0, kept: 0 };
    if (hangs !== undefined && this.now >= this.hangsFrom)
      return { ...none, gone: hangs === "abandoned" ? requests : 0, kept: hangs === "waited for" ? requests : 0 };
    const ended = requests * (1 - unfit);
    const harm = requests > 0 ? harms : 0;
    return {
      ...none,
      ended,
      harm,
      bad: ended * Math.max(this.incident, harm, errorRate),
      slow: ended * slowRate,
      lost: requests * unfit,
    };
  }
}

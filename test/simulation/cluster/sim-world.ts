import { rolloutLabel, unpauseAnnotation } from "../../../src/api/names.ts";
import type { RolloutStatus } from "../../../src/api/rollout-status.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import { randomFrom } from "../../support/random.ts";
import { deployment, rollout, service } from "../../lab/app.ts";
import { Controllers } from "./controllers.ts";
import { DataPlane } from "./data-plane.ts";
import { withFaults, type FaultKind } from "./faults.ts";
import { isSame, mergePatched, type Json } from "./json.ts";
import { LaggingView } from "./lagging-view.ts";
import { memoryObjects } from "./memory-objects.ts";
import { MemoryStore, metadataOf } from "./memory-store.ts";
import { key, SimOperator, type Plant } from "./sim-operator.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Of what the Rollout asks for, what is not as usual. */
  readonly spec?: object;
  /** Of all writes, and of all looks, the share that meets a fault. */
  readonly faults?: number;
  readonly plant?: Plant | undefined;
}

const watched = ["rollouts", "deployments", "replicasets", "services", "virtualservices", "destinationrules"];
const quick = { bake: "10s", analysis: { minStepDuration: "15s" } };
const oldest = 4_000;

/** One app in a cluster in memory, its operator, its traffic and its bad luck; all of it follows from the seed. */
export class SimWorld {
  readonly store: MemoryStore;
  readonly dataPlane: DataPlane;
  readonly mistakes: string[] = [];
  /** How often each kind of fault struck each rule in mid-release. */
  readonly strikes = new Map<string, number>();
  readonly random: () => number;
  now = Date.parse("2026-01-01T00:00:00Z");
  /** Requests of the operator to the API server. */
  requests = 0;
  /** The hold acts on nothing: somebody took its policy away. */
  isUnheld = false;
  /** It has been so once: whatever rolled out by itself is nobody's fault. */
  wasUnheld = false;
  /** Prometheus is away. */
  isBlind = false;
  /** A write takes effect now that was sent some time ago. */
  isLate = false;
  /** Of the requests to an image, those that fail. */
  readonly errorRates: Record<string, number> = {};
  faults: number;
  readonly #options: WorldOptions;
  readonly #controllers: Controllers;
  #operator: SimOperator;
  #view: LaggingView;
  #rule = "";
  #unruled: FaultKind[] = [];
  #late: { readonly at: number; readonly run: () => Promise<unknown> }[] = [];
  #dirty = true;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.faults = options.faults ?? 0;
    this.random = randomFrom(options.seed);
    this.store = new MemoryStore({
      now: () => this.now,
      admit: (plural, object, before) => (plural === "deployments" && before ? this.#hold(object, before) : object),
    });
    this.store.onEvent(() => (this.#dirty = true));
    const errorRateOf = (image: string) => this.errorRates[image] ?? 0;
    this.dataPlane = new DataPlane({
      store: this.store,
      now: () => this.now,
      propagation: () => 100 + Math.round(1_400 * this.random()),
      errorRateOf,
      requestsPerSecond: 100,
    });
    const startSeconds = 4 + Math.floor(6 * this.random());
    this.#controllers = new Controllers({ store: this.store, now: () => this.now, startSeconds });
    // As the API server fills it in.
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } };
    this.apply(deployment({ namespace: key.namespace, image: "product:v1", replicas: 4, strategy }), "deployments");
    this.apply(service(key), "services");
    this.apply(rollout(key, { ...quick, ...options.spec }), "rollouts");
    ({ operator: this.#operator, view: this.#view } = this.#start());
  }

  get rollout(): KubernetesObject | undefined {
    return this.store.get("rollouts", key.namespace, key.name);
  }

  get status(): Partial<RolloutStatus> {
    return this.rollout?.status ?? {};
  }

  /** Reasons of the events that were told, in their order. */
  reasons(): readonly string[] {
    return this.store.list("events").map((event) => String((event as { readonly reason?: unknown }).reason));
  }

  object(plural: string, name = key.name): KubernetesObject | undefined {
    return this.store.get(plural, key.namespace, name);
  }

  /** Creates an object, or changes what is there as `kubectl apply` would. */
  apply(object: object, plural: string): void {
    const { name } = (object as KubernetesObject).metadata;
    if (this.object(plural, name) === undefined) this.store.create(plural, object, "kubectl");
    else this.change(plural, object);
  }

  /** A merge patch by a person. */
  change(plural: string, patch: object, name = key.name): void {
    this.store.update(
      { plural, namespace: key.namespace, name },
      (object) => mergePatched(object, patch) as Json,
      "kubectl",
    );
  }

  /** Somebody changes the image in git. */
  release(image: string): void {
    const container = { name: "app", image, ports: [{ name: "http", containerPort: 8080 }], env: [] };
    this.change("deployments", { spec: { template: { spec: { containers: [container] } } } });
  }

  /** A second passes at a time until `until` holds; false when it did not within `seconds`. */
  async run(until: (world: SimWorld) => boolean, seconds: number): Promise<boolean> {
    for (let second = 0; second < seconds; second += 1) {
      await this.#second();
      if (until(this)) return true;
    }
    return false;
  }

  async #second(): Promise<void> {
    this.now += 1_000;
    this.isLate = true;
    for (const { run } of this.#late.filter(({ at }) => at <= this.now)) await run().catch(() => undefined);
    this.isLate = false;
    this.#late = this.#late.filter(({ at }) => at > this.now);
    // Pods get ready with time alone.
    this.#controllers.sync();
    this.dataPlane.serve(1);
    await this.#look();
    if (this.#dirty) this.#controllers.sync();
    this.#dirty = false;
  }

  /** As long as there is news, and not more often than a machine in a hurry. */
  async #look(): Promise<void> {
    for (let looks = 0; looks < 4; looks += 1) {
      const isCaughtUp = !this.#view.isBehind;
      if (isCaughtUp && this.#operator.wakeAt > this.now) return;
      this.#advanceCaches();
      if ((await this.#operator.reconcile()) === "crashed")
        ({ operator: this.#operator, view: this.#view } = this.#start());
      if (this.#dirty) this.#controllers.sync();
      this.#dirty = false;
    }
  }

  #advanceCaches(): void {
    this.#unruled = [];
    const age = Math.round(oldest * this.random());
    const [old, apart, blind] = [this.random(), this.random(), this.random()];
    if (old < this.faults) {
      this.#unruled.push("stale");
      this.#view.advance(this.now - age);
    } else if (apart < this.faults) {
      this.#unruled.push("reordered");
      const plural = watched[Math.floor(this.random() * watched.length)] ?? "";
      this.#view.advance(this.now, { plural, upTo: this.now - age });
    } else this.#view.advance(this.now);
    const isUnmeasured = blind < this.faults / 2;
    if (isUnmeasured) this.#unruled.push("unmeasured");
    this.dataPlane.isMeasured = !isUnmeasured && !this.isBlind;
  }

  /** A new operator: it lists, and remembers nothing. */
  #start(): { readonly operator: SimOperator; readonly view: LaggingView } {
    const view = new LaggingView(this.store, watched);
    const counted = countingCalls(memoryObjects(this.store, view), () => (this.requests += 1));
    const objects = withFaults(counted, {
      random: this.random,
      rate: () => this.faults,
      onStrike: (kind) => this.#note(kind),
      crash: () => operator.crash(),
      later: (run) => this.#late.push({ at: this.now + 1_000 + Math.round(7_000 * this.random()), run }),
      touch: (plural, namespace, name) => this.#touch(plural, namespace, name),
    });
    const operator: SimOperator = new SimOperator({
      objects,
      metrics: this.dataPlane.metrics(),
      now: () => this.now,
      onDecided: (rule) => {
        this.#rule = rule;
        for (const kind of this.#unruled.splice(0)) this.#note(kind);
      },
      onMistake: (error) => this.mistakes.push(error instanceof Error ? (error.stack ?? error.message) : String(error)),
      plant: this.#options.plant,
    });
    return { operator, view };
  }

  #note(kind: FaultKind): void {
    if (this.status.release === undefined) return;
    const struck = `${this.#rule} ${kind}`;
    this.strikes.set(struck, (this.strikes.get(struck) ?? 0) + 1);
  }

  #touch(plural: string, namespace: string | undefined, name: string): void {
    if (this.store.get(plural, namespace, name) === undefined) return;
    const note = { metadata: { annotations: { "example.com/touched": String(this.now) } } };
    this.store.update({ plural, namespace, name }, (object) => mergePatched(object, note) as Json, "somebody");
  }

  /** What the hold policy does in the API server. */
  #hold(object: Json, before: Json): Json {
    if (this.isUnheld) return object;
    const labelled = [object, before].some(
      (one) => (metadataOf(one)["labels"] as Json | undefined)?.[rolloutLabel] !== undefined,
    );
    const specs = [object["spec"], before["spec"]] as [Json, Json];
    const isChanged = !isSame(specs[0]["template"], specs[1]["template"]);
    const isUnpaused = specs[1]["paused"] === true && specs[0]["paused"] !== true;
    const token = (metadataOf(object)["annotations"] as Json | undefined)?.[unpauseAnnotation];
    const isAllowed = token === String(metadataOf(before)["generation"]);
    if (!labelled || !(isChanged || isUnpaused) || (isUnpaused && !isChanged && isAllowed)) return object;
    return { ...object, spec: { ...specs[0], paused: true } };
  }
}

/** Calls that cost a request. */
function countingCalls(objects: KubernetesObjects, count: () => void): KubernetesObjects {
  const counting = <T>(call: Promise<T>): Promise<T> => {
    count();
    return call;
  };
  return {
    ...objects,
    read: (...args) => counting(objects.read(...args)),
    list: (...args) => counting(objects.list(...args)),
    create: (...args) => counting(objects.create(...args)),
    mergePatch: (...args) => counting(objects.mergePatch(...args)),
    jsonPatch: (...args) => counting(objects.jsonPatch(...args)),
    apply: (...args) => counting(objects.apply(...args)),
    remove: (...args) => counting(objects.remove(...args)),
  };
}

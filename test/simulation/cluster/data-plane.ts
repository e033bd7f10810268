import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";
import type { MetricProvider, TrafficQuery } from "../../../src/ports/metric-provider.ts";
import { nothing, type Tick } from "../../../src/domain/analysis/blocks.ts";
import type { Measurement } from "../../../src/domain/observation.ts";
import { imageOf } from "./controllers.ts";
import type { MemoryStore } from "./memory-store.ts";

/** Of the requests to an image, those that fail. */
export type ErrorRateOf = (image: string) => number;

export interface DataPlaneOptions {
  readonly store: MemoryStore;
  readonly now: () => number;
  /** How long a change of an Istio object takes to reach the proxies. Milliseconds. */
  readonly propagation: () => number;
  readonly errorRateOf: ErrorRateOf;
  readonly requestsPerSecond: number;
}

interface Counters {
  readonly [workload: string]: { readonly requests: number; readonly errors: number };
}

interface Sample {
  readonly at: number;
  readonly counters: Counters;
  /** Requests that found no pod, since the beginning. */
  readonly lost: number;
}

interface Destination {
  readonly weight?: number;
  readonly destination: { readonly subset?: string };
}

interface Subset {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const none = { requests: 0, errors: 0 };

/** A counter has no halves; what is less than one of them shows up later. */
const whole = (value: number) => Math.floor(value + 1e-6);

/** Proxies that split requests as they were last told, and what they count. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  /** What proxies have, and what is on its way to them. */
  readonly #known = new Map<string, KubernetesObject | undefined>();
  #coming: { readonly at: number; readonly plural: string; readonly object: KubernetesObject | undefined }[] = [];
  #samples: Sample[] = [{ at: 0, counters: {}, lost: 0 }];
  isMeasured = true;
  /** Of all requests, those that fail whoever answers. */
  incident = 0;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    options.store.onEvent(({ plural, kind, object }) => {
      if (plural !== "virtualservices" && plural !== "destinationrules") return;
      // Of one kind the proxies get changes in their order; of two kinds they may not.
      const last = this.#coming.findLast((one) => one.plural === plural)?.at ?? 0;
      const at = Math.max(last, options.now() + options.propagation());
      this.#coming.push({ at, plural, object: kind === "deleted" ? undefined : object });
    });
  }

  get lost(): number {
    return this.#samples.at(-1)?.lost ?? 0;
  }

  /** Requests of one workload since the beginning. */
  requestsOf(workload: string): number {
    return this.#samples.at(-1)?.counters[workload]?.requests ?? 0;
  }

  /** Lets a length of time pass. Seconds. */
  serve(seconds: number): void {
    this.#receive();
    const before = this.#samples.at(-1) ?? { at: 0, counters: {}, lost: 0 };
    const counters: Record<string, { requests: number; errors: number }> = { ...before.counters };
    let { lost } = before;
    for (const { share, pods } of this.#split()) {
      const requests = share * this.#options.requestsPerSecond * seconds;
      const all = pods.reduce((sum, { ready }) => sum + ready, 0);
      if (all === 0) lost += requests;
      for (const { workload, image, ready } of all === 0 ? [] : pods) {
        const its = (requests * ready) / all;
        const { requests: known, errors } = counters[workload] ?? none;
        const failing = Math.max(this.incident, this.#options.errorRateOf(image));
        counters[workload] = { requests: known + its, errors: errors + its * failing };
      }
    }
    this.#samples.push({ at: this.#options.now(), counters, lost });
  }

  #receive(): void {
    const now = this.#options.now();
    for (const { plural, object } of this.#coming.filter(({ at }) => at <= now)) this.#known.set(plural, object);
    this.#coming = this.#coming.filter(({ at }) => at > now);
  }

  /** Shares of the requests, and the pods that each of them may go to. */
  #split() {
    const http = this.#known.get("virtualservices")?.spec?.["http"] as { route: Destination[] }[] | undefined;
    const route = http?.[0]?.route ?? [{ destination: {} }];
    const subsets = (this.#known.get("destinationrules")?.spec?.["subsets"] ?? []) as Subset[];
    return route
      .map(({ weight = route.length === 1 ? 100 : 0, destination: { subset } }) => {
        const found = subsets.find(({ name }) => name === subset);
        const isMissing = subset !== undefined && found === undefined;
        return { share: weight / 100, pods: isMissing || weight === 0 ? [] : this.#podsWith(found?.labels ?? {}) };
      })
      .filter(({ share }) => share > 0);
  }

  #podsWith(labels: Readonly<Record<string, string>>) {
    return this.#options.store.list("replicasets").flatMap((replicaSet) => {
      const own =
        (replicaSet.spec?.["template"] as { metadata?: { labels?: Record<string, string> } }).metadata?.labels ?? {};
      if (!Object.entries({ app: "product", ...labels }).every(([key, value]) => own[key] === value)) return [];
      const hash = own["pod-template-hash"] ?? "";
      const workload = replicaSet.metadata.name.replace(new RegExp(`-${hash}$`), "");
      return [{ workload, image: imageOf(replicaSet), ready: Number(replicaSet.status?.["readyReplicas"] ?? 0) }];
    });
  }

  /** What a Prometheus that scrapes every second would tell of it. */
  metrics(): MetricProvider {
    return {
      arrivals: () =>
        Promise.resolve(
          this.isMeasured
            ? { kind: "Counts", span: 300_000, requests: 1_000, withoutProxy: 0 }
            : { kind: "Unavailable", message: "Prometheus does not answer" },
        ),
      usual: () => {
        const requests = this.#options.requestsPerSecond * 600;
        return Promise.resolve(this.isMeasured ? { requests, lost: 0, length: 600_000, interval: 1_000 } : undefined);
      },
      pods: () => Promise.resolve({ kind: "Unknown", message: "nothing tells pods apart here" }),
      measure: (query) => Promise.resolve(this.#measure(query)),
    };
  }

  #measure({ since, shiftedAt, stable, canary }: TrafficQuery): Measurement {
    if (!this.isMeasured) return { kind: "Unavailable", message: "Prometheus does not answer" };
    const first = this.#samples.findIndex(({ at }) => at > since);
    const ticks =
      first <= 0 ? [] : this.#samples.slice(first).map((_, index) => this.#tick(first + index, stable, canary));
    const shifted = this.#samples.filter(({ at }) => shiftedAt !== undefined && at > shiftedAt);
    const [from, to] = [shifted[0], shifted.at(-1)];
    const grown = (workload: string) =>
      whole(to?.counters[workload]?.requests ?? 0) - whole(from?.counters[workload]?.requests ?? 0);
    const sinceShift = shifted.length < 2 ? undefined : { stable: grown(stable), canary: grown(canary), callers: [] };
    return { kind: "Counts", since, until: this.#options.now(), interval: 1_000, ticks, sinceShift };
  }

  #tick(index: number, stable: string, canary: string): Tick {
    const [before, now] = [this.#samples[index - 1], this.#samples[index]];
    const counts = (workload: string) => {
      const grown = (member: "requests" | "errors") =>
        whole(now?.counters[workload]?.[member] ?? 0) - whole(before?.counters[workload]?.[member] ?? 0);
      return { requests: grown("requests"), errors: grown("errors"), slow: 0, slowOrClose: 0 };
    };
    const lost = whole(now?.lost ?? 0) - whole(before?.lost ?? 0);
    return { ...nothing, at: now?.at ?? 0, stable: counts(stable), canary: counts(canary), lost };
  }
}

import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";
import type { MetricProvider, PodsQuery, TrafficQuery } from "../../../src/ports/metric-provider.ts";
import { nothing, type Tick } from "../../../src/domain/analysis/blocks.ts";
import type { PodReport } from "../../../src/domain/outliers/pods.ts";
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
  /** The same of each pod, by its workload and number. */
  readonly pods: Counters;
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
  #samples: Sample[] = [{ at: 0, counters: {}, pods: {}, lost: 0 }];
  isMeasured = true;
  /** Of all requests, those that fail whoever answers. */
  incident = 0;
  /** The image of which one pod fails everything, until proxies eject it. */
  badPodOf: string | undefined;

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
    const before = this.#samples.at(-1) ?? { at: 0, counters: {}, pods: {}, lost: 0 };
    const counters: Record<string, { requests: number; errors: number }> = { ...before.counters };
    const perPod: Record<string, { requests: number; errors: number }> = { ...before.pods };
    const count = (all: typeof counters, name: string, more: typeof none) => {
      const known = all[name] ?? none;
      all[name] = { requests: known.requests + more.requests, errors: known.errors + more.errors };
    };
    let { lost } = before;
    for (const { share, pods } of this.#split()) {
      const requests = share * this.#options.requestsPerSecond * seconds;
      const all = pods.reduce((sum, { ready }) => sum + ready, 0);
      if (all === 0) lost += requests;
      for (const { workload, image, ready } of all === 0 ? [] : pods) {
        for (const [pod, own] of this.#answered(image, ready, (requests * ready) / all).entries()) {
          count(counters, workload, own);
          count(perPod, `${workload}-${pod}`, own);
        }
      }
    }
    this.#samples.push({ at: this.#options.now(), counters, pods: perPod, lost });
  }

  /** What each of so many pods of an image answers: the first is the bad one, if one is. */
  #answered(image: string, pods: number, requests: number): readonly (typeof none)[] {
    const isOut = image === this.badPodOf && this.#ejects(pods);
    const failing = Math.max(this.incident, this.#options.errorRateOf(image));
    return Array.from({ length: pods }, (_none, pod) => {
      const isBad = image === this.badPodOf && pod === 0;
      if (isBad && isOut) return none;
      const own = requests / (isOut ? pods - 1 : pods);
      return { requests: own, errors: own * (isBad ? 1 : failing) };
    });
  }

  /** Whether proxies have settings by which they eject one of so many pods. */
  #ejects(pods: number): boolean {
    const policy = this.#known.get("destinationrules")?.spec?.["trafficPolicy"] as
      { readonly outlierDetection?: { readonly maxEjectionPercent?: number } } | undefined;
    return ((policy?.outlierDetection?.maxEjectionPercent ?? 0) * pods) / 100 >= 1;
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
      pods: (query) => Promise.resolve(this.#report(query)),
      measure: (query) => Promise.resolve(this.#measure(query)),
    };
  }

  #report({ since, stable, canary }: PodsQuery): PodReport {
    if (!this.isMeasured) return { kind: "Unavailable", message: "Prometheus does not answer" };
    const first = this.#samples.findIndex(({ at }) => at > since);
    const span = first <= 0 ? [] : this.#samples.slice(first - 1);
    const grown = (pick: (sample: Sample) => number) =>
      span.slice(1).map((sample, index) => whole(pick(sample)) - whole(pick(span[index] ?? sample)));
    const named = (workload: string) =>
      Object.keys(span.at(-1)?.pods ?? {}).filter((name) => name.replace(/-\d+$/, "") === workload);
    const podsOf = (version: "stable" | "canary", workload: string) =>
      named(workload).map((pod) => {
        const [requests, errors] = (["requests", "errors"] as const).map((member) =>
          grown(({ pods }) => pods[pod]?.[member] ?? 0),
        );
        const ticks = span
          .slice(1)
          .map(({ at }, index) => ({ at, requests: requests?.[index] ?? 0, errors: errors?.[index] ?? 0 }));
        return { version, pod, ticks };
      });
    const called = (workload: string) => {
      const sum = (member: "requests" | "errors") =>
        grown(({ counters }) => counters[workload]?.[member] ?? 0).reduce((all, one) => all + one, 0);
      return { rates: [sum("requests") / Math.max(1, span.length - 1)], errors: sum("errors") };
    };
    return {
      kind: "Counts",
      since,
      until: this.#options.now(),
      interval: 1_000,
      pods: [...podsOf("stable", stable), ...podsOf("canary", canary)],
      callers: { stable: called(stable), canary: called(canary) },
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

// What is released, and what should become of it.
import { deployment, manifest, rollout, service } from "../lab/app.ts";
import type { DemoOptions, ReleaseKind } from "./options.ts";

export const NAMESPACE = "shop";
export const APP = "product";
export const REPLICAS = 3;
export const FIRST_VERSION = "v1";

/** The product's default. */
export const STEPS: readonly number[] = [10, 50, 100];

/** The limits of the demo's Rollout: the product's default for errors, and half a second. */
export const LIMITS = { failing: 0.01, slow: 0.01, slowMs: 500 } as const;

/** What a pod of the demo takes for an answer. Zero would be a service that nobody has. */
const USUAL_LATENCY_MS = 20;

export interface Expectation {
  readonly outcome: "Promoted" | "RolledBack";
  /** Any of them will do; empty for a promotion. */
  readonly reasons: readonly string[];
}

export interface PlannedRelease {
  /** Its key in the JSON line: good, bad, good2 … */
  readonly key: string;
  readonly kind: ReleaseKind;
  readonly version: string;
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly expected: Expectation;
}

export type Badness = Pick<DemoOptions, "badErrorRate" | "badLatencyMs">;

export function imageOf(version: string): string {
  return `${APP}:${version}`;
}

/** One release per entry of the order; versions count up from the one that is there. */
export function planReleases(options: Badness & Pick<DemoOptions, "order">): readonly PlannedRelease[] {
  const count = { good: 0, bad: 0 };
  return options.order.map((kind, index) => {
    count[kind] += 1;
    const version = `v${index + 2}`;
    return {
      key: count[kind] === 1 ? kind : `${kind}${count[kind]}`,
      kind,
      version,
      image: imageOf(version),
      environment: kind === "good" ? environmentOf({}) : environmentOf(options),
      expected: kind === "good" ? { outcome: "Promoted", reasons: [] } : expectationOf(options),
    };
  });
}

function environmentOf({ badErrorRate, badLatencyMs }: Partial<Badness>): Record<string, string> {
  return {
    LATENCY_MS: `${badLatencyMs ?? USUAL_LATENCY_MS}`,
    ...(badErrorRate === undefined || badErrorRate === 0 ? {} : { ERROR_RATE: `${badErrorRate}` }),
  };
}

function expectationOf({ badErrorRate, badLatencyMs }: Badness): Expectation {
  // Pods draw latencies of which one in a hundred is above twice the mean.
  const tooSlow = 2 * (badLatencyMs ?? USUAL_LATENCY_MS) > LIMITS.slowMs;
  const reasons = [
    ...(badErrorRate > LIMITS.failing ? ["ErrorRateTooHigh"] : []),
    ...(tooSlow ? ["LatencyTooHigh"] : []),
  ];
  return { outcome: reasons.length === 0 ? "Promoted" : "RolledBack", reasons };
}

/** What is wrong with the bad version, in words: "10 % errors". */
export function describeRelease({ kind }: PlannedRelease, { badErrorRate, badLatencyMs }: Badness): string {
  if (kind === "good") return "a good version";
  const faults = [
    ...(badErrorRate > 0 ? [`${percent(badErrorRate)} errors`] : []),
    ...(badLatencyMs === undefined ? [] : [`${badLatencyMs} ms mean latency`]),
  ];
  return `a bad version: ${faults.length === 0 ? "nothing wrong with it" : faults.join(", ")}`;
}

/** What is new in the manifest, as a reader of the commit would see it. */
export function changeOf({ image, environment }: Pick<PlannedRelease, "image" | "environment">): string {
  const usual = environmentOf({});
  const changed = Object.entries(environment).filter(([variable, value]) => usual[variable] !== value);
  return [`image: ${image}`, ...changed.map(([variable, value]) => `${variable}: ${value}`)].join(", ");
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** The file that a team would have in git, for a version of the app. */
export function appManifest(version: Pick<PlannedRelease, "image" | "environment">): string {
  const { image, environment } = version;
  return manifest(
    service({ namespace: NAMESPACE, name: APP }),
    deployment({ namespace: NAMESPACE, name: APP, image, replicas: REPLICAS, environment }),
    rollout(
      { namespace: NAMESPACE, name: APP },
      { bake: "10s", analysis: { minStepDuration: "10s", latency: { max: `${LIMITS.slowMs}ms` } } },
    ),
  );
}

export function firstManifest(): string {
  return appManifest({ image: imageOf(FIRST_VERSION), environment: environmentOf({}) });
}

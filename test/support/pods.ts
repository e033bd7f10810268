import type { OutlierStatus } from "../../src/api/outlier-status.ts";
import type { Release } from "../../src/api/rollout-status.ts";
import type { Observation, OutlierState } from "../../src/domain/observation.ts";
import type { PodCounts, PodReport, Version } from "../../src/domain/outliers/pods.ts";
import { counted, counts } from "./measurement.ts";
import { aCanary, aReplicaSet, aWorkload, inRelease, noon, routesSplit } from "./observation.ts";

export type Counted = Extract<PodReport, { kind: "Counts" }>;

/** A pod that was scraped every second for so long, with as many requests, and errors among them, each time. */
export function aPod(version: Version, pod: string, requests: number, errors = 0, seconds = 10): PodCounts {
  const ticks = Array.from({ length: seconds }, (_, index) => ({
    at: noon - (seconds - 1 - index) * 1_000,
    requests,
    errors,
  }));
  return { version, pod, ticks };
}

/** Four canary pods of which the first fails as told, and two good ones of stable; one proxy calls each version 100 times a second. */
export function aReport(changes: Partial<Counted> = {}, bad = 25): Counted {
  return {
    kind: "Counts",
    since: noon - 10_000,
    until: noon,
    interval: 1_000,
    pods: [
      aPod("canary", "product-a-1", 25, bad),
      ...["product-a-2", "product-a-3", "product-a-4"].map((name) => aPod("canary", name, 25)),
      ...["product-1", "product-2"].map((name) => aPod("stable", name, 50)),
    ],
    callers: { stable: { rates: [100], errors: 0 }, canary: { rates: [100], errors: 10 * bad } },
    ...changes,
  };
}

/** What a DestinationRule without outlier detection says. */
export const untouched: OutlierState = {
  isTuned: false,
  written: {},
  obstacles: [],
  policies: { stable: undefined, canary: undefined },
  before: '{"localityOff":true}',
};

/** At weight 50, eight pods of stable and four of the canary, of which one fails every request. */
export function oneBadPod(release: Partial<Release> = {}, changes: Partial<Observation> = {}): Observation {
  const { traffic: asked } = inRelease().rollout.status.release!;
  const workload = aWorkload({
    paused: true,
    revision: "two",
    image: "product:v2",
    replicas: 8,
    replicaSets: [
      aReplicaSet({ ready: 8, available: 8, replicas: 8 }),
      aCanary({ ready: 4, available: 4, replicas: 4 }),
    ],
  });
  return inRelease(
    { stepIndex: 1, highestWeight: 50, traffic: asked && { ...asked, weight: 50 }, ...release },
    {
      workload,
      traffic: { ...routesSplit(50), outliers: untouched },
      measurement: counted(counts(1_000, 250), counts(1_000), { scrapes: 8 }),
      pods: aReport(),
      ...changes,
    },
  );
}

/** What it says once it is tuned. */
export const tunedState: OutlierState = {
  ...untouched,
  isTuned: true,
  written: { consecutive5xxErrors: 5, baseEjectionTime: "1h", maxEjectionPercent: 25 },
};

/** The same with a status of outlier detection. */
export function tunedFor(
  outlierDetection: Omit<Partial<OutlierStatus>, "ejectedBy"> & { readonly ejectedBy?: string | undefined } = {},
  observation: Observation = oneBadPod(),
): Observation {
  const { rollout } = observation;
  const { ejectedBy = new Date(noon + 5_000).toISOString(), ...others } = outlierDetection;
  const isTimed = !("ejectedBy" in outlierDetection) || outlierDetection.ejectedBy !== undefined;
  const tuned: OutlierStatus = {
    found: [{ version: "canary", pod: "product-a-1", requests: 250, errors: 250 }],
    tuned: { consecutive5xxErrors: 5, baseEjectionTime: "1h", maxEjectionPercent: 25 },
    why: "product-a-1 failed 250 of 250 requests",
    since: new Date(noon - 1_000).toISOString(),
    ...(isTimed ? { ejectedBy } : {}),
    written: "Seen",
    before: untouched.before,
    ...others,
  };
  return { ...observation, rollout: { ...rollout, status: { ...rollout.status, outlierDetection: tuned } } };
}

/** With other fields of spec.outlierDetection. */
export const withOutlierSpec = (outlierDetection: object, observation = oneBadPod()): Observation => {
  const { rollout } = observation;
  const spec = { ...rollout.spec!, outlierDetection: { ...rollout.spec!.outlierDetection, ...outlierDetection } };
  return { ...observation, rollout: { ...rollout, spec } };
};

/** One bad pod, where the canary is compared with stable alone. */
export function comparedWithStable(): Observation {
  const observation = oneBadPod();
  const { spec } = observation.rollout;
  const analysis = { ...spec!.analysis, compareWith: "stable" as const };
  return { ...observation, rollout: { ...observation.rollout, spec: { ...spec!, analysis } } };
}

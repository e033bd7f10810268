// The tables of the bench of the judge: what is played, against which rules, and what is expected of ours.
import { bursts, clustered, incident, independent, redrawn, type ErrorModel } from "./errors.ts";
import { dependent, detected, detections, detectionsBeside, falseRollbacks, shared, type Times } from "./published.ts";
import { pointChecks, serin, type Rule } from "./rules.ts";

export interface Row {
  /** What is played, as the published figures are called. */
  readonly name: string;
  readonly repetitions: number;
  /** Requests to the canary in a second, on average. */
  readonly rate: number;
  /** Of all requests, the canary's share in percent. */
  readonly weight: number;
  readonly canary: ErrorModel;
  readonly stable: ErrorModel;
  /** How stable's errors came before the release; as beside the canary unless told. */
  readonly history?: ErrorModel;
  /** By the columns of ours: `share`, percent rolled back; `times`, until then. */
  readonly published: { readonly share?: readonly number[]; readonly times?: readonly Times[] };
  /** Whether a rollback is the mistake here, or the point. */
  readonly isGood: boolean;
}

export interface Table {
  readonly name: "T1" | "T2" | "T4" | "T6";
  readonly title: string;
  /** The first are those of others; then `ours`, which the published figures are about; then those with the product's defaults. */
  readonly rules: readonly Rule[];
  readonly ours: { readonly from: number; readonly count: number };
  readonly rows: readonly Row[];
}

const flagger10 = pointChecks("Flagger-like 10s/10s x5", { interval: 10, window: 10, failures: 5, delay: 10 });
const flagger10in60 = pointChecks("Flagger-like 10s/1m x5", { interval: 10, window: 60, failures: 5, delay: 10 });
const flagger60 = pointChecks("Flagger-like 60s/1m x5", { interval: 60, window: 60, failures: 5, delay: 60 });
const argo0 = pointChecks("Argo-like 10s fL0", { interval: 10, window: 10, failures: 1, delay: 0 });
const argo3 = pointChecks("Argo-like 10s fL3", { interval: 10, window: 10, failures: 4, delay: 0 });
const others = [flagger10, flagger10in60, flagger60, argo0, argo3];

const limitOnly = { compareWith: "limit" } as const;
const both = { compareWith: "limit-and-stable" } as const;
const tolerant = { burstTolerance: 10_000 };
const eager = { burstTolerance: 5_000 };

const alone = [
  serin("15 s", { criteria: { ...limitOnly, ...tolerant }, scrape: 15 }),
  serin("5 s", { criteria: { ...limitOnly, ...tolerant }, scrape: 5 }),
  serin("1 s", { criteria: { ...limitOnly, ...tolerant }, scrape: 1 }),
  serin("1 s, L 5 s", { criteria: { ...limitOnly, ...eager }, scrape: 1 }),
];
const defaults = [1, 5, 15, 30].map((scrape) => serin(`defaults, ${scrape} s`, { criteria: both, scrape }));
const fast = [1, 5, 15].map((scrape) =>
  serin(`fast, ${scrape} s`, { criteria: { ...both, sensitivity: "fast" }, scrape }),
);
const beside = [
  serin("5 s, limit alone", { criteria: { ...limitOnly, ...tolerant }, scrape: 5 }),
  serin("5 s", { criteria: { ...both, ...tolerant }, scrape: 5 }),
  serin("1 s, L 5 s", { criteria: { ...both, ...eager }, scrape: 1 }),
];

const many = 2_000;
const some = 400;
const rates = [1, 10, 100, 1_000];
/** Beside a canary, for the product's defaults: stable has errors too. */
const ordinary = independent(0.001);

const good = rates.flatMap((rate) =>
  [0.1, 0.5, 0.9].map((percent): Row => {
    const name = `${rate} ${percent}`;
    const model = independent(percent / 100);
    const published = { share: falseRollbacks[name] ?? [] };
    return { name, repetitions: many, rate, weight: 10, canary: model, stable: ordinary, published, isGood: true };
  }),
);

const bad = rates.flatMap((rate) =>
  [1.5, 3, 10, 50, 100].map((percent): Row => {
    const name = `${rate} ${percent}`;
    const model = independent(percent / 100);
    const published = { times: detections[name] ?? [], share: detected[name] ?? [100, 100, 100, 100] };
    return { name, repetitions: some, rate, weight: 10, canary: model, stable: ordinary, published, isGood: false };
  }),
);

const dependence: readonly (readonly [string, ErrorModel])[] = [
  ["independent", independent(0.005)],
  ["in triples", clustered(0.005, 3)],
  ["in tens", clustered(0.005, 10)],
  ["redrawn each 5 s", redrawn(5, 0.1, 19.9)],
  ["2 s bursts of 30 %", bursts(2, 0.3, 0.005)],
  ["5 s bursts of 30 %", bursts(5, 0.3, 0.005)],
  ["5 s bursts of 100 %", bursts(5, 1, 0.005)],
  ["10 s bursts of 30 %", bursts(10, 0.3, 0.005)],
  ["30 s bursts of 5 %", bursts(30, 0.05, 0.005)],
];

const depending = dependence.flatMap(([how, canary]) =>
  [10, 1_000].map((rate): Row => {
    const name = `${how} ${rate}`;
    const published = { share: dependent[name] ?? [] };
    const history = canary;
    return { name, repetitions: some, rate, weight: 10, canary, stable: ordinary, history, published, isGood: true };
  }),
);

/** What both versions have when nothing is the matter. */
const usual = 0.003;
const during = (seconds: number, share: number) => incident(usual, { seconds, share });
const together: readonly (readonly [string, ErrorModel, ErrorModel, boolean])[] = [
  ["incident of 20 % for 60 s", during(60, 0.2), during(60, 0.2), true],
  ["incident of 100 % for 20 s", during(20, 1), during(20, 1), true],
  ["both 2 % all the time", independent(0.02), independent(0.02), true],
  ["canary 5 %", independent(0.05), independent(usual), false],
  ["canary 100 %", independent(1), independent(usual), false],
];

const besides = together.flatMap(([what, canary, stable, isGood]) =>
  [10, 50].flatMap((weight) =>
    [1, 10, 100].map((rate): Row => {
      const name = `${what} ${weight} ${rate}`;
      const published = isGood ? { share: shared[name] ?? [] } : { times: detectionsBeside[name] ?? [] };
      return { name, repetitions: some, rate, weight, canary, stable, published, isGood };
    }),
  ),
);

export const tables: readonly Table[] = [
  {
    name: "T1",
    title: "false rollbacks within 600 s of canaries within the limit of 1 %, independent errors",
    rules: [...others, ...alone, ...defaults, ...fast],
    ours: { from: others.length, count: alone.length },
    rows: good,
  },
  {
    name: "T2",
    title: "bad canaries: decided within 600 s; seconds to the decision, half / 95 % of them",
    rules: [...others, ...alone, ...defaults, ...fast],
    ours: { from: others.length, count: alone.length },
    rows: bad,
  },
  {
    name: "T4",
    title: "false rollbacks within 600 s of canaries with 0.5 % errors that depend on each other",
    rules: [...others, ...alone, ...defaults, ...fast],
    ours: { from: others.length, count: alone.length },
    rows: depending,
  },
  {
    name: "T6",
    title: "beside a stable version: false rollbacks, or seconds to the decision, half / 95 %",
    rules: [flagger10, flagger60, argo3, ...beside, ...defaults, ...fast],
    ours: { from: 3, count: beside.length },
    rows: besides,
  },
];

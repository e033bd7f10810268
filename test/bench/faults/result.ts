// What the bench of faults ends with.
import { faultKinds, type FaultKind } from "../../simulation/cluster/faults.ts";
import { machine, machineLine, type Machine } from "../machine.ts";
import type { BenchOptions } from "../options.ts";
import type { FaultsOutcome } from "./run.ts";

export interface FaultsResult extends Omit<FaultsOutcome, "strikes"> {
  readonly bench: "faults";
  readonly passed: boolean;
  readonly seed: number;
  /** By rule and kind of fault. */
  readonly strikes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Pairs of rule and kind that never met, of so many releases that they should have. */
  readonly never: readonly string[];
  readonly seconds: number;
  readonly machine: Machine;
}

/** Rules that can decide while a release is under way. */
export const rulesInRelease = [
  "letGo",
  "finishRollback",
  "goBack",
  "tuneOutliers",
  "refuseBadSpec",
  "keepPaused",
  "keepStable",
  "keepCanary",
  "finishPromotion",
  "keepHold",
  "followSteps",
  "prepareTraffic",
  "waitForCanary",
  "noticeMetrics",
  "stepBack",
  "shiftTraffic",
  "waitForStable",
  "standStill",
  "waitForTraffic",
  "bake",
  "passStep",
];

/** What cannot meet, and why. */
export const impossible: Readonly<Record<string, readonly FaultKind[]>> = {
  /** It answers only where something was measured. */
  noticeMetrics: ["unmeasured"],
};

/** With fewer releases, rare pairs may not meet by chance. */
export const enoughReleases = 5_000;

/** The bar: no violation, every planted mistake found each time, and every rule struck by every kind of fault. */
export function judgeFaults(options: BenchOptions, outcome: FaultsOutcome, seconds: number): FaultsResult {
  const { strikes, ...others } = outcome;
  const often = (rule: string, kind: string) => strikes.get(`${rule} ${kind}`) ?? 0;
  const rules = [...new Set([...rulesInRelease, ...[...strikes.keys()].map((pair) => pair.split(" ")[0] ?? "")])];
  const pairs = rulesInRelease.flatMap((rule) =>
    faultKinds.filter((kind) => impossible[rule]?.includes(kind) !== true).map((kind) => [rule, kind] as const),
  );
  const missed = pairs.filter(([rule, kind]) => often(rule, kind) === 0).map(([rule, kind]) => `${rule} ${kind}`);
  const never = outcome.releases >= enoughReleases ? missed : [];
  const areFound = outcome.planted.every(({ tried, found }) => found === tried);
  return {
    bench: "faults",
    passed: outcome.violations.length === 0 && areFound && never.length === 0,
    seed: options.seed,
    ...others,
    strikes: Object.fromEntries(
      rules.map((rule) => [rule, Object.fromEntries(faultKinds.map((kind) => [kind, often(rule, kind)]))]),
    ),
    never,
    seconds: Math.round(seconds),
    machine: machine(),
  };
}

/** For people. */
export function faultsLines(result: FaultsResult): readonly string[] {
  const width = Math.max(...Object.keys(result.strikes).map((rule) => rule.length));
  const row = (name: string, cells: readonly (string | number)[]) =>
    `${name.padEnd(width)} ${cells.map((cell) => String(cell).padStart(12)).join("")}`;
  const found = result.planted.filter((one) => one.found === one.tried).length;
  return [
    `${result.releases} releases (${result.bad} of bad revisions), ${result.hours} hours of virtual time, in ${result.seconds} s: ${result.violations.length} violations`,
    "how often each kind of fault struck each rule in mid-release:",
    row("", faultKinds),
    ...Object.entries(result.strikes).map(([rule, kinds]) =>
      row(
        rule,
        faultKinds.map((kind) => kinds[kind] ?? 0),
      ),
    ),
    ...result.never.map((pair) => `never met: ${pair}`),
    `${found} of ${result.planted.length} planted mistakes found each time`,
    ...result.planted
      .filter((one) => one.found < one.tried)
      .map(({ bug, found: times, tried }) => `planted and found ${times} of ${tried} times: ${bug}`),
    machineLine(result.machine),
    result.passed ? "passed" : "missed the bar: no violation, all planted mistakes found, every fault at every rule",
  ];
}

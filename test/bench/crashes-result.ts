// What the bench of crashes ends with.
import { wrongIn, type CrashesOutcome } from "./crashes.ts";
import { machine, machineLine, type Machine } from "./machine.ts";

export interface CrashesResult {
  readonly bench: "crashes";
  readonly passed: boolean;
  readonly cases: readonly {
    readonly name: string;
    readonly kills: number;
    readonly outcome: string;
    readonly reason: string | undefined;
    readonly failed: number;
    readonly wrong: readonly string[];
  }[];
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
}

/** The bar: every release ends as it would have, whenever its operator was killed. */
export function judgeCrashes({ cases, versions }: CrashesOutcome, seconds: number): CrashesResult {
  const judged = cases.map((one) => {
    const { name, kills, failed, end } = one;
    return { name, kills, outcome: end.outcome, reason: end.reason, failed, wrong: wrongIn(one) };
  });
  return {
    bench: "crashes",
    passed: judged.every(({ wrong, kills }) => wrong.length === 0 && kills > 0),
    cases: judged,
    seconds: Math.round(seconds),
    machine: machine(),
    versions,
  };
}

/** For people. */
export function crashesLines({ cases, seconds, machine: on, passed }: CrashesResult): readonly string[] {
  return [
    ...cases.flatMap(({ name, kills, outcome, reason, failed, wrong }) => [
      `${name}: ${kills} kills, ${outcome}${reason === undefined ? "" : ` (${reason})`}, ${failed} requests failed`,
      ...wrong.map((one) => `  wrong: ${one}`),
    ]),
    `${seconds} s; ${machineLine(on)}`,
    passed ? "passed" : "missed the bar: every release ends as it would have without the kills",
  ];
}

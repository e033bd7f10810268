// What the bench of verdicts ends with.
import { machine, machineLine, type Machine } from "./machine.ts";
import type { VerdictCase, VerdictOutcome } from "./verdict.ts";

export interface VerdictResult {
  readonly bench: "verdict";
  readonly passed: boolean;
  readonly cases: readonly VerdictCase[];
  readonly requests: number;
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
}

/** The bar: every case came out as it should. */
export function judgeVerdict({ cases, requests, versions }: VerdictOutcome, seconds: number): VerdictResult {
  const passed = cases.every((one) => one.passed);
  return { bench: "verdict", passed, cases, requests, seconds: Math.round(seconds), machine: machine(), versions };
}

/** For people. */
export function verdictLines({ cases, requests, seconds, machine: on, passed }: VerdictResult): readonly string[] {
  return [
    ...cases.map((one) => `${one.passed ? "ok    " : "MISSED"}  ${one.name}\n        ${one.seen}`),
    `${requests} requests in ${seconds} s; ${machineLine(on)}`,
    passed ? "passed" : "missed the bar",
  ];
}

import type { Instant } from "../../api/instant.ts";
import { parseDuration, parseInstant, renderInstant } from "../../api/instant.ts";
import type { MetricSpec } from "../../api/metric-spec.ts";

/**
 * What is known of one point check. Not the value: whoever may write a query may not by that read everything that the
 * operator's credentials can, and whoever may read a status reads this.
 */
export interface Check {
  readonly name: string;
  /** When it was made last. */
  readonly at: string;
  /** What was found then: a value within its limits, one out of them, or none. */
  readonly found: "Within" | "Outside" | "Nothing";
  /** Checks of the release that failed; one without a value did not. */
  readonly failures: number;
}

/** One value, as it was found. */
export interface CheckResult {
  readonly name: string;
  readonly value: number | undefined;
}

type Limits = NonNullable<MetricSpec["value"]>;

/** The checks that are to be made again at `now`. */
export function checksDue(
  metrics: readonly MetricSpec[],
  checks: readonly Check[],
  now: Instant,
): readonly MetricSpec[] {
  return metrics.filter(({ name, value }) => {
    const last = checks.find((check) => check.name === name);
    return value !== undefined && (last === undefined || now - parseInstant(last.at) >= parseDuration(value.interval));
  });
}

/** The checks after some were made. */
export function withResults(
  checks: readonly Check[],
  results: readonly CheckResult[],
  metrics: readonly MetricSpec[],
  now: Instant,
): Check[] {
  const fresh = results.flatMap(({ name, value }): Check[] => {
    const limits = limitsOf(metrics, name);
    if (limits === undefined) return [];
    const failures = checks.find((check) => check.name === name)?.failures ?? 0;
    const found = value === undefined ? "Nothing" : isWithinLimits(value, limits) ? "Within" : "Outside";
    return [{ name, at: renderInstant(now), found, failures: failures + (found === "Outside" ? 1 : 0) }];
  });
  return [...checks.filter(({ name }) => !fresh.some((check) => check.name === name)), ...fresh];
}

export interface CheckFinding {
  /** `Open`: not made in this step yet, without a value, or out of its limits for the moment. */
  readonly kind: "Failed" | "Passed" | "Open";
  readonly hasNoValue: boolean;
  readonly sentence: string;
}

/** What each check says about going on from a step that began at `since`. */
export function findingsOf(
  metrics: readonly MetricSpec[],
  checks: readonly Check[],
  since: Instant | undefined,
): readonly CheckFinding[] {
  return metrics.flatMap(({ name, value: limits }): CheckFinding[] => {
    if (limits === undefined) return [];
    const check = checks.find((each) => each.name === name);
    const isOfThisStep = check !== undefined && since !== undefined && parseInstant(check.at) >= since;
    const hasNoValue = check === undefined || check.found === "Nothing";
    const sentence = describe(name, limits, check);
    if (check !== undefined && check.failures > limits.failureLimit) return [{ kind: "Failed", hasNoValue, sentence }];
    return [{ kind: isOfThisStep && check.found === "Within" ? "Passed" : "Open", hasNoValue, sentence }];
  });
}

const inWords: Readonly<Record<Check["found"], string>> = {
  Within: "was within its limits",
  Outside: "was out of its limits",
  Nothing: "had no value",
};

function describe(name: string, limits: Limits, check: Check | undefined): string {
  if (check === undefined) return `${name} was not checked yet`;
  const failed = check.failures === 0 ? "" : `; ${check.failures} checks failed, ${limits.failureLimit} may`;
  return `${name} ${inWords[check.found]} when it was checked last (${boundsOf(limits)}${failed})`;
}

function boundsOf({ min, max }: Limits): string {
  const bounds = [min === undefined ? [] : [`at least ${min}`], max === undefined ? [] : [`at most ${max}`]];
  return bounds.flat().join(", ");
}

function isWithinLimits(value: number, { min = -Infinity, max = Infinity }: Limits): boolean {
  return value >= min && value <= max;
}

function limitsOf(metrics: readonly MetricSpec[], name: string): Limits | undefined {
  return metrics.find((metric) => metric.name === name)?.value;
}

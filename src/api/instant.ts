/** A moment, in milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** A length of time in milliseconds. */
export type Milliseconds = number;

/** A share between 0 and 1. */
export type Ratio = number;

const unitInMilliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** What a duration in a Rollout must look like: `30s`, `1m30s`, `500ms`. */
export const durationPattern = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$";

/** The length that a duration string names; throws a RangeError for a string that names none. */
export function parseDuration(text: string): Milliseconds {
  if (!new RegExp(durationPattern).test(text)) throw new RangeError(`${text} is not a duration such as 30s or 1m30s`);
  const parts = text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g);
  return parts.reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * unitInMilliseconds[unit as "ms" | "s" | "m" | "h"],
    0,
  );
}

/** A duration as people write it, to the second from one second on: `1m30s`, `400ms`. */
export function renderDuration(length: Milliseconds): string {
  if (length < 1_000) return `${Math.round(length)}ms`;
  const seconds = Math.round(length / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), "h"],
    [Math.floor((seconds % 3_600) / 60), "m"],
    [seconds % 60, "s"],
  ] as const;
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join("");
}

/** What a percentage in a Rollout must look like: `1%`, `0.5%`. */
export const percentagePattern = "^[0-9]+(\\.[0-9]+)?%$";

/** The share that a percentage string names; throws a RangeError for a string that names none. */
export function parsePercentage(text: string): Ratio {
  if (!new RegExp(percentagePattern).test(text)) throw new RangeError(`${text} is not a percentage such as 1% or 0.5%`);
  return Number(text.slice(0, -1)) / 100;
}

/** A share as people write it: `4.1 %`, `0.02 %`; never more than three significant digits. */
export function renderRatio(share: Ratio): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** A number of requests as people write it: whole, `2,100`. */
export function renderCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** An RFC 3339 time stamp to the millisecond, as status fields carry it. */
export function renderInstant(at: Instant): string {
  return new Date(at).toISOString();
}

/** The moment that an RFC 3339 time stamp names; NaN for text that names none. */
export function parseInstant(text: string): Instant {
  return Date.parse(text);
}

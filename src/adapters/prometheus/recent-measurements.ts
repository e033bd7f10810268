import type { Milliseconds } from "../../api/instant.ts";
import type { Measurement } from "../../domain/observation.ts";
import type { TrafficQuery } from "../../ports/metric-provider.ts";
import { ShortMemory } from "./short-memory.ts";

type Measure = (query: TrafficQuery, signal: AbortSignal) => Promise<Measurement>;

/** Older ones are good for nobody. */
const longestAge: Milliseconds = 10_000;

/** Answers a query that may be answered by an earlier measurement with the last one of the same requests. */
export function reuseMeasurements(measure: Measure, now: () => Milliseconds): Measure {
  const recent = new ShortMemory<Measurement>(longestAge);
  return async (query, signal) => {
    const { maxAge = 0, ...same } = query;
    const key = JSON.stringify(same);
    const before = recent.recall(key, now(), maxAge);
    if (before !== undefined) return before;
    const measurement = await measure(query, signal);
    if (maxAge > 0) recent.remember(key, measurement, now());
    return measurement;
  };
}

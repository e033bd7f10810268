import type { Instant, Milliseconds } from "../../../api/instant.ts";
import { keyOf, type Subject } from "../selectors.ts";
import { ShortMemory } from "../short-memory.ts";
import type { SampleStore } from "./sample-store.ts";
import { findTwins, type Twins } from "./twins.ts";

/** How often is looked for proxies that are scraped twice. */
const looksEvery: Milliseconds = 30_000;
/** Enough for a few scrapes of anything. */
const looksAt: Milliseconds = 90_000;

/** Finds proxies that are scraped more than once, now and then; tells of each subject that has one, once. */
export function createTwinWatch(
  onFound: (example: string) => void,
): (subject: Subject, requests: SampleStore, until: Instant) => Twins {
  const known = new ShortMemory<Twins>(looksEvery);
  return (subject, requests, until) => {
    const key = keyOf(subject);
    const remembered = known.recall(key, until);
    if (remembered !== undefined) return remembered;
    const before = known.last(key);
    const twins = findTwins(requests.between(until - looksAt, until));
    if (twins.example !== undefined && before?.example === undefined) onFound(twins.example);
    known.remember(key, twins, until);
    return twins;
  };
}

import type { Milliseconds } from "../../../api/instant.ts";
import { freshFor, scrapeInterval } from "../freshness.ts";
import { remembered, type Labels, type Sample, type Series } from "../series.ts";

/** Series that count what others count too. */
export interface Twins {
  /** Whether a series is to be left out, because another says the same. */
  readonly isTwin: (labels: Labels) => boolean;
  /** How one of the proxies is counted twice, for people; undefined when none is. */
  readonly example: string | undefined;
}

const none: Twins = { isTwin: () => false, example: undefined };

/**
 * Clocks of two Prometheus servers, and the time between a scrape and its date, differ by no more: samples that are
 * closer to each other say nothing about which came first.
 */
const skew: Milliseconds = 2_000;

/** More ways to scrape one proxy than anybody has: labels of the user's own, of which every value has its counter. */
const mostWays = 16;

/**
 * Finds proxies that are scraped more than once: by both servers of a pair whose labels were not removed, as behind a
 * Thanos without deduplication, or by two jobs. Two ways to the same counter are told from two counters by their
 * values: put in the order of time, those of one counter never fall. Both have the same series, one of which grew, and
 * the same host; labels of the user's own that tell counters apart therefore stay.
 */
export function findTwins(requests: readonly Series[]): Twins {
  const left = new Set<string>();
  let example: string | undefined;
  const latest = freshFor(scrapeInterval(requests.map(({ samples }) => samples.map(({ at }) => at))));
  for (const [host, its] of Map.groupBy(requests, ({ labels }) => hostOf(labels))) {
    const ways = [...Map.groupBy(its, ({ labels }) => wayOf(labels))];
    if (host === "" || ways.length < 2 || ways.length > mostWays) continue;
    const kept: [string, readonly Series[]][] = [];
    const newest = Math.max(...ways.map(([, series]) => newestOf(series)));
    const isFresh = ([, series]: [string, readonly Series[]]) => newest - newestOf(series) <= latest;
    const inOrder = ways.sort(
      (one, other) => Number(isFresh(other)) - Number(isFresh(one)) || (one[0] < other[0] ? -1 : 1),
    );
    for (const way of inOrder) {
      const same = kept.find(([, series]) => areTwins(series, way[1], latest));
      if (same === undefined) kept.push(way);
      else {
        left.add(`${host} ${way[0]}`);
        example ??= `${host} by ${same[0]} and by ${way[0]}`;
      }
    }
  }
  if (left.size === 0) return none;
  return { isTwin: (labels) => left.has(`${hostOf(labels)} ${wayOf(labels)}`), example };
}

function newestOf(series: readonly Series[]): number {
  return Math.max(...series.map(({ samples }) => samples.at(-1)?.at ?? 0));
}

/** `young`: how old what only one of them has may be at most. */
function areTwins(some: readonly Series[], others: readonly Series[], young: Milliseconds): boolean {
  if (areDifferentPods(some, others)) return false;
  const newest = Math.max(newestOf(some), newestOf(others));
  const [byRequests, byRequestsToo] = [samplesByRequests(some), samplesByRequests(others)];
  const pairs = [...new Set([...byRequests.keys(), ...byRequestsToo.keys()])].map(
    (request) => [byRequests.get(request), byRequestsToo.get(request)] as const,
  );
  // What was born a moment ago comes with the next scrape of the other.
  const isYoung = (samples: readonly Sample[] = []) => newest - (samples[0]?.at ?? 0) < young;
  const isTheirs = pairs.every(([one, other]) =>
    one === undefined || other === undefined ? isYoung(one ?? other) : isOneCounter(one, other),
  );
  return isTheirs && pairs.some(([one, other]) => grew(one) && grew(other));
}

function samplesByRequests(series: readonly Series[]): ReadonlyMap<string, readonly Sample[]> {
  return new Map(series.map(({ labels, samples }) => [requestsOf(labels), samples]));
}

function areDifferentPods([one]: readonly Series[], [other]: readonly Series[]): boolean {
  const [pod, otherPod] = [one?.labels["pod"], other?.labels["pod"]];
  return pod !== undefined && otherPod !== undefined && pod !== otherPod;
}

function grew(samples: readonly Sample[] = []): boolean {
  return valueOf(samples.at(-1)) > valueOf(samples[0]);
}

/** Whether no value is smaller than one that is surely older. */
function isOneCounter(some: readonly Sample[], others: readonly Sample[]): boolean {
  const follows = (earlier: readonly Sample[], later: readonly Sample[]) =>
    later.every(({ at, values: [value = 0] }) => {
      const before = earlier.findLast((sample) => sample.at <= at - skew);
      return before === undefined || valueOf(before) <= value;
    });
  return follows(some, others) && follows(others, some);
}

function valueOf(sample: Sample | undefined): number {
  return sample?.values[0] ?? 0;
}

/** What Istio itself says about requests; everything else is from how they were scraped, or the user's own. */
const own =
  /^(reporter|source_.*|destination_.*|request_protocol|response_(code|flags)|grpc_response_status|connection_security_policy)$/;

const requestTexts = new WeakMap<Labels, string>();
const ways = new WeakMap<Labels, string>();

/** Which requests a series counts. */
function requestsOf(labels: Labels): string {
  return remembered(requestTexts, labels, () => textOf(labels, (name) => own.test(name)));
}

/** How a series came here. */
function wayOf(labels: Labels): string {
  return remembered(ways, labels, () =>
    textOf(labels, (name) => !own.test(name) && name !== "le" && name !== "__name__"),
  );
}

function textOf(labels: Labels, wanted: (name: string) => boolean): string {
  const entries = Object.entries(labels).filter(([name]) => wanted(name));
  return entries
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}="${value}"`)
    .join(",");
}

/** The address that was scraped, without its port; empty where nothing tells. */
function hostOf({ instance = "", pod = "" }: Labels): string {
  return instance.replace(/:\d+$/, "") || pod;
}

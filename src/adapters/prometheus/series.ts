import type { Instant } from "../../api/instant.ts";

/** The labels of a series, its name apart. */
export type Labels = Readonly<Record<string, string>>;

/**
 * What one scrape read of a series. A plain counter has one value; a histogram has several that were read together, so
 * that a restart of the process behind it is a restart of all of them.
 */
export interface Sample {
  /** Prometheus's clock. */
  readonly at: Instant;
  readonly values: readonly number[];
}

/** One counter as one scrape target exposes it. Samples are in the order of time, one per scrape. */
export interface Series {
  readonly labels: Labels;
  readonly samples: readonly Sample[];
}

const targets = new WeakMap<Labels, string>();

/** Tells apart what was scraped: every series with the same target is read in the same scrape. */
export function targetOf(labels: Labels): string {
  return remembered(targets, labels, () => JSON.stringify([labels["instance"], labels["job"], labels["pod"]]));
}

const identities = new WeakMap<Labels, string>();

/** The same for two series exactly when they have the same labels, whatever the order. */
export function identityOf(labels: Labels): string {
  return remembered(identities, labels, () => withoutLabels(labels, ["__name__"]));
}

/** The labels of an identity. */
export function labelsOf(identity: string): Labels {
  const labels = Object.fromEntries(JSON.parse(identity) as [string, string][]);
  identities.set(labels, identity);
  return labels;
}

/** Labels as text, but for some of them. */
export function withoutLabels(labels: Labels, without: readonly string[]): string {
  const entries = Object.entries(labels).filter(([name]) => !without.includes(name));
  return JSON.stringify(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** What follows from labels, found once: those of a series come again with every sample. */
export function remembered<Value>(known: WeakMap<Labels, Value>, labels: Labels, find: () => Value): Value {
  const before = known.get(labels);
  if (before !== undefined) return before;
  const found = find();
  known.set(labels, found);
  return found;
}

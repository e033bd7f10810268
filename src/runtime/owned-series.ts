import type { GaugeMetric, Labels } from "./metrics.ts";

export type Sample<L extends string> = readonly [labels: Labels<L>, value: number];

/** Series of a gauge that belong to owners, where the labels that an owner needs change. */
export interface OwnedSeries<L extends string> {
  /** The owner has these series from now on, and no others. */
  show(owner: string, samples: readonly Sample<L>[]): void;
  /** The owner is gone, and so are its series. */
  forget(owner: string): void;
}

/** Owners may not have a series in common: what one does not show any more is removed. */
export function ownedSeries<L extends string>(gauge: GaugeMetric<L>): OwnedSeries<L> {
  const shown = new Map<string, ReadonlyMap<string, Labels<L>>>();

  function show(owner: string, samples: readonly Sample<L>[]): void {
    const now = new Map(samples.map(([labels]) => [JSON.stringify(labels), labels]));
    for (const [id, labels] of shown.get(owner) ?? []) if (!now.has(id)) gauge.remove(labels);
    for (const [labels, value] of samples) gauge.set(labels, value);
    if (now.size === 0) shown.delete(owner);
    else shown.set(owner, now);
  }

  return { show, forget: (owner) => show(owner, []) };
}

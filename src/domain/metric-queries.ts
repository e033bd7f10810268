import { placeholders, type MetricSpec } from "../api/metric-spec.ts";
import type { Revision } from "../api/rollout-status.ts";

/** Selectors of what one version counts. */
export interface VersionSelectors {
  readonly bad: string;
  readonly total: string;
}

/** A ratio of the team's own, as it is asked for. */
export interface RatioQuery {
  readonly name: string;
  readonly stable: VersionSelectors;
  readonly canary: VersionSelectors;
}

/** A value of the team's own, as it is asked for. */
export interface CheckQuery {
  readonly name: string;
  readonly query: string;
}

/** What the placeholders of a query stand for. */
export interface Place {
  readonly namespace: string;
  readonly service: string;
}

/** The ratios among some metrics, for both versions. */
export function ratioQueries(
  metrics: readonly MetricSpec[],
  place: Place,
  { stable, canary }: { readonly stable: Revision; readonly canary: Revision },
): readonly RatioQuery[] {
  return metrics.flatMap(({ name, ratio }) => {
    if (ratio === undefined) return [];
    const of = (version: Revision): VersionSelectors => ({
      bad: fillIn(ratio.bad, place, version),
      total: fillIn(ratio.total, place, version),
    });
    return [{ name, stable: of(stable), canary: of(canary) }];
  });
}

/** The values among some metrics, for the canary. */
export function checkQueries(metrics: readonly MetricSpec[], place: Place, canary: Revision): readonly CheckQuery[] {
  return metrics.flatMap(({ name, value }) =>
    value === undefined ? [] : [{ name, query: fillIn(value.query, place, canary) }],
  );
}

function fillIn(query: string, { namespace, service }: Place, version: Revision): string {
  const values: Record<keyof typeof placeholders, string> = {
    // As a regular expression; names of pods have no other characters that mean something in one.
    pods: `${version.replicaSet.replaceAll(".", "[.]")}-.*`,
    workload: version.workload,
    hash: version.podTemplateHash,
    namespace,
    service,
  };
  const names = Object.keys(placeholders) as (keyof typeof placeholders)[];
  return names.reduce((text, name) => text.replaceAll(placeholders[name], () => values[name]), query);
}

import { parseInstant, type Instant } from "./api/instant.ts";
import { renderKey, type ObjectKey } from "./api/object-key.ts";
import type { Release } from "./api/rollout-status.ts";
import { mixture, type EvidenceByMetric } from "./domain/analysis/bets.ts";
import { worth } from "./domain/analysis/wealth.ts";
import { releaseCatalogue as catalogue, rolloutLabels } from "./metric-catalogue.ts";
import type { Metrics } from "./runtime/metrics.ts";
import { ownedSeries, type Sample } from "./runtime/owned-series.ts";

type Analysis = NonNullable<Release["analysis"]>;

/** What is known about the canaries of releases under way. */
export interface EvidenceMetrics {
  /** `release` is the one that was decided on: counts alone are stored now and then only. */
  show(key: ObjectKey, release: Release | undefined): void;
  forget(key: ObjectKey): void;
}

/** A release that was decided on has no evidence any more: nothing is judged after that. */
export function createEvidenceMetrics(metrics: Metrics, now: () => Instant): EvidenceMetrics {
  const verdict = ownedSeries(metrics.gauge(catalogue.verdict));
  const wealth = ownedSeries(metrics.gauge(catalogue.wealth));
  const requests = ownedSeries(metrics.gauge(catalogue.requests));
  const failed = ownedSeries(metrics.gauge(catalogue.failedRequests));
  const age = createVerdictAge(metrics, now);

  function show(key: ObjectKey, release: Release | undefined): void {
    const owner = renderKey(key);
    const analysis = release?.decision === undefined ? release?.analysis : undefined;
    const series = rolloutLabels(key);
    const counts = (pick: (counted: Analysis["release"]["canary"]) => number) =>
      analysis === undefined
        ? []
        : (["stable", "canary"] as const).map(
            (version) => [{ ...series, version }, pick(analysis.release[version])] as const,
          );
    requests.show(
      owner,
      counts(({ requests: all }) => all),
    );
    failed.show(
      owner,
      counts(({ errors }) => errors),
    );
    wealth.show(
      owner,
      wealthOf(analysis).map(([labels, value]) => [{ ...series, ...labels }, value]),
    );
    verdict.show(owner, analysis?.verdict === undefined ? [] : [[{ ...series, verdict: analysis.verdict }, 1]]);
    age.show(key, analysis);
  }

  return { show, forget: (key) => show(key, undefined) };
}

/** What is known of one measure; of the team's own there are no neighbours. */
type Named = { readonly name: string } & NonNullable<EvidenceByMetric["errors"]>;

function wealthOf(analysis: Analysis | undefined): Sample<"measure" | "against">[] {
  const { errors, latency, metrics = [] } = analysis?.evidence ?? {};
  const named: readonly Named[] = [
    ...(errors === undefined ? [] : [{ name: "errors", ...errors }]),
    ...(latency === undefined ? [] : [{ name: "latency", ...latency }]),
    ...metrics,
  ];
  return named.flatMap(({ name: measure, limit, stable, neighbours }) => [
    ...(limit === undefined ? [] : [[{ measure, against: "limit" }, worth(limit)] as const]),
    ...(stable === undefined ? [] : [[{ measure, against: "stable" }, mixture(stable, neighbours)] as const]),
  ]);
}

/** How old the requests are by which a release was judged last, at the time of a scrape. */
function createVerdictAge(metrics: Metrics, now: () => Instant) {
  const judged = new Map<string, { readonly key: ObjectKey; readonly at: Instant }>();
  metrics.gauge(catalogue.verdictAge, (gauge) => {
    for (const { key, at } of judged.values()) {
      gauge.set(rolloutLabels(key), Math.max(0, now() - at) / 1_000);
    }
  });
  return {
    show(key: ObjectKey, analysis: Analysis | undefined): void {
      if (analysis?.verdict === undefined) judged.delete(renderKey(key));
      else judged.set(renderKey(key), { key, at: parseInstant(analysis.watermark) });
    },
  };
}

import { labelMeanings, metricCatalogue } from "../../src/metric-catalogue.ts";
import type { AnyDescription } from "../../src/runtime/metrics.ts";
import { code, table } from "./markdown.ts";

/** Every metric that the operator serves, by subject, and what the values of their labels are. */
export function metricsReference(): string {
  return (
    [
      "<!-- Made by `npm run generate` from src/metric-catalogue.ts and src/runtime/machine-catalogue.ts. Do not edit. -->",
      "# Metrics",
      "The operator serves these at `/metrics` on `--metrics-address`, and no others. Series of a Rollout go when it goes; a replica that stands by has none of them. Have Prometheus scrape with `honor_labels: true` (`honorLabels` in a ServiceMonitor or PodMonitor): else the label `namespace` is the operator's own.",
      ...metricCatalogue.flatMap(({ title, metrics }) => [
        `## ${title}`,
        table(["Metric", "Kind", "Unit", "Labels", "Meaning"], metrics.map(row)),
      ]),
      "## Labels",
      table(
        ["Label", "Values"],
        Object.entries(labelMeanings).map(([label, meaning]) => [code(label), meaning]),
      ),
    ].join("\n\n") + "\n"
  );
}

function row({ name, kind, unit, labels, help }: AnyDescription): string[] {
  return [code(name), kind, unit ?? "", labels.map(code).join(", "), help];
}

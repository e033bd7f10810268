import { expect, test } from "vitest";
import { metricsReference } from "../../../../scripts/generate/metrics-reference.ts";
import { metricCatalogue } from "../../../../src/metric-catalogue.ts";

test("the reference of metrics has a row for each, with its labels explained", () => {
  const page = metricsReference();
  const all = metricCatalogue.flatMap(({ metrics }) => metrics);
  for (const { name, kind } of all) expect(page).toContain(`| \`${name}\` | ${kind} |`);
  expect(page).toContain("| `serin_queue_wait_seconds` | histogram | seconds |  | How long");
  for (const label of new Set<string>(all.flatMap(({ labels }) => labels)))
    expect(page).toContain(`\n| \`${label}\` | `);
});

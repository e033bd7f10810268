import { describe, expect, test } from "vitest";
import { labelMeanings, metricCatalogue } from "../../src/metric-catalogue.ts";
import { createReleaseMetrics } from "../../src/release-metrics.ts";
import { processCatalogue } from "../../src/runtime/machine-catalogue.ts";
import { createMachineMetrics } from "../../src/runtime/machine-metrics.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";

const all = metricCatalogue.flatMap(({ metrics }) => metrics);

/** The registry of an operator that has just begun: what it serves before anything happens. */
async function served(): Promise<string> {
  const metrics = createMetrics({ process: processCatalogue });
  createMachineMetrics(metrics, { watchAges: () => new Map(), version: "1.0.0" });
  createReleaseMetrics(metrics);
  return metrics.render();
}

describe("the catalogue of metrics", () => {
  test("is exactly what /metrics serves, by name and kind", async () => {
    const types = [...(await served()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
    expect(types.sort()).toEqual(all.map(({ name, kind }) => `${name} ${kind}`).sort());
  });

  test("has the help texts that are served, but for those of the process", async () => {
    const text = await served();
    const ours = all.filter(({ name }) => name.startsWith("serin_"));
    expect(ours.filter(({ name, help }) => !text.includes(`# HELP ${name} ${help}\n`))).toEqual([]);
  });

  test.each(all)("names $name by the conventions, and explains it", ({ kind, name, unit, labels, help }) => {
    expect(name).toMatch(/^(serin|process|nodejs)_[a-z0-9_]+$/);
    expect(name.endsWith("_total")).toBe(kind === "counter");
    const unitInName = /_(seconds|bytes|ratio)(_total)?$/.exec(name)?.[1];
    expect(unitInName).toBe(unit);
    expect(help).toMatch(/^[A-Z0-9].*[^.]\.$/);
    for (const label of labels) expect(Object.keys(labelMeanings)).toContain(label);
  });

  test("explains no label that no metric has", () => {
    const used = new Set<string>(all.flatMap(({ labels }) => labels));
    expect(Object.keys(labelMeanings).filter((label) => !used.has(label))).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { processCatalogue } from "../../../src/runtime/machine-catalogue.ts";
import { createMetrics } from "../../../src/runtime/metrics.ts";

describe("createMetrics()", () => {
  it("registers by name; series begin at zero and go away when removed", async () => {
    const metrics = createMetrics();
    const releases = metrics.counter({
      kind: "counter",
      name: "x_releases_total",
      help: "Releases.",
      labels: ["outcome"],
    });
    const described = { kind: "gauge", name: "x_weight", help: "Weight.", labels: ["rollout"] } as const;
    const weight = metrics.gauge(described);
    releases.begin({ outcome: "Promoted" });
    releases.add({ outcome: "RolledBack" }, 2);
    weight.set({ rollout: "a" }, 10);
    weight.set({ rollout: "b" }, 20);
    weight.remove({ rollout: "b" });
    const text = await metrics.render();
    expect(text).toContain('x_releases_total{outcome="Promoted"} 0');
    expect(text).toContain('x_releases_total{outcome="RolledBack"} 2');
    expect(text).toContain('x_weight{rollout="a"} 10');
    expect(text).not.toContain('rollout="b"');
    expect(() => metrics.gauge(described)).toThrow();
  });

  it("counts what is observed into buckets, and begins with none", async () => {
    const metrics = createMetrics();
    const lengths = metrics.histogram({
      kind: "histogram",
      name: "x_seconds",
      help: "Lengths.",
      unit: "seconds",
      labels: ["outcome"],
      buckets: [1, 10],
    });
    lengths.begin({ outcome: "bad" });
    lengths.observe({ outcome: "good" }, 5);
    const text = await metrics.render();
    expect(text).toContain('x_seconds_count{outcome="bad"} 0');
    expect(text).toContain('x_seconds_bucket{le="1",outcome="good"} 0');
    expect(text).toContain('x_seconds_bucket{le="10",outcome="good"} 1');
  });

  it("asks for a gauge's values at every scrape, and shows no old ones", async () => {
    const metrics = createMetrics();
    let ages = new Map([["a", 1]]);
    metrics.gauge({ kind: "gauge", name: "x_age", help: "Age.", labels: ["resource"] }, (gauge) => {
      for (const [resource, age] of ages) gauge.set({ resource }, age);
    });
    expect(await metrics.render()).toContain('x_age{resource="a"} 1');
    ages = new Map([["b", 2]]);
    const text = await metrics.render();
    expect(text).toContain('x_age{resource="b"} 2');
    expect(text).not.toContain('resource="a"');
  });

  it("has what is wanted of the process's own metrics, and nothing else of them", async () => {
    const wanted = processCatalogue.filter(({ name }) => name === "process_cpu_seconds_total");
    const text = await createMetrics({ process: wanted }).render();
    expect([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)).toEqual(["process_cpu_seconds_total"]);
    expect(await createMetrics().render()).not.toContain("process_");
  });
});

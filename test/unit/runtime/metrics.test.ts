import { describe, expect, it } from "vitest";
import { createMetrics } from "../../../src/runtime/metrics.ts";

describe("createMetrics()", () => {
  it("registers by name; series begin at zero and go away when removed", async () => {
    const metrics = createMetrics();
    const releases = metrics.counter({ name: "x_releases_total", help: "Releases.", labels: ["outcome"] });
    const weight = metrics.gauge({ name: "x_weight", help: "Weight.", labels: ["rollout"] });
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
    expect(() => metrics.gauge({ name: "x_weight", help: "again" })).toThrow();
  });

  it("asks for a gauge's values at every scrape, and shows no old ones", async () => {
    const metrics = createMetrics();
    let ages = new Map([["a", 1]]);
    metrics.gauge({ name: "x_age", help: "Age.", labels: ["resource"] }, (gauge) => {
      for (const [resource, age] of ages) gauge.set({ resource }, age);
    });
    expect(await metrics.render()).toContain('x_age{resource="a"} 1');
    ages = new Map([["b", 2]]);
    const text = await metrics.render();
    expect(text).toContain('x_age{resource="b"} 2');
    expect(text).not.toContain('resource="a"');
  });

  it("has the process's own metrics when asked", async () => {
    expect(await createMetrics({ process: true }).render()).toContain("process_cpu_seconds_total");
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { totalsOf } from "../../../src/domain/analysis/blocks.ts";
import { until } from "../../cluster/processes/until.ts";
import { metricProviderContract } from "../../contract/metric-provider.contract.ts";
import { startPrometheusWorld } from "./prometheus-world.ts";
import { aTrafficQuery } from "../../support/traffic-query.ts";

const { signal } = new AbortController();
const query = aTrafficQuery();

metricProviderContract("Prometheus", () => startPrometheusWorld());

describe("Prometheus with slow scrapes", () => {
  it("loses nothing that is stored two seconds after it is dated", async () => {
    const world = await startPrometheusWorld({ scrapeInterval: "3s", scrapesTake: 2_000 });
    try {
      world.serve({ workload: "product", requests: 100 });
      let since = await world.seen();
      let served = 0;
      let counted = 0;
      const measure = async () => {
        const measurement = await world.provider.measure({ ...query, since }, signal);
        if (measurement.kind !== "Counts") throw new Error(measurement.message);
        since = measurement.until;
        counted += totalsOf(measurement.ticks).stable.requests;
      };
      const end = since + 12_000;
      while (since < end) {
        served += 1;
        world.serve({ workload: "product", requests: 1 });
        await measure();
      }
      const later = await world.seen();
      const done = () => measure().then(() => since >= later);
      await until(done, { timeout: 20_000, what: "a measurement of everything that was served" });
      expect(counted).toBe(served);
    } finally {
      await world.end();
    }
  });
});

describe("Prometheus without fresh data", () => {
  it("has no data once its targets are gone, and says how old the last are", async () => {
    const world = await startPrometheusWorld();
    try {
      world.serve({ workload: "product", requests: 100 });
      const since = await world.seen();
      for (const { address } of Object.values(world.callers))
        world.prometheus.removeTarget({ job: "callers", address });
      const stale = async () => {
        const measurement = await world.provider.measure({ ...query, since }, signal);
        return measurement.kind === "NoData" && measurement.message;
      };
      expect(await until(stale, { timeout: 30_000, every: 250, what: "the data's growing old" })).toMatch(
        /^Prometheus's newest counts of requests .* are \d+s old; they may be 15s old$/,
      );
    } finally {
      await world.end();
    }
  });
});

describe("Prometheus with a proxy that two jobs scrape", () => {
  it("counts its requests once, and says so", async () => {
    const world = await startPrometheusWorld();
    try {
      const { address } = world.callers.client;
      world.prometheus.addTarget({ job: "again", address });
      world.serve({ workload: "product", requests: 100 });
      const since = await world.seen();
      // Whether two series are one counter shows once they have grown.
      for (let served = 0; served < 10; served += 1) {
        world.serve({ workload: "product", requests: 5 });
        await world.seen();
      }
      const later = await world.seen();
      const counted = async () => {
        const measurement = await world.provider.measure({ ...query, since }, signal);
        return (
          measurement.kind === "Counts" && measurement.until >= later && totalsOf(measurement.ticks).stable.requests
        );
      };
      expect(await until(counted, { timeout: 20_000, what: "a measurement of everything that was served" })).toBe(50);
      expect(world.warnings).toEqual([{ example: expect.stringContaining('job="again"') as string }]);
    } finally {
      await world.end();
    }
  });
});

describe("Prometheus with more series than may be read", () => {
  it("is not read, and it is said what to do", async () => {
    const world = await startPrometheusWorld({ seriesBudget: 1 });
    try {
      world.serve({ workload: "product", requests: 10 }, { workload: "product-b", requests: 10 });
      const since = await world.seen();
      const measurement = await world.provider.measure({ ...query, since }, signal);
      expect(measurement).toMatchObject({ kind: "NoData", isTooMuch: true });
      expect(measurement).toHaveProperty("message", expect.stringContaining("docs/metrics.md"));
    } finally {
      await world.end();
    }
  });

  it("is read by what the rules of docs/metrics.md record", async () => {
    const page = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
    const rules = (/```yaml\n([^]*?)```/.exec(page)?.[1] ?? "").replaceAll("5s", "1s");
    const world = await startPrometheusWorld({ seriesBudget: 1, rules });
    const slower = { ...query, slowerThan: 500 };
    const requests = (bad: number) => [
      { workload: "product-b", requests: 20 },
      { workload: "product-b", requests: bad, code: 503 },
      { workload: "product-b", requests: bad, milliseconds: 700 },
      { workload: "product", requests: 30, caller: "gateway" },
    ];
    try {
      // What a series counts before it is first seen is lost to the rules.
      world.serve(...requests(1));
      await world.seen();
      await world.seen();
      await world.seen();
      const since = Date.now();
      world.serve(...requests(4));
      await world.callers.gateway.stop();
      const later = since + 4_000;
      const counted = async () => {
        const measurement = await world.provider.measure({ ...slower, since }, signal);
        return measurement.kind === "Counts" && measurement.until >= later && totalsOf(measurement.ticks);
      };
      const totals = await until(counted, { timeout: 20_000, what: "a measurement of everything that was served" });
      expect(totals.canary).toEqual({ requests: 28, errors: 4, slow: 4, slowOrClose: 4 });
      // What a caller counted that is gone is not counted again.
      expect(totals.stable.requests).toBeLessThanOrEqual(30);
    } finally {
      await world.end();
    }
  });
});

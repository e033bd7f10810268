import { describe, expect, it } from "vitest";
import type { TrafficQuery } from "../../../src/ports/metric-provider.ts";
import { until } from "../../cluster/processes/until.ts";
import { metricProviderContract } from "../../contract/metric-provider.contract.ts";
import { startPrometheusWorld } from "./prometheus-world.ts";

const { signal } = new AbortController();
const query: TrafficQuery = {
  namespace: "shop",
  service: "product",
  reporter: "source",
  stable: "product",
  canary: "product-b",
  slowerThan: undefined,
  since: 0,
  sinceClock: "store",
  shiftedAt: undefined,
};

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
        counted += measurement.stable.requests;
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

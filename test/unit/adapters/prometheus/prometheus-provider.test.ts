import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { totalsOf } from "../../../../src/domain/analysis/blocks.ts";
import { createPrometheusProvider } from "../../../../src/adapters/prometheus/prometheus-provider.ts";
import { aTrafficQuery } from "../../../support/traffic-query.ts";

// What a real Prometheus does is in test/integration/prometheus; here is what cannot be had from it at will.

const { signal } = new AbortController();
const now = 1_700_000_000_000;
const query = aTrafficQuery({ slowerThan: 500, since: now - 30_000 });
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A Prometheus whose clock shows `time` and which has these matrices, by the beginning of the expression. */
async function provider(time: number, matrices: Readonly<Record<string, readonly object[]>>) {
  const logged: object[] = [];
  server = createServer((request, response) => {
    const expression = new URL(request.url ?? "", "http://localhost").searchParams.get("query") ?? "";
    const result = Object.entries(matrices).find(([beginning]) => expression.startsWith(beginning))?.[1] ?? [];
    const scalar = { resultType: "scalar", result: [time / 1_000, String(time / 1_000)] };
    const data = expression === "time()" ? scalar : { resultType: "matrix", result };
    response.end(JSON.stringify({ status: "success", data }));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const created = createPrometheusProvider({
    address: `http://user:secret@127.0.0.1:${port}`,
    clock: { now: () => now },
    headers: { "X-Token": "secret" },
    log: { debug: (fields) => void logged.push(fields), warn: (fields) => void logged.push(fields) },
  });
  return { provider: created, logged };
}

/** Scraped every 5 s until `end`, one more request each time. */
function scraped(end: number, more: Readonly<Record<string, string>> = {}) {
  const values = Array.from({ length: 24 }, (_, index) => [(end - (23 - index) * 5_000) / 1_000, String(index)]);
  const service = { destination_service_namespace: "shop", destination_service_name: "product" };
  const labels = { ...service, instance: "client", destination_workload: "product-b", response_code: "200" };
  return { metric: { ...labels, ...more }, values };
}

const boundaries = ["500.0", "+Inf"].map((le) => ({ metric: { le }, values: [[1, "1"]] }));

describe("the Prometheus provider", () => {
  it("measures up to a second before Prometheus's now, on its clock", async () => {
    const { provider: ahead } = await provider(now + 7_000, { istio_requests_total: [scraped(now + 5_000)] });
    const measurement = await ahead.measure({ ...query, slowerThan: undefined }, signal);
    if (measurement.kind !== "Counts") throw new Error(measurement.message);
    expect(measurement.until).toBeGreaterThan(now + 5_000);
    expect(measurement.until).toBeLessThanOrEqual(now + 6_000);
    expect(totalsOf(measurement.ticks).canary.requests).toBe(7);
  });

  it("takes the first moment to count from for one of our own clock", async () => {
    const { provider: ahead } = await provider(now + 7_000, { istio_requests_total: [scraped(now + 5_000)] });
    const measurement = await ahead.measure({ ...query, slowerThan: undefined, sinceClock: "operator" }, signal);
    if (measurement.kind !== "Counts") throw new Error(measurement.message);
    expect(totalsOf(measurement.ticks).canary.requests).toBe(6);
  });

  it("takes the time of the last change of weights for one of our own clock", async () => {
    const { provider: ahead } = await provider(now + 7_000, { istio_requests_total: [scraped(now + 5_000)] });
    const shifted = { ...query, slowerThan: undefined, shiftedAt: now - 12_500 };
    const measurement = await ahead.measure(shifted, signal);
    expect(measurement).toMatchObject({
      sinceShift: { stable: 0, canary: 2, callers: ["unknown/unknown 2 of 2 to canary"] },
    });
  });

  it("looks where traffic went in the last minute, or in four scrapes where they are rarer", async () => {
    const shifted = { ...query, slowerThan: undefined, shiftedAt: now - 300_000 };
    const often = await provider(now, { istio_requests_total: [scraped(now - 3_000)] });
    expect(await often.provider.measure(shifted, signal)).toMatchObject({ sinceShift: { canary: 11 } });
    server?.close();
    const values = Array.from({ length: 6 }, (_, index) => [
      (now - 5_000 - (5 - index) * 30_000) / 1_000,
      String(index),
    ]);
    const rarely = await provider(now, { istio_requests_total: [{ ...scraped(now), values }] });
    expect(await rarely.provider.measure(shifted, signal)).toMatchObject({ sinceShift: { canary: 3 } });
  });

  it("has no data when requests are counted and their durations are not", async () => {
    const durations = ["500.0", "+Inf"].map((le) => scraped(now, { le, destination_workload: "product" }));
    const { provider: half } = await provider(now, {
      "group by (le)": boundaries,
      istio_requests_total: [scraped(now)],
      istio_request_duration: durations,
    });
    expect(await half.measure(query, signal)).toEqual({
      kind: "NoData",
      message: "Prometheus counts requests to product-b but has no istio_request_duration_milliseconds_bucket of them",
    });
  });

  it("has no data while Prometheus's clock is behind what was counted", async () => {
    const { provider: behind } = await provider(now - 600_000, {});
    const measurement = await behind.measure(query, signal);
    expect(measurement).toMatchObject({ kind: "NoData", message: expect.stringContaining("9m31s behind") as string });
  });

  it("counts nothing, and stays where it was, when it is asked again at once", async () => {
    const { provider: quick } = await provider(now, { istio_requests_total: [scraped(now)] });
    const measurement = await quick.measure({ ...query, slowerThan: undefined, since: now }, signal);
    expect(measurement).toMatchObject({ kind: "Counts", since: now, until: now, ticks: [] });
  });

  it("logs what it measured and no secret", async () => {
    const { provider: logging, logged } = await provider(now, {});
    await logging.measure(query, signal);
    expect(JSON.stringify(logged)).toContain("NoData");
    expect(JSON.stringify(logged)).not.toContain("secret");
  });
});

// What every metric provider must do, whatever it asks. An implementation's test file brings the world.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Instant } from "../../src/api/instant.ts";
import { totalsOf } from "../../src/domain/analysis/blocks.ts";
import type { Totals } from "../../src/domain/analysis/criteria.ts";
import type { Measurement } from "../../src/domain/observation.ts";
import type { MetricProvider, TrafficQuery } from "../../src/ports/metric-provider.ts";
import { until } from "../cluster/processes/until.ts";

/** Requests that callers made and that ended alike. */
export interface Served {
  readonly workload: string;
  readonly requests: number;
  /** 200 when left out. */
  readonly code?: number;
  /** Envoy's response flags; "-" when left out. */
  readonly flags?: string;
  readonly grpcStatus?: string;
  /** 20 when left out. */
  readonly milliseconds?: number;
  /** Workload of the caller; `client` when left out. */
  readonly caller?: string;
  /** The Host header, which is all that is known of the Service where neither route nor cluster was found. */
  readonly host?: string;
}

/** A store with something to count, and a provider that counts it. */
export interface MetricWorld {
  readonly provider: MetricProvider;
  /** Longest time that one measurement takes. */
  readonly timeout: number;
  serve(...requests: readonly Served[]): void;
  /** Resolves when the store has what was served until now, with a moment on its clock that is later than all of it. */
  seen(): Promise<Instant>;
  /** The counters of all callers begin again at zero, as when their proxies are restarted. */
  restartCallers(): Promise<void>;
  /** Stops the store, so that connections are refused; it keeps its data. */
  stopStore(): Promise<void>;
  startStore(): Promise<void>;
  /** The store takes connections and never answers; and answers again. */
  freezeStore(): void;
  thawStore(): void;
  end(): Promise<void>;
}

/** A measurement with its requests added up. */
type Counted = Extract<Measurement, { kind: "Counts" }> & Totals;

const signal = new AbortController().signal;
let releases = 0;

/** Every test releases a workload of its own, so that none sees what another served. */
function release(): TrafficQuery {
  releases += 1;
  return {
    namespace: "shop",
    service: "product",
    reporter: "source",
    stable: `product-${releases}`,
    canary: `product-${releases}-b`,
    slowerThan: 500,
    since: 0,
    sinceClock: "store",
    shiftedAt: undefined,
  };
}

export function metricProviderContract(name: string, begin: () => Promise<MetricWorld>): void {
  describe(`${name} as a metric provider`, () => {
    let world: MetricWorld;
    beforeAll(async () => {
      world = await begin();
    });
    afterAll(async () => {
      await world.end();
    });

    async function counted(query: TrafficQuery): Promise<Counted> {
      const measurement = await world.provider.measure(query, signal);
      if (measurement.kind !== "Counts") throw new Error(measurement.message);
      return { ...measurement, ...totalsOf(measurement.ticks) };
    }

    /** Measures once everything that was served has arrived. */
    async function countedAll(query: TrafficQuery): Promise<Counted> {
      const later = await world.seen();
      const ready = async () => {
        const measurement = await counted(query);
        return measurement.until >= later && measurement;
      };
      return until(ready, { timeout: 20_000, what: "a measurement of everything that was served" });
    }

    /** A release whose stable version has served before, and from where on to count. */
    async function begun(): Promise<TrafficQuery> {
      const query = release();
      world.serve({ workload: query.stable, requests: 1_000 }, { workload: query.stable, requests: 50, code: 503 });
      return { ...query, since: await world.seen() };
    }

    it("counts what was served, of both versions, from the first request of a new one on", async () => {
      const query = await begun();
      world.serve(
        { workload: query.stable, requests: 90 },
        { workload: query.stable, requests: 1, code: 503 },
        { workload: query.canary, requests: 6 },
        { workload: query.canary, requests: 2, code: 500, milliseconds: 3 },
        { workload: query.canary, requests: 1, code: 404, flags: "NR" },
        { workload: query.canary, requests: 3, code: 200, grpcStatus: "14" },
        { workload: query.canary, requests: 4, code: 404 },
        { workload: query.canary, requests: 30, code: 0, flags: "DC" },
        { workload: query.canary, requests: 2, milliseconds: 700 },
      );
      const { stable, canary } = await countedAll(query);
      expect(stable).toEqual({ requests: 91, errors: 1, slow: 0, slowOrClose: 0 });
      expect(canary).toEqual({ requests: 18, errors: 6, slow: 2, slowOrClose: 2 });
    });

    it("tells what was served before, as far back as is asked for", async () => {
      const query = await begun();
      world.serve({ workload: query.stable, requests: 7 }, { workload: query.stable, requests: 2, code: 503 });
      const since = await world.seen();
      world.serve({ workload: query.stable, requests: 3 });
      const { stable, before = [] } = await countedAll({ ...query, since, lookBack: 60_000 });
      expect(stable.requests).toBe(3);
      expect(totalsOf(before).stable).toMatchObject({ requests: 9, errors: 2 });
      expect(before.every(({ at }) => at <= since)).toBe(true);
      expect((await counted(query)).before).toBeUndefined();
    });

    it("counts what found no pod apart, and tells what is usual", async () => {
      const query = await begun();
      const lost = { workload: "unknown", code: 503 };
      world.serve(
        { workload: query.canary, requests: 6 },
        { ...lost, requests: 5, flags: "UH" },
        { ...lost, requests: 3, flags: "NC", host: "product:8080" },
        { ...lost, requests: 2, flags: "NR", host: "product.shop.svc.cluster.local", caller: "gateway" },
        { ...lost, requests: 9, flags: "NC", host: "product.cart" },
        { ...lost, requests: 9, flags: "FI" },
      );
      const { canary, ticks } = await countedAll(query);
      expect(ticks.reduce((sum, tick) => sum + tick.lost, 0)).toBe(10);
      expect(canary).toMatchObject({ requests: 6, errors: 0 });
      world.serve({ ...lost, requests: 40, flags: "UH" }, { workload: query.stable, requests: 400 });
      await world.seen();
      const usual = await world.provider.usual(query, signal);
      // Prometheus extends what it saw to the edges of the ten minutes, and knows nothing from before a first sample.
      expect(usual?.lost).toBeGreaterThan(20);
      expect(usual?.lost).toBeLessThan(100);
      expect(usual?.requests).toBeGreaterThan(400);
      expect(usual?.interval).toBeGreaterThan(0);
    });

    it("tells surely slow requests from possibly slow ones when the limit is between two boundaries", async () => {
      const query = { ...(await begun()), slowerThan: 300 };
      world.serve(
        { workload: query.canary, requests: 10, milliseconds: 100 },
        { workload: query.canary, requests: 3, milliseconds: 310 },
        { workload: query.canary, requests: 2, milliseconds: 900 },
      );
      expect((await countedAll(query)).canary).toEqual({ requests: 15, errors: 0, slow: 2, slowOrClose: 5 });
    });

    it("chooses the boundary that stable kept to before, and counts what is slower than it and its neighbours", async () => {
      const query = release();
      world.serve(
        { workload: query.stable, requests: 11_000, milliseconds: 80 },
        { workload: query.stable, requests: 50, milliseconds: 300 },
      );
      const first = await world.seen();
      // The growth of a counter shows from its second sample on.
      world.serve(
        { workload: query.stable, requests: 11_000, milliseconds: 80 },
        { workload: query.stable, requests: 50, milliseconds: 300 },
      );
      const since = await world.seen();
      expect(since).toBeGreaterThan(first);
      const { boundaries = [] } = await counted({ ...query, since, usualQuantile: 0.99 });
      expect(boundaries).toEqual([100, 50, 250]);
      world.serve(
        { workload: query.canary, requests: 10, milliseconds: 70 },
        { workload: query.canary, requests: 4, milliseconds: 200 },
        { workload: query.canary, requests: 2, milliseconds: 400 },
      );
      const { canary } = await countedAll({ ...query, since, beyond: boundaries });
      expect(canary).toMatchObject({ requests: 16, beyond: [6, 16, 2] });
    });

    it("counts nothing twice and loses nothing from one measurement to the next", async () => {
      const query = await begun();
      let { since } = query;
      let served = 0;
      let canary = 0;
      let stable = 0;
      const add = (measurement: Counted) => {
        since = measurement.until;
        canary += measurement.canary.requests;
        stable += measurement.stable.requests;
      };
      const end = since + 6_000;
      while (since < end) {
        served += 1;
        world.serve({ workload: query.stable, requests: 3 }, { workload: query.canary, requests: 1 });
        add(await counted({ ...query, since }));
      }
      add(await countedAll({ ...query, since }));
      expect({ stable, canary }).toEqual({ stable: 3 * served, canary: served });
    });

    it("counts on when callers begin again at zero", async () => {
      const query = await begun();
      world.serve({ workload: query.canary, requests: 20 });
      await world.seen();
      await world.restartCallers();
      world.serve({ workload: query.canary, requests: 7 }, { workload: query.stable, requests: 5 });
      const { stable, canary } = await countedAll(query);
      expect([stable.requests, canary.requests]).toEqual([5, 27]);
    });

    it("tells where requests went since weights were changed, and who sent them", async () => {
      const query = await begun();
      world.serve(
        { workload: query.canary, requests: 11, caller: "client" },
        { workload: query.stable, requests: 4, caller: "gateway" },
      );
      const shiftedAt = await world.seen();
      expect((await counted({ ...query, shiftedAt: Date.now() + 60_000 })).sinceShift).toBeUndefined();
      await world.seen();
      world.serve(
        { workload: query.stable, requests: 27, caller: "client" },
        { workload: query.canary, requests: 3, caller: "client" },
        { workload: query.stable, requests: 8, caller: "gateway" },
      );
      const { sinceShift } = await countedAll({ ...query, shiftedAt });
      expect(sinceShift).toEqual({
        stable: 35,
        canary: 3,
        callers: ["shop/client 3 of 30 to canary", "shop/gateway 0 of 8 to canary"],
      });
    });

    it("has no data of a workload that nobody calls", async () => {
      const query = { ...release(), since: Date.now() - 10_000 };
      const measurement = await world.provider.measure(query, signal);
      expect(measurement).toMatchObject({ kind: "NoData" });
      expect(measurement).toHaveProperty("message", expect.stringContaining("Service shop/product"));
    });

    it("says so when the store is away, and goes on where it was afterwards", async () => {
      const query = await begun();
      world.serve({ workload: query.canary, requests: 5 });
      await world.seen();
      await world.stopStore();
      const away = await world.provider.measure(query, signal);
      expect(away).toMatchObject({ kind: "Unavailable" });
      world.serve({ workload: query.canary, requests: 8, code: 503 });
      await world.startStore();
      world.serve({ workload: query.canary, requests: 2 });
      expect((await countedAll(query)).canary).toMatchObject({ requests: 15, errors: 8 });
    });

    it("does not wait longer than its time-out for a store that hangs", async () => {
      const query = await begun();
      world.freezeStore();
      try {
        const hangs = async () => (await world.provider.measure(query, signal)).kind === "Unavailable";
        await until(hangs, { timeout: 10_000, what: "the store to hang" });
        const began = performance.now();
        expect(await world.provider.measure(query, signal)).toMatchObject({ kind: "Unavailable" });
        expect(performance.now() - began).toBeLessThan(world.timeout + 500);
      } finally {
        world.thawStore();
      }
      world.serve({ workload: query.canary, requests: 2 });
      expect((await countedAll(query)).canary.requests).toBe(2);
    });

    it("answers at once when it is told to stop", async () => {
      const measurement = await world.provider.measure(await begun(), AbortSignal.abort());
      expect(measurement.kind).toBe("Unavailable");
    });
  });
}

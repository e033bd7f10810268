import { expect, it } from "vitest";
import { reuseMeasurements } from "../../../../src/adapters/prometheus/recent-measurements.ts";
import type { Measurement } from "../../../../src/domain/observation.ts";
import type { TrafficQuery } from "../../../../src/ports/metric-provider.ts";
import { aTrafficQuery } from "../../../support/traffic-query.ts";

const { signal } = new AbortController();
const query = aTrafficQuery();

it("a measurement is taken again for those whom it is young enough, and for the same requests only", async () => {
  const state = { now: 0, measured: 0 };
  const measure = reuseMeasurements(
    () => Promise.resolve<Measurement>({ kind: "NoData", message: String((state.measured += 1)) }),
    () => state.now,
  );
  const ask = async (more: Partial<TrafficQuery> = {}) => {
    const measurement = await measure({ ...query, ...more }, signal);
    return measurement.kind === "NoData" ? measurement.message : "";
  };
  expect([await ask({ maxAge: 100 }), await ask({ maxAge: 100 })]).toEqual(["1", "1"]);
  expect(await ask()).toBe("2");
  state.now = 99;
  expect(await ask({ maxAge: 100 })).toBe("1");
  state.now = 100;
  expect(await ask({ maxAge: 100 })).toBe("3");
  expect(await ask({ maxAge: 100, shiftedAt: 5 })).toBe("4");
});

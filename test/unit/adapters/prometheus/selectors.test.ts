import { describe, expect, it } from "vitest";
import { lastWithin, requestsMetric, samplesWithin, selector } from "../../../../src/adapters/prometheus/selectors.ts";
import type { TrafficQuery } from "../../../../src/ports/metric-provider.ts";

const query: TrafficQuery = {
  namespace: "shop",
  service: "product",
  reporter: "source",
  stable: "product",
  canary: "product.v2",
  slowerThan: undefined,
  since: 0,
  sinceClock: "store",
  shiftedAt: undefined,
};

describe("selectors", () => {
  it("name both workloads and take a waypoint for a source", () => {
    expect(selector(requestsMetric, query)).toBe(
      'istio_requests_total{reporter=~"source|waypoint",destination_service_namespace="shop",' +
        'destination_service_name="product",destination_workload=~"product|product\\\\.v2"}',
    );
  });

  it("ask the pods' own proxies when told", () => {
    expect(selector(requestsMetric, { ...query, reporter: "destination" })).toContain('reporter="destination"');
  });

  it("take boundaries literally", () => {
    expect(selector("m", query, ["500.0", "+Inf"])).toContain('le=~"500\\\\.0|\\\\+Inf"');
  });

  it("cannot be left by a value", () => {
    const evil = selector("m", { ...query, service: 'a"} or vector(1) #\\\n', canary: 'x"|.*' });
    expect(evil).toContain('destination_service_name="a\\"} or vector(1) #\\\\\\n"');
    expect(evil).toContain('destination_workload=~"product|x\\"\\\\|\\\\.\\\\*"');
  });

  it("write lengths in whole milliseconds, one at least", () => {
    expect(samplesWithin("m", 1_500.2)).toBe("m[1501ms]");
    expect(lastWithin("m", 0)).toBe("last_over_time(m[1ms])");
  });
});

import { describe, expect, it } from "vitest";
import {
  keyOf,
  lastWithin,
  requestsMetric,
  samplesWithin,
  selector,
  selects,
  subjectOf,
} from "../../../../src/adapters/prometheus/selectors.ts";
import { aTrafficQuery } from "../../../support/traffic-query.ts";

const query = aTrafficQuery({ canary: "product.v2" });

describe("selectors", () => {
  it("name both workloads and take a waypoint for a source", () => {
    expect(selector(subjectOf(requestsMetric, query))).toBe(
      'istio_requests_total{reporter=~"source|waypoint",destination_service_namespace="shop",' +
        'destination_service_name="product",destination_workload=~"product|product\\\\.v2"}',
    );
  });

  it("ask the pods' own proxies when told", () => {
    expect(selector(subjectOf(requestsMetric, { ...query, reporter: "destination" }))).toContain(
      'reporter="destination"',
    );
  });

  it("take boundaries literally", () => {
    expect(selector(subjectOf("m", query, ["500.0", "+Inf"]))).toContain('le=~"500\\\\.0|\\\\+Inf"');
  });

  it("cannot be left by a value", () => {
    const evil = selector(subjectOf("m", { ...query, service: 'a"} or vector(1) #\\\n', canary: 'x"|.*' }));
    expect(evil).toContain('destination_service_name="a\\"} or vector(1) #\\\\\\n"');
    expect(evil).toContain('destination_workload=~"product|x\\"\\\\|\\\\.\\\\*"');
  });

  it("join what is asked for at once, and know whose a series is", () => {
    const cart = subjectOf(requestsMetric, { ...query, namespace: "shop-2", service: "cart", stable: "cart" });
    const product = subjectOf(requestsMetric, query);
    expect(selector(product, cart)).toBe(
      'istio_requests_total{reporter=~"source|waypoint",destination_service_namespace=~"shop|shop-2",' +
        'destination_service_name=~"product|cart",destination_workload=~"product|product\\\\.v2|cart"}',
    );
    const labels = {
      destination_service_namespace: "shop",
      destination_service_name: "product",
      destination_workload: "product.v2",
    };
    expect([product, cart].map((subject) => selects(subject, labels))).toEqual([true, false]);
    expect(selects(product, { ...labels, destination_workload: "cart" })).toBe(false);
    const bucket = subjectOf("m", query, ["+Inf"]);
    expect([bucket, bucket].map((subject, at) => selects(subject, { ...labels, le: ["+Inf", "5"][at] ?? "" }))).toEqual(
      [true, false],
    );
    expect(keyOf(product)).not.toBe(keyOf(cart));
  });

  it("find requests that no pod was found for, by whatever name they were sent", () => {
    const subject = { ...subjectOf(requestsMetric, query), withLost: true };
    expect(selector(subject)).toBe(
      'istio_requests_total{reporter=~"source|waypoint",destination_service_namespace=~"shop|unknown",' +
        'destination_service_name=~"product|(product)[.:].+",destination_workload=~"product|product\\\\.v2|unknown"}',
    );
    const lost = (namespace: string, name: string, more: object = {}) =>
      selects(subject, {
        destination_service_namespace: namespace,
        destination_service_name: name,
        destination_workload: "unknown",
        source_workload_namespace: "shop",
        response_flags: namespace === "unknown" ? "NR" : "UH",
        ...more,
      });
    expect(lost("shop", "product")).toBe(true);
    const names = ["product", "product:8080", "product.shop", "product.shop.svc.cluster.local:8080"];
    expect(names.map((name) => lost("unknown", name))).toEqual([true, true, true, true]);
    expect(["product.example.com", "product.cart", "cart"].map((name) => lost("unknown", name))).toEqual([
      false,
      false,
      false,
    ]);
    expect(lost("unknown", "product", { source_workload_namespace: "cart" })).toBe(false);
    // A fault that was injected, a limit that was reached: nothing of that looked for a pod.
    expect(lost("shop", "product", { response_flags: "FI" })).toBe(false);
    expect(keyOf(subject)).not.toBe(keyOf(subjectOf(requestsMetric, query)));
  });

  it("have something to select", () => {
    expect(() => selector()).toThrow(RangeError);
  });

  it("write lengths in whole milliseconds, one at least", () => {
    expect(samplesWithin("m", 1_500.2)).toBe("m[1501ms]");
    expect(lastWithin("m", 0)).toBe("last_over_time(m[1ms])");
  });
});

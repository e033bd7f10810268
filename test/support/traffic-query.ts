import type { TrafficQuery } from "../../src/ports/metric-provider.ts";

/** The requests to Service shop/product, whose canary is product-b; latency is not judged. */
export function aTrafficQuery(changes: Partial<TrafficQuery> = {}): TrafficQuery {
  return {
    namespace: "shop",
    service: "product",
    reporter: "source",
    stable: "product",
    canary: "product-b",
    slowerThan: undefined,
    since: 0,
    sinceClock: "store",
    shiftedAt: undefined,
    ...changes,
  };
}

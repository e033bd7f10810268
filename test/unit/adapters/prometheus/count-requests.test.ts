import { describe, expect, it } from "vitest";
import { countRequests, durationsMissing } from "../../../../src/adapters/prometheus/count-requests.ts";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";
import type { Window } from "../../../../src/adapters/prometheus/window.ts";

const workloads = { stable: "product", canary: "product-b" };
const span = { since: 10, until: 30 };

function series(workload: string, code: string, samples: Readonly<Record<number, readonly number[]>>): Series {
  return {
    labels: { instance: `${workload}-caller`, destination_workload: workload, response_code: code },
    samples: Object.entries(samples).map(([at, values]) => ({ at: Number(at), values })),
  };
}

function windowOf(requests: readonly Series[], more: Partial<Window> = {}): Window {
  return { scraped: requests, requests, durations: undefined, watching: true, ...more };
}

describe("counted requests", () => {
  const requests = [
    series("product", "200", { 10: [100], 20: [190] }),
    series("product", "500", { 10: [5], 20: [6] }),
    series("product-b", "200", { 10: [0], 20: [9] }),
    series("product-b", "503", { 10: [0], 20: [2] }),
    series("product-b", "0", { 10: [0], 20: [40] }),
    series("other", "200", { 10: [0], 20: [1_000] }),
  ];

  it("are told apart by workload, and those whose client went away count nowhere", () => {
    expect(countRequests(windowOf(requests), workloads, span)).toEqual({
      stable: { requests: 91, errors: 1, slow: 0, slowOrClose: 0 },
      canary: { requests: 11, errors: 2, slow: 0, slowOrClose: 0 },
    });
  });

  it("are slow by the histograms of the same span", () => {
    const durations = [
      series("product-b", "200", { 10: [0, 0, 0], 20: [9, 4, 7] }),
      series("product-b", "0", { 10: [0, 0, 0], 20: [40, 0, 0] }),
    ];
    const { canary } = countRequests(windowOf(requests, { durations }), workloads, span);
    expect(canary).toMatchObject({ slow: 2, slowOrClose: 5 });
  });

  it("begin at zero for a canary of a new caller, unless Prometheus itself was away at the start", () => {
    const late = [series("product-b", "500", { 20: [3], 30: [4] }), series("product", "200", { 20: [70], 30: [75] })];
    expect(countRequests(windowOf(late), workloads, span)).toMatchObject({
      canary: { requests: 4, errors: 4 },
      stable: { requests: 5 },
    });
    expect(countRequests(windowOf(late, { watching: false }), workloads, span).canary.requests).toBe(1);
  });
});

describe("missing durations", () => {
  const counts = { requests: 5, errors: 0, slow: 0, slowOrClose: 0 };
  const durations = [series("product", "200", { 10: [1, 1, 1] })];

  it.each([
    ["requests without a histogram", durations, "product-b", counts, true],
    ["requests with one", durations, "product", counts, false],
    ["no requests", durations, "product-b", { ...counts, requests: 0 }, false],
    ["latency that is not judged", undefined, "product-b", counts, false],
  ] as const)("%s", (_, known, workload, counted, expected) => {
    expect(durationsMissing(windowOf([], { durations: known }), workload, counted)).toBe(expected);
  });
});

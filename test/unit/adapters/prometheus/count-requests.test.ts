import { describe, expect, it } from "vitest";
import { countRequests, durationsMissing } from "../../../../src/adapters/prometheus/count-requests.ts";
import { totalsOf } from "../../../../src/domain/analysis/blocks.ts";
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

/** All of a span added up. */
function countAll(window: Counted, { since, until } = span) {
  return totalsOf(countRequests(window, workloads, { since, until }));
}

type Counted = Pick<Window, "requests" | "durations" | "watching">;

function windowOf(requests: readonly Series[], more: Partial<Counted> = {}): Counted {
  return { requests, durations: undefined, watching: true, ...more };
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
    expect(countAll(windowOf(requests))).toEqual({
      stable: { requests: 91, errors: 1, slow: 0, slowOrClose: 0 },
      canary: { requests: 11, errors: 2, slow: 0, slowOrClose: 0 },
    });
  });

  it("are told apart from those whose client went away", () => {
    const gone = countRequests(windowOf(requests), workloads, span).map((tick) => tick.gone);
    expect(gone).toEqual([{ stable: 0, canary: 40 }]);
  });

  it("are lost where no pod was found for them, from the first on", () => {
    const lost = (flags: string, samples: Readonly<Record<number, readonly number[]>>) => {
      const { labels, ...one } = series("unknown", "503", samples);
      return { ...one, labels: { ...labels, response_flags: flags } };
    };
    const ticks = countRequests(
      windowOf([
        ...requests,
        lost("UH", { 10: [4], 20: [10] }),
        lost("NR", { 20: [3] }),
        lost("FI", { 10: [0], 20: [7] }),
      ]),
      workloads,
      span,
    );
    expect(ticks.map((tick) => tick.lost)).toEqual([9]);
  });

  it("are slow by the histograms of the same span", () => {
    const durations = [
      series("product-b", "200", { 10: [0, 0, 0], 20: [9, 4, 7] }),
      series("product-b", "0", { 10: [0, 0, 0], 20: [40, 0, 0] }),
    ];
    const { canary } = countAll(windowOf(requests, { durations }));
    expect(canary).toMatchObject({ slow: 2, slowOrClose: 5 });
  });

  it("begin at zero for a canary of a new caller, unless Prometheus itself was away at the start", () => {
    const late = [series("product-b", "500", { 20: [3], 30: [4] }), series("product", "200", { 20: [70], 30: [75] })];
    expect(countAll(windowOf(late))).toMatchObject({
      canary: { requests: 4, errors: 4 },
      stable: { requests: 5 },
    });
    expect(countAll(windowOf(late, { watching: false })).canary.requests).toBe(1);
  });

  it("are told by the scrape that showed them, in the order of time, and so is a scrape that showed none", () => {
    const mixed = [
      series("product-b", "200", { 10: [0], 20: [9], 30: [9] }),
      series("product-b", "500", { 10: [0], 30: [2] }),
      series("product", "200", { 12: [100], 15: [104], 25: [104] }),
      series("other", "200", { 10: [0], 17: [5] }),
    ];
    const ticks = countRequests(windowOf(mixed), workloads, { since: 12, until: 30 });
    expect(ticks.map(({ at, stable, canary }) => [at, stable.requests, canary.requests, canary.errors])).toEqual([
      [15, 4, 0, 0],
      [17, 0, 0, 0],
      [20, 0, 9, 0],
      [25, 0, 0, 0],
      [30, 0, 2, 2],
    ]);
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

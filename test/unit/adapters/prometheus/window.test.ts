import { describe, expect, it } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";
import { createFeed } from "../../../../src/adapters/prometheus/feed/feed.ts";
import { recordedNames, standardNames } from "../../../../src/adapters/prometheus/recorded.ts";
import { createBoundaryList, fetchWindow } from "../../../../src/adapters/prometheus/window.ts";
import type { Twins } from "../../../../src/adapters/prometheus/feed/twins.ts";
import type { Window } from "../../../../src/adapters/prometheus/window.ts";
import type { TrafficQuery } from "../../../../src/ports/metric-provider.ts";
import { aTrafficQuery } from "../../../support/traffic-query.ts";

const { signal } = new AbortController();
const query = aTrafficQuery({ slowerThan: 300, since: 1_000 });
const frame = { start: 0, since: 1_000, until: 2_000, shiftFrom: undefined, countFrom: 1_000 };

function series(labels: Readonly<Record<string, string>>, samples: Readonly<Record<number, number>>): Series {
  const service = { destination_service_namespace: "shop", destination_service_name: "product" };
  return {
    labels: { ...service, destination_workload: "product", ...labels },
    samples: Object.entries(samples).map(([at, value]) => ({ at: Number(at), values: [value] })),
  };
}

const buckets = [
  series({ le: "250.0" }, { 900: 1, 1_500: 2 }),
  series({ le: "500.0" }, { 900: 2, 1_500: 4 }),
  series({ le: "+Inf" }, { 900: 3, 1_500: 6 }),
];

/** Answers by the beginning of the expression, and remembers what was asked. */
function apiWith(answers: Readonly<Record<string, Answer | readonly Series[]>>) {
  const asked: string[] = [];
  const query = (expression: string, at: number | undefined): Promise<Answer> => {
    asked.push(`${expression} @ ${at ?? "now"}`);
    const answer = Object.entries(answers).find(([beginning]) => expression.startsWith(beginning))?.[1] ?? [];
    return Promise.resolve("kind" in answer ? answer : { kind: "Series", series: answer });
  };
  return { asked, api: { query } };
}

async function windowFrom(
  answers: Parameters<typeof apiWith>[0],
  more: Partial<TrafficQuery> = {},
  { names = standardNames, isTwin = () => false }: Partial<Twins & { names: typeof standardNames }> = {},
) {
  const { asked, api } = apiWith(answers);
  const feed = createFeed({ api, now: () => 0, gather: () => Promise.resolve() });
  const twinsOf = () => ({ isTwin, example: undefined });
  const parts = { api, feed, listBoundaries: createBoundaryList(api), twinsOf };
  const fetched = await fetchWindow(parts, names, { ...query, ...more }, { ...frame }, signal);
  return { asked, fetched, window: fetched.kind === "Window" ? fetched.window : ({} as Window) };
}

const known = {
  "group by (le)": ["5.0", "250.0", "500.0", "+Inf"].map((le) => series({ le }, { 2_000: 1 })),
  istio_requests_total: [series({ code: "200" }, { 900: 1, 1_500: 5 })],
  istio_request_duration: buckets,
};

describe("the window of a measurement", () => {
  it("takes one query for requests and one for the buckets around the limit, where all series are known", async () => {
    const { asked, window } = await windowFrom(known);
    expect(asked).toHaveLength(3);
    expect(asked[1]).toMatch(/^istio_requests_total\{.*\}\[2000ms\] @ 2000$/);
    expect(asked[2]).toContain('le=~"250\\\\.0|500\\\\.0|\\\\+Inf"');
    expect(window.durations?.[0]?.samples.at(-1)?.values).toEqual([6, 2, 4]);
    expect(window.watching).toBe(true);
  });

  it("takes one query where latency is not judged", async () => {
    const { asked, window } = await windowFrom(known, { slowerThan: undefined });
    expect(asked).toHaveLength(1);
    expect(window.durations).toBeUndefined();
  });

  it("asks for what was before when a series is new, and whether Prometheus was there", async () => {
    const fresh = series({ code: "500" }, { 1_500: 3 });
    const { asked, window } = await windowFrom({
      ...known,
      istio_requests_total: [fresh],
      "last_over_time(istio_requests_total": [
        series({ code: "500" }, { 1_000: 2 }),
        series({ code: "404" }, { 1_000: 9 }),
      ],
      "count(up)": [],
    });
    expect(asked.slice(3).map((one) => one.slice(one.lastIndexOf("@")))).toEqual(["@ 1000", "@ 1000", "@ 1000"]);
    expect(window.requests.map(({ samples }) => samples.map(({ values }) => values[0]))).toEqual([[2, 3], [9]]);
    expect(window.watching).toBe(false);
  });

  it("tells when the newest sample was scraped, how often they are, and when the next is due", async () => {
    const { window } = await windowFrom({ istio_requests_total: [series({}, { 600: 1, 1_100: 2, 1_600: 3 })] });
    expect(window).toMatchObject({ newest: 1_600, interval: 500, due: 2_100 });
  });

  it("leaves out what others say too", async () => {
    const requests = [series({ job: "a" }, { 900: 1, 1_500: 5 }), series({ job: "b" }, { 900: 1, 1_500: 5 })];
    const { window } = await windowFrom(
      { ...known, istio_requests_total: requests },
      {},
      { isTwin: ({ job }) => job === "b" },
    );
    expect(window.requests.map(({ labels }) => labels["job"])).toEqual(["a"]);
  });

  it("reads what rules recorded as counters, and asks for nothing before it", async () => {
    const { asked, window } = await windowFrom(
      { "serin:istio_requests:growth": [series({}, { 1_500: 5, 1_900: 2 })] },
      { slowerThan: undefined },
      { names: recordedNames },
    );
    expect(asked).toHaveLength(1);
    expect(window.requests[0]?.samples.map(({ values }) => values[0])).toEqual([5, 7]);
  });

  it("has no durations where there is no histogram", async () => {
    const { asked, window } = await windowFrom({ ...known, "group by (le)": [] });
    expect(asked).toHaveLength(2);
    expect(window.durations).toEqual([]);
  });

  it.each(["group by (le)", "istio_requests_total", "istio_request_duration"])(
    "passes on a problem with %s",
    async (part) => {
      const { fetched } = await windowFrom({
        ...known,
        [part]: { kind: "Problem", cause: "Refused", problem: "too slow" },
      });
      expect(fetched).toMatchObject({ kind: "Problem", problem: "too slow" });
    },
  );

  it.each(["last_over_time(istio_requests", "last_over_time(istio_request_d", "count(up)"])(
    "passes on a problem with %s",
    async (part) => {
      const fresh = [series({ code: "500" }, { 1_500: 3 })];
      const problem: Answer = { kind: "Problem", cause: "Refused", problem: "too slow" };
      const { fetched } = await windowFrom({ ...known, istio_requests_total: fresh, [part]: problem });
      expect(fetched).toEqual(problem);
    },
  );

  it("does not take a number for series", async () => {
    const { fetched } = await windowFrom({ ...known, istio_requests_total: { kind: "Scalar", value: 1 } });
    expect(fetched.kind).toBe("Problem");
  });
});

describe("the list of boundaries", () => {
  it("is asked for once in ten minutes, but again while there is none", async () => {
    const answers: Record<string, readonly Series[]> = { "group by (le)": [] };
    const { asked, api } = apiWith(answers);
    const list = createBoundaryList(api);
    expect(await list(query, "m", 0, signal)).toEqual([]);
    answers["group by (le)"] = known["group by (le)"];
    expect(await list(query, "m", 1_000, signal)).toEqual(["5.0", "250.0", "500.0", "+Inf"]);
    await list(query, "m", 600_999, signal);
    expect(asked).toHaveLength(2);
    await list(query, "m", 601_000, signal);
    expect(asked).toHaveLength(3);
  });
});

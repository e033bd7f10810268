import { describe, expect, it } from "vitest";
import { batchesOf, seriesPerQuery, type Want } from "../../../../../src/adapters/prometheus/feed/batches.ts";

function want(
  service: string,
  more: Partial<Want> & { metric?: string; reporter?: "source" | "destination" } = {},
): Want {
  const { metric = "m", reporter = "source", ...rest } = more;
  const subject = { metric, reporter, namespace: "shop", service, workloads: ["a"] };
  return { subject, from: 0, to: 1_000, series: 10, alone: false, ...rest };
}

function services(wants: readonly Want[]): readonly (readonly string[])[] {
  return batchesOf(wants).map((batch) => batch.map(({ subject }) => subject.service));
}

describe("batches", () => {
  it("hold what is asked for alike", () => {
    expect(services([want("a"), want("b", { to: 1_900 }), want("c")])).toEqual([["a", "b", "c"]]);
  });

  it("hold no more series than one query should have", () => {
    const third = Math.floor(seriesPerQuery / 3);
    const wants = ["a", "b", "c", "d"].map((service) => want(service, { series: third }));
    expect(services([...wants, want("huge", { series: 5 * seriesPerQuery })])).toEqual([
      ["a", "b", "c"],
      ["d"],
      ["huge"],
    ]);
  });

  it("keep apart other metrics, other reporters, and much longer times", () => {
    const wants = [
      want("a"),
      want("b", { metric: "n" }),
      want("c", { reporter: "destination" }),
      want("d", { to: 60_000 }),
    ];
    expect(services(wants)).toEqual([["a"], ["b"], ["c"], ["d"]]);
  });

  it("keep apart what is not known, and what was late", () => {
    expect(services([want("a"), want("new", { series: undefined }), want("late", { alone: true }), want("b")])).toEqual(
      [["new"], ["late"], ["a", "b"]],
    );
  });

  it("are none for nothing", () => {
    expect(batchesOf([])).toEqual([]);
  });
});

import { expect, it } from "vitest";
import { createParser } from "../../../../src/adapters/prometheus/parser.ts";

const labels = (index: number) => ({
  __name__: "m",
  instance: `caller-${index}`,
  code: index % 2 === 0 ? "200" : "500",
});

function matrix(series: number, samples: number): Buffer {
  const result = Array.from({ length: series }, (_, index) => ({
    metric: labels(index),
    values: Array.from({ length: samples }, (__, at) => [at + 0.5, String(index * at)]),
  }));
  return Buffer.from(JSON.stringify({ status: "success", data: { resultType: "matrix", result } }));
}

it("reads a large answer like a small one, and does not stand still meanwhile", async () => {
  const parse = createParser();
  const small = await parse(200, matrix(3, 4));
  const body = matrix(6_000, 20);
  expect(body.byteLength).toBeGreaterThan(1_000_000);
  let turns = 0;
  const ticking = setInterval(() => (turns += 1), 1);
  const large = await parse(200, body);
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(5);
  if (small.kind !== "Series" || large.kind !== "Series") throw new Error("no series");
  const withoutName = small.series.map(({ labels: { __name__: _, ...rest }, samples }) => ({
    labels: rest,
    samples: samples.slice(0, 4),
  }));
  expect(
    large.series.slice(0, 3).map(({ labels: its, samples }) => ({ labels: its, samples: samples.slice(0, 4) })),
  ).toEqual(withoutName);
  expect(large.series).toHaveLength(6_000);
  expect(large.series.at(-1)?.samples.at(-1)).toEqual({ at: 19_500, values: [5_999 * 19] });
});

it("has the same labels again for the same series", async () => {
  const parse = createParser();
  const body = matrix(2_000, 3);
  const [one, other] = [await parse(200, body), await parse(200, body)];
  if (one.kind !== "Series" || other.kind !== "Series") throw new Error("no series");
  expect(other.series[7]?.labels).toBe(one.series[7]?.labels);
});

it("says of a large answer that is none what it says of a small one", async () => {
  const parse = createParser();
  const page = Buffer.from("<html>".repeat(50_000));
  expect(await parse(200, page)).toEqual({
    kind: "Problem",
    cause: "Refused",
    problem: "answered with something that is not Prometheus's JSON",
  });
});

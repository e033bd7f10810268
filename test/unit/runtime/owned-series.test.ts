import { expect, test } from "vitest";
import { createMetrics } from "../../../src/runtime/metrics.ts";
import { ownedSeries } from "../../../src/runtime/owned-series.ts";

test("an owner has the series that it showed last, until it is forgotten; others keep theirs", async () => {
  const metrics = createMetrics();
  const series = ownedSeries(
    metrics.gauge({ kind: "gauge", name: "x", help: "X.", labels: ["owner", "reason"] as const }),
  );
  const shown = async () => (await metrics.render()).split("\n").filter((line) => line.startsWith("x{"));
  series.show("a", [[{ owner: "a", reason: "One" }, 1]]);
  series.show("b", [[{ owner: "b", reason: "One" }, 1]]);
  series.show("a", [
    [{ owner: "a", reason: "Two" }, 2],
    [{ owner: "a", reason: "Three" }, 3],
  ]);
  expect(await shown()).toEqual([
    'x{owner="b",reason="One"} 1',
    'x{owner="a",reason="Two"} 2',
    'x{owner="a",reason="Three"} 3',
  ]);
  series.show("a", [
    [{ owner: "a", reason: "Two" }, 4],
    [{ owner: "a", reason: "Three" }, 3],
  ]);
  expect(await shown()).toContain('x{owner="a",reason="Two"} 4');
  series.forget("a");
  series.forget("unknown");
  expect(await shown()).toEqual(['x{owner="b",reason="One"} 1']);
});

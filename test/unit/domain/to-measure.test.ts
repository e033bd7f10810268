import { describe, expect, it } from "vitest";
import { beforeTheRelease, looksForTraffic } from "../../../src/domain/to-measure.ts";
import { aRollout, inRelease } from "../../support/observation.ts";

const at = "2026-01-01T00:00:00Z";

describe("whether it matters where traffic goes", () => {
  const { stepStartedAt: _, bakingSince: __, decision: ___, ...release } = inRelease().rollout.status.release!;
  it.each([
    [{}, true],
    [{ stepStartedAt: at }, false],
    [{ stepStartedAt: at, bakingSince: at }, true],
    [{ stepStartedAt: at, decision: "Rollback" }, true],
  ] as const)("%j: %s", (change, expected) => {
    expect(looksForTraffic({ ...release, ...change })).toBe(expected);
  });
});

describe("what is learned from stable", () => {
  const specWith = (analysis: object) => aRollout({ spec: { analysis } }).spec!;
  const tenMinutes = 600_000;

  it.each([
    ["nothing, unless asked for", {}, true, { lookBack: undefined, usualQuantile: undefined }],
    ["how errors come, for a fast verdict", { sensitivity: "fast" }, true, { lookBack: tenMinutes }],
    [
      "its latency, to compare with it alone",
      { compareWith: "stable", latency: { max: "1s" } },
      true,
      { usualQuantile: 0.99 },
    ],
    ["no latency where none is judged", { compareWith: "stable" }, true, { usualQuantile: undefined }],
    [
      "nothing a second time",
      { sensitivity: "fast", compareWith: "stable" },
      false,
      { lookBack: undefined, usualQuantile: undefined },
    ],
  ])("%s", (_what, analysis, isFirst, expected) => {
    expect(beforeTheRelease(specWith(analysis), isFirst)).toMatchObject(expected);
  });
});

import { describe, expect, test } from "vitest";
import type { Block, Gone } from "../../../../src/domain/analysis/blocks.ts";
import { atNextStep, hangs, nothingHangs, withBlock, type Hanging } from "../../../../src/domain/analysis/hanging.ts";
import { counts, nobody } from "../../../support/measurement.ts";

const block = (stable: number, canary: number, gone: Gone = nobody): Block => ({
  until: 0,
  length: 5_000,
  stable: counts(stable),
  canary: counts(canary),
  gone,
  lost: 0,
});

const after = (times: number, one: Block, weight: number | undefined, before: Hanging = nothingHangs) =>
  Array.from({ length: times }).reduce<Hanging>((known) => withBlock(known, one, weight), before);

describe("callers that give up", () => {
  test("on the canary alone: it hangs", () => {
    const known = after(4, block(450, 0, { stable: 0, canary: 50 }), undefined);
    expect(hangs(known, 10)).toBe(
      "callers gave up on 200 requests to the canary and on 0 to stable, which is more than its share",
    );
  });

  test("on both alike, or on a few: it does not", () => {
    expect(hangs(after(100, block(450, 50, { stable: 9, canary: 1 }), 10), 10)).toBeUndefined();
    expect(hangs(after(1, block(450, 48, { stable: 0, canary: 2 }), 10), 10)).toBeUndefined();
  });

  test("are known of the whole release, whatever step it is at", () => {
    const known = atNextStep(after(2, block(450, 0, { stable: 0, canary: 25 }), 10));
    expect(known).toMatchObject({ gone: { canary: 50 }, ended: { stable: 0, canary: 0 } });
    expect(known.silent).toBeUndefined();
    expect(hangs(after(4, block(450, 0, { stable: 0, canary: 25 }), 10, known), 10)).toContain("150 requests");
  });
});

describe("requests of which nothing is heard", () => {
  test("the canary's share does not end: it hangs", () => {
    const known = after(6, block(500, 0), 50);
    expect(hangs(known, 50)).toBe(
      "of 3,000 requests that ended, 0 were the canary's, at a weight of 50 %: the rest does not end",
    );
    expect(hangs(after(60, block(900, 0), 10), 10)).toContain("at a weight of 10 %");
  });

  test("more than half of it ends: it does not", () => {
    expect(hangs(after(200, block(500, 300), 50), 50)).toBeUndefined();
    expect(hangs(after(200, block(940, 60), 10), 10)).toBeUndefined();
  });

  test("nothing is held against it before the traffic has moved", () => {
    expect(hangs(after(60, block(900, 0), undefined), 10)).toBeUndefined();
  });
});

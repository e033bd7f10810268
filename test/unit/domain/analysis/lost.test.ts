import { describe, expect, test } from "vitest";
import { losesRequests, nothingLost, withBlock, type Lost } from "../../../../src/domain/analysis/lost.ts";
import type { Usual } from "../../../../src/domain/analysis/usual.ts";
import { randomFrom } from "../../../support/random.ts";
import { counts, nobody } from "../../../support/measurement.ts";

const usual: Usual = { requests: 60_000, lost: 0, length: 600_000, interval: 5_000 };
const context = { weight: 10, errorLimit: 0.01, usual };

const after = (lost: readonly number[], asked: Partial<typeof context> = {}, length = 5_000): Lost =>
  lost.reduce(
    (known, each) =>
      withBlock(
        known,
        { until: 0, length, stable: counts(450), canary: counts(50 - each), gone: nobody, lost: each },
        { ...context, ...asked },
      ),
    nothingLost,
  );

describe("lost requests", () => {
  test("of all that the canary should have got are found soon", () => {
    const known = after([50, 50, 50, 50]);
    expect(known).toMatchObject({ requests: 200, all: 2_000 });
    expect(losesRequests(known, usual)).toContain("10 % of 2,000 requests");
  });

  test("in one burst shorter than the tolerance are not", () => {
    expect(losesRequests(after([50]), usual)).toBeUndefined();
    expect(losesRequests(after([50, ...Array.from({ length: 50 }, () => 0)]), usual)).toBeUndefined();
  });

  test("are not counted while the canary has no weight", () => {
    expect(after([50, 50, 50, 50], { weight: 0 })).toEqual(nothingLost);
  });

  test("count and prove nothing where the time before is not known", () => {
    const known = after([50, 50, 50, 50], { usual: undefined as unknown as Usual });
    expect(known).toEqual({ requests: 200, all: 2_000, wealth: undefined });
    expect(losesRequests(known, undefined)).toBeUndefined();
  });

  test("count and prove nothing where nearly all were lost before", () => {
    const before = { ...usual, lost: usual.requests };
    expect(after([50, 50, 50, 50], { usual: before })).toEqual({ requests: 200, all: 2_000, wealth: undefined });
  });

  test("are tolerated as far as the canary may fail of its share", () => {
    // 5 of 500 requests: a fifth of what a canary at 50 % may fail with a limit of 10 %, and ten times that of one at 0.2 %.
    const lost = Array.from({ length: 60 }, () => 5);
    expect(losesRequests(after(lost, { weight: 50, errorLimit: 0.1 }), usual)).toBeUndefined();
    expect(losesRequests(after(lost, { weight: 50, errorLimit: 0.002 }), usual)).toContain("1 % of 30,000 requests");
  });

  test("fewer than three prove nothing, whatever they are worth", () => {
    const rich = { ...after([50, 50, 50, 50]), all: 2_000 };
    expect(losesRequests({ ...rich, requests: 2 }, usual)).toBeUndefined();
    expect(losesRequests({ ...rich, requests: 3 }, usual)).toContain("0.15 % of 2,000 requests");
    expect(losesRequests({ ...nothingLost, requests: 3, all: 2_000 }, usual)).toBeUndefined();
  });

  test("are told beside how many were usual", () => {
    const before = { ...usual, lost: 600 };
    const lost = Array.from({ length: 20 }, () => 50);
    expect(losesRequests(after(lost, { usual: before }), before)).toContain("and 1 % in the 10m before");
  });

  test("as often as before are found in no more than one of a thousand releases", () => {
    const next = randomFrom(7);
    // One in ten of what should go to the canary, as it was before.
    const before = { ...usual, lost: 600 };
    const found = Array.from({ length: 300 }, () => {
      const draws = Array.from({ length: 120 }, () => {
        let lost = 0;
        for (let request = 0; request < 50; request += 1) if (next() < 0.1) lost += 1;
        return lost;
      });
      return losesRequests(after(draws, { usual: before }), before);
    });
    expect(found.filter((each) => each !== undefined)).toHaveLength(0);
  });
});

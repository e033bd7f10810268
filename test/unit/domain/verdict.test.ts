import { describe, expect, test } from "vitest";
import type { Release } from "../../../src/api/rollout-status.ts";
import { withMeasurement } from "../../../src/domain/evidence.ts";
import type { Measurement } from "../../../src/domain/observation.ts";
import { criteriaOf, hangsFromTheFirst, judgeRelease } from "../../../src/domain/verdict.ts";
import { counted, counts } from "../../support/measurement.ts";
import { aRelease, aRollout, inRelease, noon } from "../../support/observation.ts";

test("judgeRelease() with nothing counted yet is undecided", () => {
  expect(judgeRelease(inRelease().rollout.spec!, aRelease({ analysis: undefined })).verdict).toBe("Undecided");
});

test("point checks keep a step from passing until they are made, and end the release when too many failed", () => {
  const metrics = [{ name: "p50", value: { query: "1", max: 500, interval: "30s", failureLimit: 1 } }];
  const good = counted(counts(3_000), counts(9_000), { scrapes: 8 });
  const judged = (checks: readonly (number | undefined)[]) => {
    const begun = inRelease({ stepStartedAt: new Date(noon - 60_000).toISOString() });
    let observation = {
      ...begun,
      rollout: { ...begun.rollout, spec: aRollout({ spec: { analysis: { metrics } } }).spec },
    };
    for (const value of checks) {
      observation = withMeasurement({ ...observation, measurement: { ...good, checks: [{ name: "p50", value }] } });
    }
    observation = withMeasurement({ ...observation, measurement: good });
    const { spec, status } = observation.rollout;
    if (spec === undefined || status.release === undefined) throw new Error("no release");
    return judgeRelease(spec, status.release);
  };
  expect(judged([])).toMatchObject({ verdict: "Undecided", isTooFew: true, nothingAgainst: true });
  expect(judged([400])).toMatchObject({
    verdict: "Pass",
    sentence: expect.stringContaining("p50 was within its limits") as string,
  });
  expect(judged([600])).toMatchObject({ verdict: "Undecided", isTooFew: false, nothingAgainst: false });
  expect(judged([600, 601])).toMatchObject({ verdict: "Fail", failed: "CheckFailed" });
  expect(judged([600, 400])).toMatchObject({ verdict: "Pass" });
});

test("a burst of errors that spec.analysis.burstTolerance tolerates ends no release", () => {
  const judged = (burstTolerance: object) => {
    const observation = inRelease({}, { measurement: counted(counts(100, 60), counts(900), { scrapes: 4 }) });
    const { spec } = aRollout({ spec: { analysis: burstTolerance } });
    const { rollout } = withMeasurement({ ...observation, rollout: { ...observation.rollout, spec } });
    return judgeRelease(spec!, rollout.status.release!).verdict;
  };
  expect([judged({}), judged({ burstTolerance: "5m" })]).toEqual(["Fail", "Undecided"]);
});

/** A hundred requests a second. */
const usual = { requests: 60_000, lost: 0, length: 600_000, interval: 5_000 };

/** What is judged of a release with one measurement. */
function judgedWith(release: Partial<Release>, measurement: Measurement) {
  const { rollout } = withMeasurement(inRelease(release, { measurement }));
  if (rollout.spec === undefined || rollout.status.release === undefined) throw new Error("no release");
  return judgeRelease(rollout.spec, rollout.status.release);
}

describe("requests that found no pod", () => {
  const lost = counted(counts(20), counts(1_900), { scrapes: 4, lost: 180 });

  test("since the canary got traffic, and not before, end the release", () => {
    const judged = judgedWith({ usual }, lost);
    expect(judged).toMatchObject({ verdict: "Fail", failed: "RequestsLost" });
    expect(judged.sentence).toBe(
      "8.57 % of 2,100 requests to the Service found no pod (response flags UH, NR, NC and the like) since the canary got traffic, and 0 % in the 10m before",
    );
  });

  test("as often as before end nothing", () => {
    expect(judgedWith({ usual: { ...usual, lost: 6_000 } }, lost).verdict).toBe("Undecided");
  });

  test("say nothing where the time before is not known", () => {
    expect(judgedWith({}, lost).verdict).toBe("Undecided");
  });
});

describe("traffic that stops when the canary gets its share", () => {
  const stepStartedAt = new Date(noon - 20_000).toISOString();

  test("keeps a release from going on without evidence, and is told", () => {
    const judged = judgedWith({ usual, stepStartedAt }, counted(counts(0), counts(90), { scrapes: 4 }));
    expect(judged).toMatchObject({ isTooFew: true, nothingAgainst: false });
    expect(judged.sentence).toContain(
      "callers made 4.5 requests/s since the canary got its share, and 100 in the 10m before: it may hang",
    );
  });

  test.each([
    ["most of it came on", { usual }, counts(0), counts(1_500)],
    ["the canary ended requests", { usual }, counts(1), counts(90)],
    ["it is not known what was usual", {}, counts(0), counts(90)],
    ["there was next to nothing", { usual: { ...usual, requests: 500 } }, counts(0), counts(0)],
  ])("is nothing of the kind where %s", (_why, known, canary, stable) => {
    const judged = judgedWith({ ...known, stepStartedAt }, counted(canary, stable, { scrapes: 4 }));
    expect(judged.nothingAgainst).toBe(true);
  });

  test("shows that a canary hangs which never ended a request", () => {
    const release = aRelease({ usual });
    expect(hangsFromTheFirst(release, 900, 60_000)).toBe(
      "requests to the canary do not end: none did, and callers made 15 requests/s since the canary got its share, and 100 in the 10m before",
    );
    expect(hangsFromTheFirst(release, 5_400, 60_000)).toBeUndefined();
    expect(hangsFromTheFirst(aRelease(), 900, 60_000)).toBeUndefined();
  });
});

test("criteriaOf() takes what stable kept to for the limit only where stable alone is compared with", () => {
  const known = { ...aRelease().analysis!, boundaries: [250, 100, 500] };
  const criteria = (compareWith: string) => {
    const latency = { quantile: 0.99, max: "500ms" };
    return criteriaOf(aRollout({ spec: { analysis: { compareWith, latency } } }).spec!, known);
  };
  expect(criteria("limit")).toMatchObject({ boundaries: undefined, latency: { quantile: 0.99, max: 500 } });
  expect(criteria("stable")).toMatchObject({ boundaries: [250, 100, 500], latency: { quantile: 0.99, max: 500 } });
  expect(criteriaOf(aRollout().spec!, undefined)).not.toHaveProperty("latency");
});

import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { rolloutSpecSchema } from "../../../src/api/rollout-spec.ts";
import { stepsOf } from "../../../src/domain/steps.ts";
import { appManifest, changeOf, describeRelease, planReleases, STEPS } from "../../demo/plan.ts";

const asked = { badErrorRate: 0.1, badLatencyMs: undefined };

describe("the plan of a demo", () => {
  test("counts versions up and names a second release of a kind", () => {
    const plans = planReleases({ ...asked, order: ["good", "bad", "good", "bad"] });
    expect(plans.map(({ key, image }) => [key, image])).toEqual([
      ["good", "product:v2"],
      ["bad", "product:v3"],
      ["good2", "product:v4"],
      ["bad2", "product:v5"],
    ]);
  });

  test.each([
    ["10 % errors", { badErrorRate: 0.1, badLatencyMs: undefined }, "RolledBack", ["ErrorRateTooHigh"]],
    ["800 ms", { badErrorRate: 0, badLatencyMs: 800 }, "RolledBack", ["LatencyTooHigh"]],
    ["both", { badErrorRate: 0.1, badLatencyMs: 800 }, "RolledBack", ["ErrorRateTooHigh", "LatencyTooHigh"]],
    ["errors within the limit", { badErrorRate: 0.001, badLatencyMs: undefined }, "Promoted", []],
    ["latencies within the limit", { badErrorRate: 0, badLatencyMs: 100 }, "Promoted", []],
  ])("expects of a bad version with %s what the limits say", (_, badness, outcome, reasons) => {
    const [plan] = planReleases({ ...badness, order: ["bad"] });
    expect(plan?.expected).toEqual({ outcome, reasons });
  });

  test("changes nothing but what it says", () => {
    const [good, bad] = planReleases({ badErrorRate: 0.1, badLatencyMs: 800, order: ["good", "bad"] });
    expect(changeOf(good!)).toBe("image: product:v2");
    expect(changeOf(bad!)).toBe("image: product:v3, LATENCY_MS: 800, ERROR_RATE: 0.1");
    expect(describeRelease(good!, asked)).toBe("a good version");
    expect(describeRelease(bad!, { badErrorRate: 0.125, badLatencyMs: 800 })).toBe(
      "a bad version: 12.5 % errors, 800 ms mean latency",
    );
  });

  test("has a Rollout with the steps that the panel shows", () => {
    const [plan] = planReleases({ ...asked, order: ["good"] });
    const objects = parseAllDocuments(appManifest(plan!)).map((each) => each.toJS() as { kind: string; spec: object });
    expect(objects.map(({ kind }) => kind)).toEqual(["Service", "Deployment", "Rollout"]);
    const spec = rolloutSpecSchema.parse(objects[2]?.spec);
    expect(stepsOf(spec).map(({ weight }) => weight)).toEqual(STEPS);
  });
});

import { describe, expect, test } from "vitest";
import { conditionReasons, type ConditionReason } from "../../../src/api/reasons.ts";
import type { Counts } from "../../../src/api/rollout-status.ts";
import { nextSteps } from "../../../src/cli/next-steps.ts";
import { renderExplanation } from "../../../src/cli/render-explanation.ts";
import { paintFor } from "../../../src/cli/terminal.ts";
import { before, condition, release, rollout } from "./rollouts.ts";

const plain = paintFor(false);

describe("an explanation", () => {
  test("of a release names the reason, the evidence and what to do", () => {
    expect(renderExplanation(rollout(), plain))
      .toBe(`product is Progressing: release 4, step 2/3, 50 % of the traffic on the canary.

Why
  Progressing: A release is under way.
  About Progressing.

Evidence
  The canary failed 3 of 2000 requests.
  Verdict: Undecided
  Requests until ${before(5)}: canary 2,000 (0.15 % failed), stable 2,010 (0.0995 % failed)

What to do
  Nothing. \`serin status -w\` follows it; \`serin abort\` sends all traffic back.`);
  });

  test("of a release tells the most that its requests leave open", () => {
    const of = (canary: Counts) => {
      const step = { stable: canary, canary };
      return renderExplanation(rollout({ release: { ...release, analysis: { ...release.analysis!, step } } }), plain);
    };
    const counted = { requests: 300, errors: 2, slow: 0, slowOrClose: 0 };
    expect(of(counted)).toContain("At most (95 % sure): 2.82 % of its requests fail\n");
    expect(of({ ...counted, slow: 2 })).toContain("2.82 % of its requests fail, 2.82 % are too slow");
    expect(of({ ...counted, requests: 0, errors: 0 })).not.toContain("At most");
  });

  test("of a release with a few bad pods names them and what was tuned", () => {
    const outlierDetection = {
      found: [{ version: "canary", pod: "product-a-1", requests: 250, errors: 249 }],
      tuned: { consecutive5xxErrors: 4, baseEjectionTime: "30s", maxEjectionPercent: 25 },
      why: "product-a-1 failed most of its requests",
      since: before(9),
      written: "Seen",
      before: "{}",
    } as const;
    expect(
      renderExplanation(
        rollout({ outlierDetection: { ...outlierDetection, found: [...outlierDetection.found] } }),
        plain,
      ),
    ).toContain(`Outlier detection
  Tuned at ${before(9)} until the release ends: consecutive5xxErrors 4, baseEjectionTime 30s, maxEjectionPercent 25
  product-a-1 failed most of its requests
  product-a-1 (canary): 249 of 250 requests failed

What to do`);
  });

  test("of a rollback gives the meaning of its reason", () => {
    const decided = {
      ...release,
      decision: "Rollback",
      reason: "LatencyTooHigh",
      explanation: "2 % were slow.",
    } as const;
    const text = renderExplanation(rollout({ release: decided }), plain);
    expect(text).toContain("Decided: Rollback, LatencyTooHigh: More requests were slow than analysis.latency allows.");
    expect(text).toContain("2 % were slow.");
  });

  test("keeps a reason that it does not know", () => {
    const decided = { ...release, decision: "Rollback", reason: "TooExpensive" } as const;
    expect(renderExplanation(rollout({ release: decided }), plain)).toContain("Decided: Rollback, TooExpensive\n");
  });

  test("of a Rollout at rest after a rollback says which release was rejected, and why", () => {
    const entry = { number: 5, revision: "r", image: "product:5", startedAt: before(9), endedAt: before(1) };
    const counts = { highestWeight: 10, requests: 100, failedRequests: 20 };
    const rejected = { ...entry, ...counts, outcome: "RolledBack", reason: "CanaryCrashed" } as const;
    const conditions = [condition("Ready", "False", "RolledBack"), condition("Stalled", "True", "RolledBack")];
    const text = renderExplanation(rollout({ release: undefined, history: [rejected], conditions }), plain);
    expect(text).toContain("Release 5, product:5\n  CanaryCrashed: Canary pods crashed.");
    expect(text).toContain("try the same again with `serin retry`");
    const again = { ...rejected, number: 6, image: "product:6" };
    expect(renderExplanation(rollout({ release: undefined, history: [again, rejected] }), plain)).toContain(
      "Release 6, product:6\n  CanaryCrashed: Canary pods crashed.",
    );
    const later = { ...rejected, number: 6, outcome: "Promoted" } as const;
    expect(renderExplanation(rollout({ release: undefined, history: [rejected, later] }), plain)).not.toContain(
      "Release 5",
    );
  });

  test("of a Rollout without a status points to the operator", () => {
    const text = renderExplanation({ ...rollout(), status: { observedGeneration: -1 } }, plain);
    expect(text).toContain("has not been looked at yet");
    expect(text).toContain("See that the operator runs");
  });

  test.each(Object.keys(conditionReasons) as ConditionReason[])("for %s says what to do", (reason) => {
    const text = renderExplanation(rollout({ conditions: [condition("Ready", "Unknown", reason)] }), plain);
    expect(text).toContain(nextSteps[reason]);
    expect(nextSteps[reason]).toMatch(/^[A-Z`].*\.$/);
  });
});

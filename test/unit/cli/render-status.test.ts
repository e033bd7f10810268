import { describe, expect, test } from "vitest";
import { renderCounts, renderStatus, weightBar } from "../../../src/cli/render-status.ts";
import { paintFor } from "../../../src/cli/terminal.ts";
import { condition, now, release, rollout } from "./rollouts.ts";

const plain = paintFor(false);
const events = [{ at: now - 61_000, type: "Normal", reason: "StepPassed", note: "Step 1 passed." }];

describe("the status of a release that is under way", () => {
  test("fits on one screen and says who gets what, why, and since when", () => {
    expect(renderStatus({ rollout: rollout(), events, now }, plain)).toBe(
      `shop/product  Progressing
  Half of the traffic goes to the canary.

  Release   4, for 3m20s
  Step      2/3  ✓ 10 %  ▶ 50 %  · 100 %
  Weight    [██████████░░░░░░░░░░]  50 % canary, 50 % stable
  Analysis  The canary failed 3 of 2000 requests.
  Requests  canary 2,000 (0.15 % failed), stable 2,010 (0.0995 % failed)
  Stable    product:1  (product-a-1)
  Canary    product:2  (product-b-2)

Conditions
  Ready        Unknown  Progressing  1m30s  About Progressing.
  Reconciling  True     Progressing  1m30s  About Progressing.

Events
  1m1s  Normal  StepPassed  Step 1 passed.`,
    );
  });

  test("says what was decided", () => {
    const decided = {
      ...release,
      decision: "Rollback",
      reason: "ErrorRateTooHigh",
      explanation: "5 % failed.",
    } as const;
    const text = renderStatus({ rollout: rollout({ release: decided, weight: 0 }), events: [], now }, plain);
    expect(text).toContain("Decision  Rollback: ErrorRateTooHigh: 5 % failed.");
    expect(text).toContain("[░░░░░░░░░░░░░░░░░░░░]  0 % canary, 100 % stable");
  });
});

test("at rest there is no release to show", () => {
  const status = {
    phase: "Ready",
    release: undefined,
    canary: undefined,
    conditions: [condition("Ready", "True", "Succeeded")],
  };
  const text = renderStatus({ rollout: rollout(status), events: [], now }, plain);
  expect(text).toContain("shop/product  Ready (Succeeded)");
  expect(text).not.toMatch(/Release|Weight|Canary|Events/);
});

test("a Rollout that no operator has looked at is New", () => {
  const fresh = { ...rollout(), status: { observedGeneration: -1 } };
  expect(renderStatus({ rollout: fresh, events: [], now }, plain).split("\n")[0]).toBe("shop/product  New");
});

test("a Rollout with a spec that cannot be understood is shown without steps", () => {
  expect(renderStatus({ rollout: rollout({}, { spec: undefined }), events: [], now }, plain)).not.toContain("Step ");
});

test("a terminal gets colours, a pipe does not", () => {
  const view = { rollout: rollout({ conditions: [condition("Stalled", "True", "RolledBack")] }), events, now };
  expect(renderStatus(view, paintFor(true))).toContain("\u001b[31mProgressing\u001b[39m");
  expect(renderStatus(view, plain)).not.toContain("\u001b");
});

test.each([
  [0, 4, "[░░░░]  0 % canary, 100 % stable"],
  [50, 4, "[██░░]  50 % canary, 50 % stable"],
  [100, 4, "[████]  100 % canary, 0 % stable"],
])("a weight of %d in a bar of %d", (weight, width, bar) => {
  expect(weightBar(weight, width)).toBe(bar);
});

test("counts say how many and which share failed", () => {
  expect(renderCounts({ requests: 0, errors: 0, slow: 0, slowOrClose: 0 })).toBe("0");
  expect(renderCounts({ requests: 1_000, errors: 41, slow: 0, slowOrClose: 0 })).toBe("1,000 (4.1 % failed)");
});

test("the age of a moment that cannot be read is unknown", () => {
  const odd = [{ at: Number.NaN, type: "Normal", reason: "LetGo", note: "" }];
  expect(renderStatus({ rollout: rollout(), events: odd, now }, plain)).toContain("?  Normal  LetGo");
});

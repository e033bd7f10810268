import { expect, test } from "vitest";
import { renderPlan } from "../../../src/cli/render-plan.ts";
import { aRollout } from "../../support/observation.ts";

const { spec } = aRollout();

test("a plan tells for each step when a good version passes and when a bad one is found", () => {
  const text = renderPlan(spec!, { rate: 100, interval: 5_000 });
  const [head = "", first = ""] = text.split("\n");
  expect(head).toMatch(/^STEP +WEIGHT +CANARY +A GOOD ONE PASSES +100 % FAIL +10 % FAIL +3 % FAIL$/);
  expect(first).toMatch(/^1\/3 +10 % +10\/s +after \S+ +back in 13s +back in \S+ +back in \S+$/);
  expect(text).not.toContain("onInsufficientTraffic");
});

test("a plan without enough requests says what becomes of its steps", () => {
  const text = renderPlan(spec!, { rate: 0.1, interval: 15_000 });
  expect(text).toContain("over 30m");
  expect(text).toContain("spec.analysis.onInsufficientTraffic (widen)");
});

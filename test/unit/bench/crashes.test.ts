import { expect, test } from "vitest";
import { crashesLines, judgeCrashes } from "../../bench/crashes-result.ts";
import type { CrashCase } from "../../bench/crashes.ts";

const end = {
  number: 1,
  revision: "two",
  image: "product:v2",
  outcome: "Promoted",
  startedAt: "t",
  endedAt: "t",
  highestWeight: 100,
  requests: 1,
  failedRequests: 0,
} as const;
const good: CrashCase = {
  name: "good release, killed before every write",
  isBad: false,
  kills: 60,
  end,
  missing: [],
  doubled: [],
  serving: ["v2"],
  failed: 0,
};
const bad: CrashCase = {
  ...good,
  name: "bad",
  isBad: true,
  end: { ...end, outcome: "RolledBack", reason: "Interrupted" },
  serving: ["v1"],
  failed: 9,
};
const judged = (...cases: readonly CrashCase[]) => judgeCrashes({ cases, versions: {} }, 60);

test("the bar of the crashes is met where releases end as they would have", () => {
  const result = judged(good, bad);
  expect(result.passed).toBe(true);
  expect(crashesLines(result)[1]).toBe("bad: 60 kills, RolledBack (Interrupted), 9 requests failed");
});

test.each<[string, Partial<CrashCase>, string]>([
  ["another end", { end: { ...end, outcome: "RolledBack" } }, "ended as RolledBack"],
  ["an event that was not told", { missing: ["product.1"] }, "event product.1 was not told"],
  ["an event that was told twice", { doubled: ["Promoted"] }, "event Promoted was told more than once"],
  ["another version that serves", { serving: ["v1", "v2"] }, "v1, v2 serves in the end"],
  ["a failed request", { failed: 1 }, "1 requests failed"],
])("it is missed with %s", (_what, change, says) => {
  const result = judged({ ...good, ...change });
  expect(result.passed).toBe(false);
  expect(result.cases[0]?.wrong.join()).toContain(says);
});

test("it is missed where nobody was killed", () => {
  expect(judged({ ...good, kills: 0 }).passed).toBe(false);
});

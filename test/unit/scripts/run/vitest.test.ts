import { describe, expect, test } from "vitest";
import { tally, vitestStep, type VitestReport } from "../../../../scripts/run/vitest.ts";

const report = (more: Partial<VitestReport> = {}): VitestReport => ({
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [{ status: "passed", assertionResults: [{}] }],
  ...more,
});

describe("the tally of a run", () => {
  test("is what the report says", () => {
    expect(tally(report(), true)).toEqual({ passed: 5, failed: 0, skipped: 2 });
  });

  test("counts a file that failed before its first test", () => {
    const broken = [{ status: "failed", assertionResults: [] }];
    expect(tally(report({ testResults: broken }), false)).toMatchObject({ passed: 5, failed: 1 });
  });

  test("does not count a failed test twice for its file", () => {
    const testResults = [{ status: "failed", assertionResults: [{}] }];
    expect(tally(report({ numFailedTests: 2, testResults }), false)).toMatchObject({ failed: 2 });
  });

  test("never calls a run good that ended badly", () => {
    expect(tally(report(), false)).toMatchObject({ failed: 1 });
  });

  test("never calls a run good that ran nothing", () => {
    expect(tally(report({ numPassedTests: 0, testResults: [] }), true)).toMatchObject({ failed: 1 });
  });
});

test("the projects and filters reach vitest", () => {
  const { name, command } = vitestStep(["unit", "cluster"], ["src/api"], "report.json");
  expect(name).toBe("unit+cluster");
  expect(command).toEqual(expect.arrayContaining(["--project=unit", "--project=cluster", "src/api"]));
  expect(command).toContain("--outputFile.json=report.json");
});

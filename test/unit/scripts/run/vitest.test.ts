import { describe, expect, test } from "vitest";
import { tally, vitestStep, type FileReport, type VitestReport } from "../../../../scripts/run/vitest.ts";

const passes = { fullName: "a sum adds up", status: "passed", failureMessages: [] };
const fails = { fullName: "a sum is exact", status: "failed", failureMessages: ["Error: 3 is not 4\n  at sum.ts"] };

const file = (status: string, ...assertionResults: FileReport["assertionResults"]): FileReport => ({
  name: "test/sum.test.ts",
  status,
  message: "Error: no such module",
  startTime: 1_000,
  endTime: 91_000,
  assertionResults,
});

const report = (more: Partial<VitestReport> = {}): VitestReport => ({
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [file("passed", passes)],
  ...more,
});

describe("the tally of a run", () => {
  test("is what the report says", () => {
    const slowest = ["1.5 min test/sum.test.ts"];
    expect(tally(report(), true)).toEqual({ passed: 5, failed: 0, skipped: 2, failures: [], slowest });
  });

  test("counts a file that failed before its first test", () => {
    const failures = ["test/sum.test.ts: Error: no such module"];
    expect(tally(report({ testResults: [file("failed")] }), false)).toMatchObject({ passed: 5, failed: 1, failures });
  });

  test("does not count a failed test twice for its file", () => {
    const testResults = [file("failed", passes, fails)];
    expect(tally(report({ numFailedTests: 1, testResults }), false)).toMatchObject({ failed: 1 });
  });

  test("names what failed, with the first line of what it said", () => {
    const testResults = [file("failed", passes, fails)];
    expect(tally(report({ numFailedTests: 1, testResults }), false).failures).toEqual([
      "a sum is exact: Error: 3 is not 4",
    ]);
  });

  test("names the files that took longest, in their order", () => {
    const lasting = (name: string, endTime: number) => ({ ...file("passed", passes), name, endTime });
    const quick = Array.from({ length: 12 }, (_, index) => lasting(`test/${index}.test.ts`, 1_000 + index));
    const { slowest } = tally(report({ testResults: [...quick, lasting("test/slow.test.ts", 601_000)] }), true);
    expect(slowest.slice(0, 2)).toEqual(["10.0 min test/slow.test.ts", "0.0 min test/11.test.ts"]);
    expect(slowest).toHaveLength(12);
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

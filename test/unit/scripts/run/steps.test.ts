import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runStep, runSteps } from "../../../../scripts/run/steps.ts";

const step = (name: string, code: string) => ({ name, command: ["--eval", code] });
const never = new AbortController().signal;

describe("a step", () => {
  test("that ends well has passed", async () => {
    expect(await runStep(step("good", "console.log('fine')"), { signal: never })).toEqual({
      name: "good",
      passed: true,
      output: "fine\n",
    });
  });

  test("that ends badly has failed, with all that it said", async () => {
    const code = "console.log('out'); console.error('err'); process.exitCode = 3";
    const { passed, output } = await runStep(step("bad", code), { signal: never });
    expect(passed).toBe(false);
    expect(output).toContain("out\n");
    expect(output).toContain("err\n");
  });

  test("is ended when its task is", async () => {
    const task = new AbortController();
    const running = runStep(step("endless", "setInterval(() => {}, 1000)"), { signal: task.signal });
    task.abort();
    await expect(running).rejects.toThrow("aborted");
  });
});

describe("steps together", () => {
  const lines: string[] = [];
  beforeEach(() => {
    lines.length = 0;
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  });
  afterEach(() => vi.restoreAllMocks());

  test("print a line each, and the output of those that fail only", async () => {
    const steps = [
      step("one", "console.log('quiet')"),
      { ...step("two", "console.log('loud'); process.exitCode = 1"), remedy: "mend it" },
    ];
    const results = await runSteps(steps, never);
    expect(results.map(({ passed }) => passed).sort()).toEqual([false, true]);
    const text = lines.join("\n");
    expect(text).toMatch(/^ok {5}one +\d+\.\d s$/m);
    expect(text).toMatch(/^FAILED two +\d+\.\d s\n {4}loud\n {4}→ mend it$/m);
    expect(text).not.toContain("quiet");
  });
});

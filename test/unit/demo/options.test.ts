import { describe, expect, test } from "vitest";
import { readDemoOptions, WrongOption, type DemoOptions } from "../../demo/options.ts";

function read(...args: string[]): DemoOptions {
  const options = readDemoOptions(args);
  if (options === "help") throw new Error("asked for help");
  return options;
}

describe("the demo's options", () => {
  test("are the good and the bad release at 200 requests per second when nothing is given", () => {
    expect(read()).toEqual({
      json: false,
      badErrorRate: 0.1,
      badLatencyMs: undefined,
      order: ["good", "bad"],
      rate: 200,
      picture: undefined,
      keepLogs: undefined,
    });
  });

  test.each([
    ["0.1", 0.1],
    ["10%", 0.1],
    ["10 %", 0.1],
    ["0.5%", 0.005],
    ["1", 1],
    ["0", 0],
    [".2", 0.2],
  ])("take %s for an error rate", (text, share) => {
    expect(read("--bad-error-rate", text).badErrorRate).toBeCloseTo(share, 10);
  });

  test.each([
    ["800", 800],
    ["800ms", 800],
    ["1.5s", 1500],
  ])("take %s for a latency", (text, milliseconds) => {
    expect(read("--bad-latency", text).badLatencyMs).toBe(milliseconds);
  });

  test("make the bad version only slow when only a latency is given", () => {
    expect(read("--bad-latency", "800ms").badErrorRate).toBe(0);
    expect(read("--bad-latency", "800ms", "--bad-error-rate", "5%").badErrorRate).toBe(0.05);
  });

  test("take releases in any order and number", () => {
    expect(read("--order", "bad, good,good").order).toEqual(["bad", "good", "good"]);
  });

  test("give help before anything else", () => {
    expect(readDemoOptions(["--help", "--rate", "many"])).toBe("help");
  });

  test.each([
    [["--bad-error-rate", "10"], "write a share from 0 to 1"],
    [["--bad-error-rate", "often"], "write a share from 0 to 1"],
    [["--bad-error-rate", "101%"], "write a share from 0 to 1"],
    [["--bad-latency", "slow"], "write milliseconds or a duration"],
    [["--bad-latency", "1m"], "write milliseconds or a duration"],
    [["--bad-latency", "9s"], "up to 5s"],
    [["--order", "good,ugly"], "write good and bad"],
    [["--order", ""], "write good and bad"],
    [["--rate", "0"], "write whole requests per second"],
    [["--rate", "1e3"], "write whole requests per second"],
    [["--picture", ""], "--picture needs a path"],
    [["--speed", "9"], "--speed"],
    [["now"], "now"],
  ])("refuse %j in one sentence", (args, words) => {
    let message = "";
    try {
      readDemoOptions(args);
    } catch (error) {
      expect(error).toBeInstanceOf(WrongOption);
      message = (error as Error).message;
    }
    expect(message).toContain(words);
    expect(message).not.toMatch(/\n|\. [A-Z]/);
  });
});

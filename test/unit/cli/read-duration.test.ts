import { expect, test } from "vitest";
import { readDuration } from "../../../src/cli/read-duration.ts";

test("readDuration() takes what a Rollout takes, and says of anything else how to write it", () => {
  expect(readDuration("1m30s")).toBe(90_000);
  expect(() => readDuration("soon")).toThrow("soon is no duration: write one such as 30s, 10m or 1m30s");
});

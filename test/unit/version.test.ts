import { expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { readText } from "../architecture/repository.ts";

test("the version is that of the package", () => {
  expect(version).toBe((JSON.parse(readText("package.json")) as { version: string }).version);
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

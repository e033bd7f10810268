import { join } from "node:path";
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import { describe, expect, test } from "vitest";
import { root } from "./repository.ts";

// Files that are only imagined have no types, so the rules that need some are off.
const eslint = new ESLint({ cwd: root, overrideConfig: tseslint.configs.disableTypeChecked as never });

async function rulesAgainst(code: string, folder: string): Promise<readonly string[]> {
  const results = await eslint.lintText(`${code}\n`, { filePath: join(root, folder, "planted.ts") });
  return results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => ruleId ?? message));
}

const impure: readonly [what: string, code: string, rule: string][] = [
  ["the process", "export const home = process.env;", "no-restricted-globals"],
  ["the console", 'export const say = () => console.log("x");', "no-restricted-globals"],
  ["the network", 'export const get = () => fetch("http://x");', "no-restricted-globals"],
  ["a timer", "export const later = (f: () => void) => setTimeout(f, 1);", "no-restricted-globals"],
  ["an interval", "export const often = (f: () => void) => setInterval(f, 1);", "no-restricted-globals"],
  ["the next turn", "export const soon = (f: () => void) => setImmediate(f);", "no-restricted-globals"],
  ["a monotonic clock", "export const tick = () => performance.now();", "no-restricted-globals"],
  ["random bytes", "export const id = () => crypto.randomUUID();", "no-restricted-globals"],
  ["a way around", "export const now = () => globalThis.Date.now();", "no-restricted-globals"],
  ["randomness", "export const luck = () => Math.random();", "no-restricted-properties"],
  ["the clock", "export const now = () => Date.now();", "no-restricted-properties"],
  ["today", "export const today = () => new Date();", "no-restricted-syntax"],
  ["today as text", "export const today = () => Date();", "no-restricted-syntax"],
  ["waiting", "export const wait = async () => undefined;", "no-restricted-syntax"],
  ["waiting in a method", "export const o = { async wait() {} };", "no-restricted-syntax"],
  ["waiting at the top", 'export const x = await import("./y.ts");', "no-restricted-syntax"],
];

describe.each(["src/api", "src/domain", "src/domain/rules"])("%s", (folder) => {
  test.each(impure)("may not use %s", async (_, code, rule) => {
    expect(await rulesAgainst(code, folder)).toContain(rule);
  });

  test("may compute", async () => {
    const code = "export const later = (at: number) => new Date(at).toISOString();";
    expect(await rulesAgainst(code, folder)).toEqual([]);
  });
});

test("src/runtime may use what it is there for", async () => {
  expect(await rulesAgainst("export const now = () => performance.now();", "src/runtime")).toEqual([]);
});

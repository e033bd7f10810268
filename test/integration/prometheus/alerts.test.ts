import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { provideParts } from "../../cluster/parts/provide.ts";

const path = (below: string) => fileURLToPath(new URL(`../../../${below}`, import.meta.url));
let promtool: string;

beforeAll(async () => {
  promtool = (await provideParts(["promtool"])).promtool.path;
});

/** What promtool printed; rejects with it when the rules are wrong. */
async function run(...args: string[]): Promise<string> {
  return (await promisify(execFile)(promtool, args)).stdout;
}

test.each(["serin", "mesh"])("the rules of %s.yaml are what Prometheus takes", async (name) => {
  const printed = await run("check", "rules", "--lint=all", "--lint-fatal", path(`charts/serin/alerts/${name}.yaml`));
  expect(printed).toMatch(/SUCCESS: \d+ rules found/);
});

test.each(["serin", "mesh"])("the alerts of %s.yaml fire when they should, and only then", async (name) => {
  const printed = await run("test", "rules", path(`test/integration/prometheus/alerts/${name}.test.yaml`));
  expect(printed).toContain("SUCCESS");
});

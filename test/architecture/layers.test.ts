import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "./repository.ts";

interface Configuration {
  readonly forbidden: readonly { readonly name: string }[];
}

const { forbidden } = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as Configuration;

/** One import that breaks each rule: the file that has it, and what it imports. */
const planted: Readonly<Record<string, readonly [file: string, imports: string]>> = {
  "api-imports-only-what-it-may": ["src/api/bad.ts", "../domain/leaf.ts"],
  "domain-imports-only-what-it-may": ["src/domain/bad.ts", "../ports/leaf.ts"],
  "ports-imports-only-what-it-may": ["src/ports/bad.ts", "../runtime/leaf.ts"],
  "runtime-imports-only-what-it-may": ["src/runtime/bad.ts", "../api/leaf.ts"],
  "adapters-imports-only-what-it-may": ["src/adapters/istio/bad.ts", "../../controller/leaf.ts"],
  "controller-imports-only-what-it-may": ["src/controller/bad.ts", "../adapters/istio/leaf.ts"],
  "cli-imports-only-what-it-may": ["src/cli/bad.ts", "../controller/leaf.ts"],
  "adapters-are-strangers": ["src/adapters/istio/stranger.ts", "../prometheus/leaf.ts"],
  "pure-layers-need-no-platform": ["src/api/platform.ts", "node:fs"],
  "domain-needs-no-package": ["src/domain/package.ts", "zod"],
  "@kubernetes-client-node-has-one-door": ["src/runtime/client.ts", "@kubernetes/client-node"],
  "@dot-i-k8s-operator-has-one-door": ["src/adapters/kubernetes/other.ts", "@dot-i/k8s-operator"],
  "axios-has-one-door": ["src/adapters/istio/web.ts", "axios"],
  "zod-has-one-door": ["src/runtime/parse.ts", "zod"],
  "pino-has-one-door": ["src/controller/log.ts", "pino"],
  "prom-client-has-one-door": ["src/controller/count.ts", "prom-client"],
  "node-forge-has-one-door": ["src/runtime/forge.ts", "node-forge"],
  "commander-has-one-door": ["src/runtime/arguments.ts", "commander"],
  "src-knows-no-local-cluster": ["src/controller/cluster.ts", "../../test/cluster/leaf.ts"],
  "no-cycles": ["src/domain/one.ts", "./two.ts"],
  "no-orphans": ["src/domain/alone.ts", ""],
};

const leaves = [
  "src/api/leaf.ts",
  "src/domain/leaf.ts",
  "src/ports/leaf.ts",
  "src/runtime/leaf.ts",
  "src/controller/leaf.ts",
  "src/adapters/istio/leaf.ts",
  "src/adapters/prometheus/leaf.ts",
  "test/cluster/leaf.ts",
];

/** Imports that the rules allow; none of them may be reported. */
const allowed: readonly (readonly [file: string, imports: string])[] = [
  ["src/domain/good.ts", "../api/leaf.ts"],
  ["src/ports/good.ts", "../domain/leaf.ts"],
  ["src/adapters/istio/good.ts", "../../ports/leaf.ts"],
  ["src/controller/good.ts", "../runtime/leaf.ts"],
  ["src/cli/good.ts", "../adapters/istio/leaf.ts"],
  ["src/api/schema.ts", "zod"],
  ["src/adapters/prometheus/web.ts", "axios"],
  ["src/adapters/kubernetes/rollout-source.ts", "@dot-i/k8s-operator"],
  ["src/main.ts", "./controller/leaf.ts"],
];

let tree: string;
let violations: readonly { readonly rule: string; readonly from: string }[];

beforeAll(async () => {
  tree = mkdtempSync(join(tmpdir(), "serin-layers-"));
  for (const file of [".dependency-cruiser.cjs", "tsconfig.json", "package.json"])
    cpSync(join(root, file), join(tree, file));
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  for (const file of leaves) plant(file, "export const leaf = 1;\n");
  plant("src/domain/two.ts", 'import "./one.ts";\n');
  for (const [file, imports] of [...Object.values(planted), ...allowed]) {
    plant(file, imports === "" ? "export const alone = 1;\n" : `import ${JSON.stringify(imports)};\n`);
  }
  violations = await cruise();
}, 60_000);

afterAll(() => {
  rmSync(tree, { recursive: true, force: true });
});

function plant(file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), text);
}

async function cruise(): Promise<typeof violations> {
  const script = join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
  const arguments_ = [script, "src", "--config", ".dependency-cruiser.cjs", "--output-type", "json"];
  const { promise, resolve } = Promise.withResolvers<string>();
  // It ends with the number of violations, which is not a failure here.
  execFile(process.execPath, arguments_, { cwd: tree, maxBuffer: 64 * 1024 * 1024 }, (_, stdout) => resolve(stdout));
  const { summary } = JSON.parse(await promise) as {
    summary: { violations: readonly { rule: { name: string }; from: string }[] };
  };
  return summary.violations.map(({ rule, from }) => ({ rule: rule.name, from }));
}

describe("the import rules", () => {
  test("are all tried here", () => {
    expect(Object.keys(planted).sort()).toEqual(forbidden.map(({ name }) => name).sort());
  });

  test.each(Object.entries(planted))("%s is reported for %s", (rule, [file]) => {
    expect(violations).toContainEqual({ rule, from: file });
  });

  test("let through what they allow", () => {
    const files = new Set([...allowed.map(([file]) => file), ...leaves]);
    // Nothing imports these files here, which is what no-orphans is about, not what they import.
    expect(violations.filter(({ rule, from }) => files.has(from) && rule !== "no-orphans")).toEqual([]);
  });
});

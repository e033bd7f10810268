import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { argocdActions, argocdFolder, luaText } from "../../../scripts/generate/argocd.ts";
import { parseInstant } from "../../../src/api/instant.ts";
import { requestAnnotations } from "../../../src/api/names.ts";
import { readText, repositoryFiles } from "../../architecture/repository.ts";
import { situations, type RolloutObject } from "../../support/situations.ts";
import { askGitops } from "./gitops-check.ts";
import { mappingTable, rowOf } from "./mapping.ts";

interface Health {
  readonly status: string;
  readonly message: string;
}

interface HealthTests {
  readonly tests: readonly { readonly healthStatus: Health; readonly inputPath: string }[];
}

interface ActionTests {
  readonly discoveryTests: readonly {
    readonly inputPath: string;
    readonly result: readonly { readonly name: string; readonly disabled: boolean }[];
  }[];
  readonly actionTests: readonly {
    readonly action: string;
    readonly inputPath: string;
    readonly expectedOutputPath: string;
  }[];
}

const read = (path: string) => parse(readText(join(argocdFolder, path))) as unknown;
const manifest = (path: string) => read(path) as RolloutObject;

/** What a script returns for each object. */
async function run<Returned>(script: string, objects: readonly object[]): Promise<readonly Returned[]> {
  const questions = objects.map((obj) => ({ script: luaText(script), obj }));
  const answers = await askGitops<{ readonly returned?: Returned; readonly error?: string }>("lua", questions);
  return answers.map(({ returned, error }) => {
    if (returned === undefined) throw new Error(`${script}: ${error}`);
    return returned;
  });
}

describe("the health check", () => {
  const { tests } = read("health_test.yaml") as HealthTests;

  test("says of each manifest what the test for Argo CD's repository expects", async () => {
    const said = await run<Health>(
      "health.lua",
      tests.map(({ inputPath }) => manifest(inputPath)),
    );
    expect(tests.map(({ inputPath }, index) => [inputPath, said[index]])).toEqual(
      tests.map(({ inputPath, healthStatus }) => [inputPath, healthStatus]),
    );
  });

  test("says what docs/gitops.md says, in every situation into which the rules bring a Rollout", async () => {
    const all = await situations();
    const said = await run<Health>(
      "health.lua",
      all.map(({ object }) => object),
    );
    const table = mappingTable();
    expect(all.map(({ name }, index) => [name, said[index]?.status])).toEqual(
      all.map(({ name, object }) => [name, rowOf(table, object).argocd]),
    );
    for (const [index, { object }] of all.entries()) expect(said[index]?.message).toContain(object.status.message);
  });

  test("waits for the operator where there is no status at all", async () => {
    const { status, ...nothing } = manifest("testdata/healthy.yaml");
    const undone = { ...nothing, status: { observedGeneration: status.observedGeneration } };
    for (const { status: health } of await run<Health>("health.lua", [nothing, undone]))
      expect(health).toBe("Progressing");
  });
});

describe("the actions", () => {
  const { discoveryTests, actionTests } = read("actions/action_test.yaml") as ActionTests;
  const input = (path: string) => manifest(join("actions", path));

  test("can be chosen only where they can do something", async () => {
    const found = await run<Record<string, { readonly disabled: boolean }>>(
      "actions/discovery.lua",
      discoveryTests.map(({ inputPath }) => input(inputPath)),
    );
    const byName = (left: { name: string }, right: { name: string }) => left.name.localeCompare(right.name);
    for (const [index, { inputPath, result }] of discoveryTests.entries()) {
      const offered = Object.entries(found[index] ?? {}).map(([name, { disabled }]) => ({ name, disabled }));
      expect([inputPath, offered.sort(byName)]).toEqual([inputPath, [...result].sort(byName)]);
    }
  });

  test.each(actionTests)("$action of $inputPath changes the request and nothing else", async (tried) => {
    const { action, inputPath, expectedOutputPath } = tried;
    const before = Date.now();
    const [changed] = await run<RolloutObject>(`actions/${action}/action.lua`, [input(inputPath)]);
    const expected = input(expectedOutputPath);
    expect(withFixedTime(changed, action)).toEqual(withFixedTime(expected, action));
    if (action === "resume") return;
    const asked = parseInstant(requestOf(changed, action) ?? "");
    // Lua's clock has whole seconds.
    expect(asked).toBeGreaterThan(before - 1_000);
    expect(asked).toBeLessThanOrEqual(Date.now());
  });

  test("are all tried", () => {
    expect(new Set(actionTests.map(({ action }) => action))).toEqual(new Set(argocdActions));
  });
});

const annotationOf = (action: string) =>
  Object.entries(requestAnnotations).find(([request]) => request === action)?.[1] ?? "";

function requestOf(object: RolloutObject | undefined, action: string): string | undefined {
  return object?.metadata.annotations?.[annotationOf(action)];
}

/** The time of asking is another one each time. */
function withFixedTime(object: RolloutObject | undefined, action: string): unknown {
  if (object === undefined || requestOf(object, action) === undefined) return object;
  const annotations = { ...object.metadata.annotations, [annotationOf(action)]: "then" };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

test("every manifest that is there is used, and the patch for argocd-cm has the same scripts", () => {
  const there = repositoryFiles().filter((path) => path.startsWith(argocdFolder) && path.includes("/testdata/"));
  const texts = [
    readText(join(argocdFolder, "health_test.yaml")),
    readText(join(argocdFolder, "actions/action_test.yaml")),
  ];
  expect(there.filter((path) => !texts.some((text) => text.includes(`testdata/${path.split("/").at(-1)}`)))).toEqual(
    [],
  );
  const { data } = parse(readText("docs/gitops/argocd/argocd-cm.yaml")) as { data: Record<string, string> };
  expect(data["resource.customizations.health.serin.dev_Rollout"]).toBe(luaText("health.lua"));
  expect(parse(data["resource.customizations.actions.serin.dev_Rollout"] ?? "")).toEqual({
    "discovery.lua": luaText("actions/discovery.lua"),
    definitions: argocdActions.map((name) => ({ name, "action.lua": luaText(`actions/${name}/action.lua`) })),
  });
});

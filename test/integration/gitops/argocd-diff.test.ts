import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { readText } from "../../architecture/repository.ts";
import { askGitops } from "./gitops-check.ts";
import { destinationRule, openMesh, virtualService, type InGit, type Mesh, type MeshBench } from "./mesh-bench.ts";

const first = [virtualService("5s"), destinationRule];

interface Application {
  readonly spec: {
    readonly ignoreDifferences: readonly { readonly kind: string; readonly jqPathExpressions: readonly string[] }[];
  };
}

/** What docs/gitops.md says for ignoreDifferences. */
const [recipe = ""] = /^spec:\n {2}ignoreDifferences:[^`]*/m.exec(readText("docs/gitops.md")) ?? [];
const { ignoreDifferences } = (parse(recipe) as Application).spec;

let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
});

afterAll(() => mesh.stop());

/** Whether Argo CD takes each object for one that differs from git. */
async function outOfSync(bench: MeshBench, objects: readonly InGit[], isIgnoring: boolean): Promise<boolean[]> {
  const questions = objects.map(async (object) => {
    const rules = isIgnoring ? ignoreDifferences.filter(({ kind }) => kind === object.kind) : [];
    const git = { ...object, metadata: { ...object.metadata, namespace: bench.namespace } };
    return {
      git,
      live: await bench.stored(object),
      jqPathExpressions: rules.flatMap(({ jqPathExpressions }) => jqPathExpressions),
    };
  });
  const asked = await Promise.all(questions);
  const answers = await askGitops<{ readonly outOfSync?: boolean; readonly error?: string }>("diff-argocd", asked);
  return answers.map(({ outOfSync: differs, error }) => {
    if (differs === undefined) throw new Error(error);
    return differs;
  });
}

test("Argo CD with ignoreDifferences has nothing to heal in a release, and still sees what else differs", async () => {
  const bench = await mesh.open("gitops-argocd-diff");
  await bench.apply(first);
  expect(await outOfSync(bench, first, false)).toEqual([false, false]);
  const release = await bench.beginRelease();
  await release.shift(10);
  expect(await outOfSync(bench, first, false)).toEqual([true, true]);
  expect(await outOfSync(bench, first, true)).toEqual([false, false]);
  expect(await outOfSync(bench, [virtualService("7s"), destinationRule], true)).toEqual([true, false]);
  await release.end();
  expect(await outOfSync(bench, first, false)).toEqual([false, false]);
});

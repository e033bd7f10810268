import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { readText } from "../../architecture/repository.ts";
import { askGitops } from "./gitops-check.ts";
import { destinationRule, inGit, openMesh, route, virtualService } from "./mesh-bench.ts";
import type { InGit, Mesh, MeshBench } from "./mesh-bench.ts";

const first = [virtualService("5s"), destinationRule];

interface Application {
  readonly spec: {
    readonly ignoreDifferences: readonly { readonly kind: string; readonly jqPathExpressions: readonly string[] }[];
    readonly syncPolicy: { readonly syncOptions: readonly string[] };
  };
}

/** What docs/gitops.md says for an Application. */
const [recipe = ""] = /^spec:\n {2}ignoreDifferences:[^`]*/m.exec(readText("docs/gitops.md")) ?? [];
const { ignoreDifferences, syncPolicy } = (parse(recipe) as Application).spec;

let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
});

afterAll(() => mesh.stop());

/** Each object as it is in git and in the cluster, with what is ignored of it. */
function questionsAbout(bench: MeshBench, objects: readonly InGit[], isIgnoring = true): Promise<readonly object[]> {
  const questions = objects.map(async (object) => {
    const rules = isIgnoring ? ignoreDifferences.filter(({ kind }) => kind === object.kind) : [];
    const git = { ...object, metadata: { ...object.metadata, namespace: bench.namespace } };
    const jqPathExpressions = rules.flatMap(({ jqPathExpressions: paths }) => paths);
    return { git, live: await bench.stored(object), jqPathExpressions };
  });
  return Promise.all(questions);
}

/** Whether Argo CD takes each object for one that differs from git. */
async function outOfSync(bench: MeshBench, objects: readonly InGit[], isIgnoring = true): Promise<boolean[]> {
  const asked = await questionsAbout(bench, objects, isIgnoring);
  const answers = await askGitops<{ readonly outOfSync?: boolean; readonly error?: string }>("diff-argocd", asked);
  return answers.map(({ outOfSync: differs, error }) => {
    if (differs === undefined) throw new Error(error);
    return differs;
  });
}

/** A sync with the recipe's options: kubectl applies what Argo CD makes of git's objects. */
async function sync(bench: MeshBench, objects: readonly InGit[]): Promise<void> {
  expect(syncPolicy.syncOptions).toEqual(["RespectIgnoreDifferences=true"]);
  const asked = await questionsAbout(bench, objects);
  const answers = await askGitops<{ readonly target?: InGit; readonly error?: string }>("target-argocd", asked);
  const targets = answers.map(({ target, error }) => {
    if (target === undefined) throw new Error(error);
    return target;
  });
  await bench.apply(targets);
}

test("Argo CD with ignoreDifferences has nothing to heal in a release, and still sees what else differs", async () => {
  const bench = await mesh.open("gitops-argocd-diff");
  await bench.apply(first);
  expect(await outOfSync(bench, first, false)).toEqual([false, false]);
  const release = await bench.beginRelease();
  await release.shift(10);
  expect(await outOfSync(bench, first, false)).toEqual([true, true]);
  expect(await outOfSync(bench, first)).toEqual([false, false]);
  expect(await outOfSync(bench, [virtualService("7s"), destinationRule])).toEqual([true, false]);
  await release.end();
  expect(await outOfSync(bench, first, false)).toEqual([false, false]);
});

const connections = { connectionPool: { tcp: { maxConnections: 7 } } };
const secondRule: InGit = { ...destinationRule, spec: { ...destinationRule.spec, trafficPolicy: connections } };

test("a sync with RespectIgnoreDifferences leaves a release alone, and of a list of routes brings nothing at all", async () => {
  const bench = await mesh.open("gitops-argocd-sync");
  await bench.apply(first);
  const release = await bench.beginRelease();
  await release.shift(10);
  const second = [virtualService("7s"), secondRule];
  await sync(bench, second);
  expect(release.weight()).toBe(10);
  expect((await bench.stored(secondRule)).spec).toMatchObject({ trafficPolicy: connections });
  // What docs/gitops.md warns of: Argo CD sees this difference, and its syncs write the old list.
  expect((await bench.stored(second[0]!)).spec).toMatchObject({ http: [{ timeout: "5s" }] });
  expect(await outOfSync(bench, second)).toEqual([true, false]);
  await release.shift(50);
  await release.end();
  await sync(bench, second);
  expect(await outOfSync(bench, second)).toEqual([true, false]);
  // Without the option it arrives, and git's objects are what is there.
  await bench.apply(second);
  for (const object of second) expect((await bench.stored(object)).spec).toEqual(object.spec);
  expect(await outOfSync(bench, second, false)).toEqual([false, false]);
});

test("with a delegate, whatever changes in the VirtualService that has hosts and matches arrives in mid-release", async () => {
  const bench = await mesh.open("gitops-argocd-delegate");
  const front = (timeout: string, prefix: string) =>
    inGit("VirtualService", "shop", {
      hosts: ["shop.example.org"],
      gateways: ["istio-system/public"],
      http: [{ match: [{ uri: { prefix } }], timeout, delegate: { name: "product", namespace: bench.namespace } }],
    });
  const delegate = inGit("VirtualService", "product", { http: [{ name: "primary", route }] });
  await bench.apply([front("5s", "/product"), delegate, destinationRule]);
  const release = await bench.beginRelease();
  await release.shift(10);
  const second = [front("7s", "/goods"), delegate, secondRule];
  expect(await outOfSync(bench, second)).toEqual([true, false, true]);
  await sync(bench, second);
  expect(await outOfSync(bench, second)).toEqual([false, false, false]);
  expect((await bench.stored(second[0]!)).spec).toEqual(second[0]!.spec);
  expect(release.weight()).toBe(10);
  await release.end();
  expect(await outOfSync(bench, second, false)).toEqual([false, false, false]);
  for (const object of second) expect((await bench.stored(object)).spec).toEqual(object.spec);
});

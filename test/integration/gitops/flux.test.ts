import { afterAll, beforeAll, expect, test } from "vitest";
import { readText } from "../../architecture/repository.ts";
import { destinationRule, inGit, openMesh, route, virtualService, type Mesh } from "./mesh-bench.ts";

const first = [virtualService("5s"), destinationRule];

/** What docs/gitops.md says for spec.ignore. */
const ignored = [...readText("docs/gitops.md").matchAll(/paths: \["([^"]+)"\]/g)].map(([, pointer = ""]) => pointer);

let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
});

afterAll(() => mesh.stop());

test("Flux with spec.ignore leaves a release alone, brings what else changes in git, and finds git's objects at the end", async () => {
  const bench = await mesh.open("gitops-flux-ignore");
  expect(ignored).toEqual(["/spec/http/0/route", "/spec/subsets"]);
  expect(await bench.applyWithFlux(first, ignored)).toEqual(["created", "created"]);
  const release = await bench.beginRelease();
  await release.shift(10);
  const before = await bench.stored(first[0]!);
  expect(await bench.applyWithFlux(first, ignored)).toEqual(["unchanged", "unchanged"]);
  expect(await bench.stored(first[0]!)).toEqual(before);

  const second = [virtualService("7s"), destinationRule];
  expect(await bench.applyWithFlux(second, ignored)).toEqual(["configured", "unchanged"]);
  expect((await bench.stored(first[0]!)).spec).toMatchObject({ http: [{ timeout: "7s" }] });
  expect(release.weight()).toBe(10);
  // Flux owns the whole list now, which must not keep the operator from writing in it.
  await release.shift(50);
  expect(await bench.applyWithFlux(second, ignored)).toEqual(["unchanged", "unchanged"]);
  expect(release.weight()).toBe(50);

  await release.end();
  for (const object of second) expect((await bench.stored(object)).spec).toEqual(object.spec);
  expect(await bench.applyWithFlux(second, ignored)).toEqual(["unchanged", "unchanged"]);
  // Nor is anything hidden from a Kustomization that ignores nothing.
  expect(await bench.applyWithFlux(second)).toEqual(["unchanged", "unchanged"]);
});

test("Flux without spec.ignore takes the split away", async () => {
  const bench = await mesh.open("gitops-flux-force");
  await bench.applyWithFlux(first);
  const release = await bench.beginRelease();
  await release.shift(10);
  expect(release.weight()).toBe(10);
  expect(await bench.applyWithFlux(first)).toEqual(["configured", "configured"]);
  expect(release.weight()).toBeUndefined();
});

test("with a delegate, the VirtualService that has hosts and matches stays Flux's alone", async () => {
  const bench = await mesh.open("gitops-flux-delegate");
  const front = inGit("VirtualService", "shop", {
    hosts: ["shop.example.org"],
    gateways: ["istio-system/public"],
    http: [{ match: [{ uri: { prefix: "/product" } }], delegate: { name: "product", namespace: bench.namespace } }],
  });
  const delegate = inGit("VirtualService", "product", { http: [{ name: "primary", route }] });
  const all = [front, delegate, destinationRule];
  const apply = async () => {
    const [own] = await bench.applyWithFlux([front]);
    return [own, ...(await bench.applyWithFlux([delegate, destinationRule], ignored))];
  };
  expect(await apply()).toEqual(["created", "created", "created"]);
  const release = await bench.beginRelease();
  await release.shift(10);
  expect(await apply()).toEqual(["unchanged", "unchanged", "unchanged"]);
  expect(release.weight()).toBe(10);
  await release.end();
  for (const object of all) expect((await bench.stored(object)).spec).toEqual(object.spec);
});

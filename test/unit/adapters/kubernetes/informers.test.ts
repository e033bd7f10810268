import { describe, expect, it } from "vitest";
import { toReconcileError } from "../../../../src/adapters/kubernetes/errors.ts";
import { createInformers, type WatchProblem } from "../../../../src/adapters/kubernetes/informers.ts";
import { createScriptedTransport } from "../../../support/scripted-transport.ts";
import { createVirtualTimers } from "../../../support/virtual-timers.ts";

const deployments = { group: "apps", version: "v1", plural: "deployments" };
const routes = { group: "gateway.networking.k8s.io", version: "v1", plural: "httproutes" };
const notServed = toReconcileError({
  kind: "answer",
  request: "GET /x",
  code: 404,
  body: "404 page not found",
  retryAfter: undefined,
  jsonPatch: false,
});

function start() {
  const served = new Set(["deployments"]);
  const timers = createVirtualTimers();
  const transport = createScriptedTransport(({ path }) => {
    if (!served.has(path.split("/").at(-1)!)) return notServed;
    const namespace = /namespaces\/([^/]+)/.exec(path)?.[1] ?? "any";
    const items = [{ metadata: { name: `in-${namespace}`, namespace, uid: namespace, resourceVersion: "1" } }];
    return { kind: "List", apiVersion: "v1", metadata: { resourceVersion: "1" }, items };
  });
  const problems: WatchProblem[] = [];
  const informers = createInformers({
    transport,
    timers,
    random: () => 0,
    onProblem: (problem) => problems.push(problem),
  });
  return { informers, timers, transport, served, problems, stop: new AbortController() };
}

describe("createInformers()", () => {
  it("keeps the objects of the given namespaces, and tells about them", async () => {
    const { informers, timers, stop, transport } = start();
    const told: string[] = [];
    const watched = { resource: deployments, optional: false, namespaces: ["a", "b", "a"] };
    informers.watch(watched, ({ object }) => told.push(object.metadata.name), stop.signal);
    expect([informers.missing(), informers.ages().get("deployments.apps")]).toEqual([["deployments.apps"], Infinity]);
    await timers.advance(10);
    const cache = informers.find(deployments)!;
    expect([informers.missing(), told]).toEqual([[], ["in-a", "in-b"]]);
    expect([
      cache.find("b", "in-b")?.metadata.uid,
      cache.find("b", "in-a"),
      cache.all("a").length,
      cache.all().length,
    ]).toEqual(["b", undefined, 1, 2]);
    expect(informers.ages().get("deployments.apps")).toBe(10);
    expect(transport.requests.filter(({ query }) => query?.["watch"] !== undefined).length).toBe(2);
  });

  it("does not wait for an optional resource that is not served, and watches it when it comes", async () => {
    const { informers, timers, served, stop, problems } = start();
    informers.watch({ resource: routes, optional: true, namespaces: [] }, () => undefined, stop.signal);
    await timers.advance(60_000);
    expect([informers.missing(), informers.find(routes)?.knowledge, informers.ages().size]).toEqual([
      [],
      "unserved",
      0,
    ]);
    served.add("httproutes");
    await timers.advance(20_000);
    expect([informers.find(routes)?.knowledge, informers.find(routes)?.all().length]).toEqual(["objects", 1]);
    expect(problems.map(({ kind }) => kind)).toEqual(["unserved"]);
  });

  it("waits for a resource that is not optional", async () => {
    const { informers, timers, stop } = start();
    informers.watch({ resource: routes, optional: false, namespaces: [] }, () => undefined, stop.signal);
    await timers.advance(60_000);
    expect(informers.missing()).toEqual(["httproutes.gateway.networking.k8s.io"]);
  });

  it("refuses to watch a resource twice", () => {
    const { informers, stop } = start();
    const watched = { resource: deployments, optional: false, namespaces: [] };
    informers.watch(watched, () => undefined, stop.signal);
    expect(() => informers.watch(watched, () => undefined, stop.signal)).toThrow("deployments.apps is watched already");
    expect(informers.find(routes)).toBeUndefined();
  });
});

import { describe, expect, test } from "vitest";
import { act } from "../../../src/controller/act.ts";
import type { Action } from "../../../src/domain/decision.ts";
import { recordedPorts, worldInRelease, type Replacements } from "../../support/recorded-ports.ts";

const signal = new AbortController().signal;
const canary = { revision: "v2", replicaSet: "r", podTemplateHash: "v2", workload: "product", image: "product:v2" };

const traffic: readonly Action[] = [
  { kind: "createRoute" },
  { kind: "narrowSubsets", stable: "v1", canary: "v2" },
  { kind: "widenStable", original: "{}", canary: "v2" },
  { kind: "routeTraffic", weight: 10, original: "{}" },
  { kind: "restoreRoute", original: "{}" },
  { kind: "restoreSubsets", original: "{}" },
  { kind: "removeRoute" },
  { kind: "removeSubsets" },
];

const workload: readonly Action[] = [
  { kind: "claim" },
  { kind: "letGo" },
  { kind: "holdWorkload" },
  { kind: "pauseWorkload", paused: true },
  { kind: "createCanary", canary, replicas: 1 },
  { kind: "scaleCanary", replicaSet: "r", replicas: 2 },
  { kind: "ownCanary", replicaSet: "r" },
  { kind: "removeCanary", replicaSet: "r" },
  { kind: "openSurge", was: "1" },
  { kind: "restoreSurge", maxSurge: "1" },
  { kind: "handOver", replicaSet: "r", replicas: 4, revision: "two", evenIfNewer: false },
  { kind: "finishOld", replicaSet: "r", replicas: 0 },
  { kind: "completeAdoption", maxSurge: undefined, revision: "v2", keepPaused: false },
  { kind: "recordPromoted", revision: "v2" },
  { kind: "restoreTemplate", replicaSet: "r" },
  { kind: "releaseWorkload" },
];

/** Ports that note who was asked, with the spec that chose the router. */
async function ask(plan: readonly Action[], replacements: Replacements = {}) {
  const world = await worldInRelease();
  const asked: string[] = [];
  const note = (whom: string) => (action: Action) => {
    asked.push(`${whom} ${action.kind}`);
    return Promise.resolve();
  };
  const { deps } = recordedPorts(world, {
    cluster: { perform: note("cluster") },
    router: { perform: note("router") },
    ...replacements,
  });
  const failure = await act(plan, world.rollout(), deps, signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { asked, failure };
}

describe("act()", () => {
  test("gives what changes requests to the router and what changes workloads to the cluster, in the order of the plan", async () => {
    const { asked, failure } = await ask([...traffic, ...workload, ...traffic]);
    const toRouter = traffic.map(({ kind }) => `router ${kind}`);
    expect(failure).toBeUndefined();
    expect(asked).toEqual([...toRouter, ...workload.map(({ kind }) => `cluster ${kind}`), ...toRouter]);
  });

  test("stops at the first failure, whose error it rejects with", async () => {
    const refused = new Error("refused");
    const perform = () => Promise.reject(refused);
    const { asked, failure } = await ask([{ kind: "removeRoute" }, { kind: "claim" }, { kind: "removeSubsets" }], {
      cluster: { perform },
    });
    expect(failure).toBe(refused);
    expect(asked).toEqual(["router removeRoute"]);
  });

  test("gives the routes back although something before them failed", async () => {
    const refused = new Error("refused");
    const asked: string[] = [];
    const { failure } = await ask(traffic.slice(2), {
      router: {
        perform: ({ kind }) => {
          asked.push(kind);
          return kind === "widenStable" ? Promise.reject(refused) : Promise.resolve();
        },
      },
    });
    expect(asked).toEqual(["widenStable", "restoreRoute"]);
    expect(failure).toBe(refused);
  });

  test("does nothing for an empty plan", async () => {
    expect(await ask([])).toEqual({ asked: [], failure: undefined });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { holdName } from "../../../src/adapters/kubernetes/hold-rule.ts";
import { keepHold, type HoldKeeper, type HoldKeeperOptions } from "../../../src/adapters/kubernetes/hold-keeper.ts";
import { holdPolicies, holdPolicyBindings } from "../../../src/adapters/kubernetes/hold-policy.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import { RejectedError, TransientError } from "../../../src/runtime/errors.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";
import { until } from "../../cluster/processes/until.ts";
import { createHoldBench, type HoldBench } from "./hold-bench.ts";
import { deploymentOf } from "./workbench.ts";

let bench: HoldBench;
let keeping: AbortController;

beforeAll(async () => {
  const cluster = { kubeconfig: inject("kubeconfig"), kubectl: inject("kubectl") };
  bench = await createHoldBench(cluster, `hold-keeper-${process.pid}`);
  await bench.kubectl(["create", "-f", "-"], deploymentOf("probe", { replicas: 0 }));
  await until(() => known().length > 0, { timeout: 30_000, what: "the Deployment to try it on" });
});

afterAll(() => bench.stop());

afterEach(() => keeping.abort());

const known = () => bench.objects.cachedAll({ group: "apps", version: "v1", plural: "deployments" });

/** Timers under which whatever is to be repeated is repeated soon: a wait of minutes takes half a second. */
const impatient = {
  now: () => systemTimers.now(),
  after: (delay: number, callback: () => void) => systemTimers.after(Math.min(delay, 500), callback),
};

function keep(change: Partial<HoldKeeperOptions> = {}): Promise<HoldKeeper> {
  keeping = new AbortController();
  const { objects, transport } = bench;
  const webhook = () => ({ missing: "not in this test" });
  const options = { objects, transport, wanted: "auto" as const, webhook, timers: systemTimers, log: silentLogger };
  return keepHold({ ...options, onChange: () => undefined, ...change }, keeping.signal);
}

const policy = () => bench.objects.read(holdPolicies, undefined, holdName, bench.signal);
const binding = () => bench.objects.read(holdPolicyBindings, undefined, holdName, bench.signal);
const soon = (what: string, condition: () => Promise<boolean> | boolean) => until(condition, { timeout: 30_000, what });

async function isHeld(name: string): Promise<boolean> {
  await bench.run("set", "image", `deployment/${name}`, `app=shop/app:${Math.random()}`);
  return bench.isPaused(name);
}

describe("what holds on Kubernetes 1.36 is kept in place", () => {
  test("an API server that does not answer at first is waited for", async () => {
    // What another file has left as it should be need not be written.
    for (const { plural } of [holdPolicies, holdPolicyBindings])
      await bench.kubectl(["delete", plural, holdName, "--ignore-not-found"]);
    let lost = 0;
    const jsonPatch: KubernetesObjects["jsonPatch"] = (...args) => {
      lost += 1;
      return lost <= 2 ? Promise.reject(new TransientError("no answer")) : bench.objects.jsonPatch(...args);
    };
    const keeper = await keep({ objects: { ...bench.objects, jsonPatch }, timers: impatient });
    expect(keeper.current()).toBe("Policy");
    expect(lost).toBeGreaterThan(2);
  });

  test.each([
    ["policy", holdPolicies, policy],
    ["binding", holdPolicyBindings, binding],
  ])("the %s comes back when somebody deletes it, and holds again", async (kind, resource, read) => {
    await keep();
    await bench.atRest(`deleted-${kind}`);
    const before = (await read())?.metadata.uid;
    await bench.run("delete", resource.plural, holdName);
    await soon(`another ${kind}`, async () => ![undefined, before].includes((await read())?.metadata.uid));
    await soon("a held change", () => isHeld(`deleted-${kind}`));
  });

  test("a condition that somebody adds, and by which nothing would be held, goes", async () => {
    await keep();
    await bench.atRest("loosened");
    const never = [
      { op: "add", path: "/spec/matchConditions/-", value: { name: "never", expression: "false" } },
    ] as const;
    await bench.objects.jsonPatch(holdPolicies, undefined, holdName, never, { signal: bench.signal });
    await soon("the policy as it was", async () => !JSON.stringify(await policy()).includes("never"));
    await soon("a held change", () => isHeld("loosened"));
  });

  test("one that cannot be put back is replaced by pausing, and used again when it is back", async () => {
    let mayWrite = true;
    const guarded = <Write extends "apply" | "jsonPatch">(write: Write) =>
      ((...parameters: unknown[]) =>
        mayWrite
          ? (bench.objects[write] as (...all: unknown[]) => Promise<KubernetesObject>)(...parameters)
          : Promise.reject(new RejectedError("forbidden"))) as KubernetesObjects[Write];
    const objects = { ...bench.objects, apply: guarded("apply"), jsonPatch: guarded("jsonPatch") };
    const changes: string[] = [];
    const keeper = await keep({ objects, timers: impatient, onChange: ({ hold }) => changes.push(hold) });
    expect(keeper.current()).toBe("Policy");
    mayWrite = false;
    await bench.run("delete", holdPolicyBindings.plural, holdName);
    await soon("the fallback", () => keeper.current() === "Paused");
    mayWrite = true;
    await soon("the policy", () => keeper.current() === "Policy");
    expect(changes).toEqual(["Paused", "Policy"]);
  });

  test("one that could not be tried is tried when the first Deployment appears", async () => {
    let isEmpty = true;
    let trials = 0;
    const objects: KubernetesObjects = {
      ...bench.objects,
      cachedAll: (resource, namespace) => (isEmpty ? [] : bench.objects.cachedAll(resource, namespace)),
      // Somewhere the policy does not work, whatever it says.
      mergePatch: async (resource, namespace, name) => {
        trials += 1;
        const found = await bench.objects.read(resource, namespace, name, bench.signal);
        return { ...found!, spec: { ...found?.spec, paused: false } };
      },
    };
    const keeper = await keep({ objects });
    expect(keeper.current()).toBe("Policy");
    expect(trials).toBe(0);
    isEmpty = false;
    keeper.noticeDeployment();
    await soon("the fallback", () => keeper.current() === "Paused");
    expect(trials).toBeGreaterThan(0);
  });
});

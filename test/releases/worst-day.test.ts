import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { openGate, type Gate } from "../lab/gate.ts";
import { expectedOf, playKilled } from "../lab/killed-release.ts";
import { startLab, type Lab, type Operator } from "../lab/lab.ts";
import { lies, startLyingPrometheus } from "../lab/lying-prometheus.ts";
import { openShop } from "../lab/shop.ts";
import { operatorGoneCases } from "./operator-gone.cases.ts";

/** What is broken here is shared by all that runs, so this lab is for these tests alone. */
let lab: Lab;
let kubeconfig: string;
const flags = { propagation: "1s", "evidence-period": "2s", "rollback-deadline": "15s" };

beforeAll(async () => {
  lab = await startLab({ prometheusScrapeInterval: "1s" });
  kubeconfig = await lab.operatorKubeconfig();
}, 5_400_000);

afterAll(async () => {
  await lab.stop();
});

function gateFor(name: string): Promise<Gate> {
  return openGate({ kubeconfig, target: join(lab.cluster.runFolder, `${name}.kubeconfig`) });
}

/** Of a release whose operator is started again and again. Milliseconds. */
const longest = 900_000;

describe.concurrent("an operator that is killed at every write", () => {
  test.each([
    ["before it, of a good release", "good-before", "before", false],
    ["after it, of a good release", "good-after", "after", false],
    ["before it, of a bad release", "bad-before", "before", true],
    ["after it, of a bad release", "bad-after", "after", true],
  ] as const)(
    "%s: the release ends as it would, and each event is told once",
    async (_what, namespace, when, isBad) => {
      const release = await playKilled(lab, { namespace, kubeconfig, flags, isBad, when, at: "kinds" });
      const { kills, end, missing, doubled, serving, failed } = release;
      process.stderr.write(`${namespace}: killed ${kills} times\n`);
      expect(end.outcome, JSON.stringify(end)).toBe(expectedOf(isBad));
      if (isBad) expect(["ErrorRateTooHigh", "Interrupted"]).toContain(end.reason);
      expect({ missing, doubled, serving }).toEqual({ missing: [], doubled: [], serving: [isBad ? "v1" : "v2"] });
      if (!isBad) expect(failed, lab.failedCalls(namespace).join("\n")).toBe(0);
      expect(kills).toBeGreaterThan(15);
    },
    longest,
  );
});

describe.concurrent("an operator that is gone for a while", () => operatorGoneCases(() => lab, flags));

describe.concurrent("two replicas", () => {
  const short = { "lease-duration": "6s", "renew-deadline": "4s", "retry-period": "1s" };

  interface Replica {
    readonly gate: Gate;
    readonly operator: Operator;
  }

  async function startReplica(name: string): Promise<Replica> {
    const gate = await gateFor(name);
    const own = { ...flags, ...short, kubeconfig: gate.kubeconfig, namespace: "replicas", "leader-elect": "true" };
    return { gate, operator: await lab.startOperator(own, name) };
  }

  test("whose leader is killed, suspended, partitioned and ended: one writes at a time, and the release is promoted", async () => {
    const first = await startReplica("replica-1");
    const second = await startReplica("replica-2");
    const shop = await openShop(lab, "replicas", { spec: { bake: "20s", analysis: { minStepDuration: "20s" } } });
    await shop.release("product:v2");
    const leads = ({ gate }: Replica, since: number) => gate.writes.some(({ at }) => at > since);
    const untilLeads = (one: Replica, since: number) =>
      until(() => leads(one, since), { timeout: 60_000, what: "the next leader's first write" });
    await shop.untilRollout("weight 10", ({ status }) => status.weight === 10);
    expect(leads(first, 0)).toBe(true);
    expect(leads(second, 0)).toBe(false);

    await first.operator.process.stop("SIGKILL");
    await untilLeads(second, Date.now());
    const third = await startReplica("replica-3");

    await shop.untilRollout("weight 50", ({ status }) => status.weight === 50);
    second.operator.process.suspend();
    const suspendedAt = Date.now();
    await untilLeads(third, suspendedAt);
    const wokenAt = Date.now();
    second.operator.process.resume();
    await second.operator.process.exited;
    // What it had in hand when it was stopped is not written when it wakes.
    expect(second.gate.writes.filter(({ at }) => at >= wokenAt)).toEqual([]);

    const fourth = await startReplica("replica-4");
    third.gate.shut();
    const shutAt = Date.now();
    await untilLeads(fourth, shutAt);
    const openedAt = Date.now();
    third.gate.open();
    await third.operator.process.exited;
    expect(third.gate.writes.filter(({ at }) => at >= openedAt)).toEqual([]);

    const fifth = await startReplica("replica-5");
    expect(fifth.gate.terms).toEqual([]);
    const askedAt = Date.now();
    await fourth.operator.process.stop("SIGTERM");
    // One that does not end within 3 s is killed here; Kubernetes waits for 30.
    expect(await fourth.operator.process.exited).toMatchObject({ code: 0 });
    const ended = Date.now() - askedAt;
    await until(() => fifth.gate.terms.length > 0, { timeout: 60_000, every: 10, what: "the successor" });
    const succeeded = (fifth.gate.terms[0] ?? 0) - (fourth.gate.terms.at(-1) ?? 0);
    process.stderr.write(
      `SIGTERM: ended after ${ended} ms, succeeded after ${succeeded} ms; load ${loadavg().join(" ")}\n`,
    );
    expect(succeeded).toBeLessThan(2_000);

    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect((await shop.load.stop()).failures, lab.failedCalls("replicas").join("\n")).toEqual([]);
    await fifth.operator.stop();
    await Promise.all([first, second, third, fourth, fifth].map(({ gate }) => gate.close()));
  });
});

describe.concurrent("a Prometheus", () => {
  test("that lies in every way holds a release and ends none; a bad one is found between the lies", async () => {
    const prometheus = await startLyingPrometheus(lab.cluster.prometheusUrl);
    const own = { ...flags, namespace: "lies", "prometheus-address": prometheus.url };
    const operator = await lab.startOperator(own, "operator-lied-to");
    const spec = { steps: [{ weight: 20 }, { weight: 100 }], analysis: { minStepDuration: "30s" } };
    const shop = await openShop(lab, "lies", { spec });
    await shop.release("product:v2");
    await shop.untilRollout(
      "the step",
      ({ status }) => status.release?.stepStartedAt !== undefined && status.weight === 20,
    );
    for (const lie of lies) {
      const before = prometheus.told;
      prometheus.lie = lie;
      await until(() => prometheus.told >= before + 2, { timeout: 60_000, what: `two answers: ${lie}` });
      expect((await shop.rollout()).status, lie).toMatchObject({ weight: 20, release: { stepIndex: 0 } });
    }
    prometheus.lie = undefined;
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.release("product:v3", { ERROR_RATE: "0.3" });
    await shop.untilRollout("weight 20", ({ status }) => status.weight === 20);
    const teller = setInterval(() => (prometheus.lie = prometheus.lie === undefined ? "errors" : undefined), 2_000);
    await shop.endsAs("product:v3", { outcome: "RolledBack", reason: "ErrorRateTooHigh" });
    clearInterval(teller);
    await shop.load.stop();
    await operator.stop();
    await prometheus.close();
  });
});

/** Milliseconds: longer than any request is waited for. */
const standstill = 20_000;

describe("what everything stands on", () => {
  test("an API server that restarts and an etcd that stands still for 20 s: good is promoted, bad rolled back", async () => {
    const operator = await lab.startOperator({ ...flags }, "operator-without-ground");
    const spec = { analysis: { minStepDuration: "10s" } };
    const good = await openShop(lab, "ground-good", { spec });
    const bad = await openShop(lab, "ground-bad", { spec: { ...spec, steps: [{ weight: 20 }, { weight: 100 }] } });
    const { apiserver, etcd } = lab.cluster.parts;
    await good.release("product:v2");
    await good.untilRollout("weight 10", ({ status }) => status.weight === 10);
    await apiserver.stop("SIGKILL");
    await apiserver.start();
    await good.untilRollout("weight 50", ({ status }) => status.weight === 50);
    await bad.release("product:v2", { ERROR_RATE: "0.3" });
    await bad.untilRollout("weight 20", ({ status }) => status.weight === 20);
    etcd.suspend();
    await pause(standstill);
    etcd.resume();
    await bad.endsAs("product:v2", { outcome: "RolledBack", highestWeight: 20 });
    await good.endsAs("product:v2", { outcome: "Promoted" });
    expect((await good.load.stop()).failures, lab.failedCalls("ground-good").join("\n")).toEqual([]);
    await bad.load.stop();
    await operator.stop();
  });
});

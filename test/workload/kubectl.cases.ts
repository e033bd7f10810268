import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { openCase, type Bench } from "./bench.ts";
import { handsOn, isPaused, pausedHalfway, promotedWithoutRestart, type Hands } from "./hands.ts";

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** Crashes before it could have any traffic. */
const crash = { NEVER_READY: "true", CRASH_AFTER_SECONDS: "1", CRASH_REASON: "OOMKilled" };

/** What kubectl's own commands, budgets and autoscalers see of a Deployment in Serin's care. */
export function kubectlCases(bench: () => Bench): void {
  phaseCases(bench);
  restartCases(bench);
  budgetCases(bench);
}

/** READY, UP-TO-DATE and AVAILABLE of `kubectl get deploy`. */
async function deploymentColumns(hands: Hands): Promise<readonly string[]> {
  const [, line = ""] = (await hands.kubectl("get", "deploy", "product")).split("\n");
  return line.split(/\s+/).slice(1, 4);
}

/** Revisions in `kubectl rollout history`. */
async function revisions(hands: Hands): Promise<readonly string[]> {
  const lines = (await hands.kubectl("rollout", "history", "deployment/product")).split("\n");
  return lines.flatMap((line) => /^(\d+)\s/.exec(line)?.[1] ?? []);
}

const rolloutStatus = ["rollout", "status", "deployment/product"];
const waitForReady = ["wait", "--for=condition=Ready", "srn/product"];
const waits = "0 out of 3 new replicas have been updated";

function phaseCases(bench: () => Bench): void {
  test("at rest: kubectl shows an ordinary Deployment and a Rollout that is Ready", async () => {
    const shop = await openCase(bench(), "kubectl-at-rest");
    const hands = handsOn(bench(), shop);
    expect(await hands.kubectl(...rolloutStatus, "--timeout=30s")).toContain("successfully rolled out");
    expect(await deploymentColumns(hands)).toEqual(["3/3", "3", "3"]);
    expect(await revisions(hands)).toEqual(["1"]);
    expect(await hands.kubectl("get", "srn")).toMatch(/^NAME\s+READY\s+PHASE\s+STEP\s+WEIGHT\s+REASON\s+AGE/);
    expect(await hands.kubectl("get", "srn", "product", "--no-headers")).toMatch(/^product\s+True\s+Ready\s+Succeeded/);
    expect(await hands.kubectl(...waitForReady, "--timeout=30s")).toContain("condition met");
    await shop.end();
  });

  test("in mid-release: the Deployment waits, and kubectl's own commands neither finish nor undo it", async () => {
    const shop = await openCase(bench(), "kubectl-mid-release", { spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    expect(await deploymentColumns(hands)).toEqual(["3/3", "0", "3"]);
    expect(await hands.refused(...rolloutStatus, "--timeout=3s")).toMatch(/timed out|deadline/);
    expect(await hands.refused(...waitForReady, "--timeout=1s")).toContain("timed out");
    expect(await hands.kubectl("get", "srn", "product", "--no-headers")).toMatch(
      /Unknown\s+Paused\s+2\/3\s+50\s+Paused/,
    );
    expect(await hands.refused("rollout", "undo", "deployment/product")).toContain("no rollout history found");
    expect(await hands.refused("rollout", "undo", "deployment/product", "--to-revision=1")).toContain(
      "cannot rollback a paused deployment",
    );
    expect(await hands.refused("rollout", "restart", "deployment/product")).toContain(
      "can't restart paused deployment",
    );
    expect(await hands.refused("rollout", "pause", "deployment/product")).toContain("already paused");
    await hands.kubectl("rollout", "resume", "deployment/product");
    expect((await shop.deployment()).spec).toHaveProperty("paused", true);
    expect(await hands.podsOf("product")).toHaveLength(3);
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });

  test("after a promotion: rolled out, a revision more in the history, and undo is a release like any other", async () => {
    const shop = await openCase(bench(), "kubectl-promoted");
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await promotedWithoutRestart(shop, "product:v2");
    expect(await hands.kubectl(...rolloutStatus, "--timeout=60s")).toContain("successfully rolled out");
    expect(await deploymentColumns(hands)).toEqual(["3/3", "3", "3"]);
    expect(await revisions(hands)).toEqual(["1", "2"]);
    await hands.kubectl("rollout", "undo", "deployment/product");
    await promotedWithoutRestart(shop, "product:v1");
    expect(await revisions(hands)).toEqual(["2", "3"]);
    await shop.end();
  });

  test("after a rollback: the Deployment keeps waiting with the rejected template until git changes", async () => {
    const shop = await openCase(bench(), "kubectl-rolled-back");
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2", crash);
    await shop.endsAs("product:v2", { outcome: "RolledBack" });
    await shop.untilRollout("Stalled", ({ status }) => status.phase === "RolledBack");
    expect(await deploymentColumns(hands)).toEqual(["3/3", "0", "3"]);
    expect(await hands.refused(...rolloutStatus, "--timeout=3s")).toMatch(/timed out|deadline/);
    expect(await hands.refused(...waitForReady, "--timeout=1s")).toContain("timed out");
    expect(await hands.kubectl("wait", "--for=condition=Stalled", "srn/product", "--timeout=30s")).toContain("met");
    expect(await hands.kubectl("get", "srn", "product", "--no-headers")).toMatch(/False\s+RolledBack\s+RolledBack/);
    expect(await hands.refused("rollout", "undo", "deployment/product")).toContain("no rollout history found");
    expect(await hands.refused("rollout", "undo", "deployment/product", "--to-revision=1")).toContain(
      "cannot rollback a paused deployment",
    );
    await hands.kubectl("rollout", "resume", "deployment/product");
    expect((await shop.deployment()).spec).toHaveProperty("paused", true);
    await shop.release("product:v1");
    await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready");
    expect(await hands.kubectl(...rolloutStatus, "--timeout=60s")).toContain("successfully rolled out");
    await shop.end();
  });

  test("kubectl rollout status says what the Deployment waits for while a template is held", async () => {
    const shop = await openCase(bench(), "kubectl-status", { spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    expect(await hands.kubectl(...rolloutStatus, "--watch=false")).toContain(waits);
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    expect(await hands.kubectl(...rolloutStatus, "--timeout=60s")).toContain("successfully rolled out");
    await shop.end();
  });
}

function restartCases(bench: () => Bench): void {
  test.each([
    ["kubectl rollout restart", "kubectl-restart"],
    ["serin restart", "serin-restart"],
  ])("%s: the same image as a release, canary first", async (command, namespace) => {
    const shop = await openCase(bench(), namespace);
    const hands = handsOn(bench(), shop);
    if (command.startsWith("kubectl")) await hands.kubectl("rollout", "restart", "deployment/product");
    else await serin(bench(), namespace, "restart", "product");
    await promotedWithoutRestart(shop, "product:v1");
    expect(await hands.podsOf("product-a")).toHaveLength(3);
    await shop.end();
  });
}

/** The `serin` command as a person runs it. */
async function serin({ lab }: Bench, namespace: string, ...args: string[]): Promise<void> {
  const command = [program, ...args, "-n", namespace, "--kubeconfig", lab.cluster.kubeconfig];
  await promisify(execFile)(process.execPath, command);
}

const budget = (namespace: string, spec: object) => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "product", namespace },
  spec: { ...spec, selector: { matchLabels: { app: "product" } } },
});

function budgetCases(bench: () => Bench): void {
  /** Waits until the disruption controller counts so many pods and allows so many disruptions. */
  const counts = (hands: Hands, expectedPods: number, allowed: number) =>
    until(
      async () => {
        const path = "{.status.expectedPods} {.status.disruptionsAllowed}";
        return (
          (await hands.kubectl("get", "pdb", "product", "-o", `jsonpath=${path}`)) === `${expectedPods} ${allowed}`
        );
      },
      { timeout: 60_000, what: `a budget for ${expectedPods} pods that allows ${allowed} disruptions` },
    );
  const steps = [{ weight: 50 }, { pause: {} }, { weight: 100 }, { pause: {} }];

  test.each([
    { of: "maxUnavailable 1", namespace: "budget-unavailable", spec: { maxUnavailable: 1 }, allowed: [1, 1, 1] },
    { of: "minAvailable 50%", namespace: "budget-available", spec: { minAvailable: "50%" }, allowed: [2, 3, 4] },
  ])("a budget of $of counts canary pods, at rest, at half and at all of the traffic", async (row) => {
    const { namespace, spec } = row;
    const [atRest = 0, atHalf = 0, atAll = 0] = row.allowed;
    const beside = [budget(namespace, spec)];
    const shop = await openCase(bench(), namespace, { app: { replicas: 4 }, spec: { steps }, beside });
    const hands = handsOn(bench(), shop);
    await counts(hands, 4, atRest);
    await shop.release("product:v2");
    await shop.untilRollout("the pause at 50", (stored) => isPaused(stored) && stored.status.weight === 50);
    await counts(hands, 6, atHalf);
    await hands.promote();
    await shop.untilRollout("the pause at 100", (stored) => isPaused(stored) && stored.status.weight === 100);
    await counts(hands, 8, atAll);
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await counts(hands, 4, atRest);
    await shop.end();
  });

  test("a budget that is used up refuses the eviction of a stable pod in mid-release", async () => {
    const namespace = "budget-used-up";
    const beside = [budget(namespace, { maxUnavailable: 1 })];
    const shop = await openCase(bench(), namespace, { app: { replicas: 4 }, spec: pausedHalfway, beside });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const [unready = "", other = ""] = await hands.podsOf("product");
    await bench().lab.world.pods.set({ namespace, pod: unready }, { NEVER_READY: "true" });
    await counts(hands, 6, 0);
    await expect(hands.evict(other)).rejects.toThrow("violate the pod's disruption budget");
    await bench().lab.world.pods.clear({ namespace, pod: unready });
    await counts(hands, 6, 1);
    await hands.evict(other);
    await counts(hands, 6, 1);
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });

  test("an autoscaler sees the stable pods and their selector, whatever the canary has", async () => {
    const shop = await openCase(bench(), "scale-subresource", { app: { replicas: 4 }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    const seen = async () => {
      const path = "jsonpath={.spec.replicas} {.status.replicas} {.status.selector}";
      return hands.kubectl("get", "deploy", "product", "--subresource=scale", "-o", path);
    };
    expect(await seen()).toBe("4 4 app=product");
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    expect(await hands.podsOf("product-a")).toHaveLength(2);
    expect(await seen()).toBe("4 4 app=product");
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    expect(await seen()).toBe("4 4 app=product");
    await shop.end();
  });
}

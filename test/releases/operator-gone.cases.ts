import { expect, test } from "vitest";
import type { Release } from "../../src/api/rollout-status.ts";
import { until } from "../cluster/processes/until.ts";
import type { Lab } from "../lab/lab.ts";
import { openShop } from "../lab/shop.ts";
import { replay } from "./replay.ts";

/** What was counted and won. */
function factsOf(analysis: NonNullable<Release["analysis"]> | undefined) {
  const { evidence, release, watermark, hanging, lost } = analysis ?? {};
  return { evidence, release, watermark, gone: hanging?.gone, lost };
}

/** What becomes of a release whose operator is gone for a while. Each case has an operator of its own. */
export function operatorGoneCases(lab: () => Lab, flags: Readonly<Record<string, string>>): void {
  const start = (namespace: string, turn = "first") =>
    lab().startOperator({ ...flags, namespace }, `operator-${namespace}-${turn}`);

  test("with the operator stopped, a new image reaches no request; it is released when the operator is back", async () => {
    const operator = await start("no-operator");
    const shop = await openShop(lab(), "no-operator");
    await operator.stop();
    await shop.release("product:v2");
    await until(async () => (await shop.deployment()).spec["paused"] === true, { timeout: 10_000, what: "the hold" });
    const mark = shop.load.snapshot();
    await until(() => shop.load.since(mark).total > 200, { timeout: 30_000, what: "200 requests" });
    expect(shop.load.snapshot().byVersion).not.toHaveProperty("v2");
    expect((await shop.pods()).length).toBe(3);
    const next = await start("no-operator", "next");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect((await shop.load.stop()).failures, lab().failedCalls(shop.namespace).join("\n")).toEqual([]);
    await next.stop();
  });

  test("an operator that is killed in mid-release goes on where it was", async () => {
    const operator = await start("killed");
    const shop = await openShop(lab(), "killed");
    await shop.release("product:v2", { ERROR_RATE: "0.2" });
    await shop.untilRollout("weight 10", ({ status }) => status.weight === 10);
    await operator.process.stop("SIGKILL");
    const next = await start("killed", "next");
    await shop.endsAs("product:v2", {
      outcome: "RolledBack",
      reason: "ErrorRateTooHigh",
      highestWeight: 10,
    });
    await shop.load.stop();
    await next.stop();
  });

  test("an operator that is killed in mid-step comes to the same evidence as one that was not", async () => {
    const analysis = { minStepDuration: "5m", latency: { max: "500ms" } };
    const operator = await start("killed-in-step");
    const shop = await openShop(lab(), "killed-in-step", {
      spec: { steps: [{ weight: 50 }, { weight: 100 }], analysis },
    });
    await shop.release("product:v2", { ERROR_RATE: "0.01" });
    const counted = (blocks: number) =>
      shop.untilRollout(`${blocks} blocks`, ({ status }) => (status.release?.analysis?.blocks ?? 0) >= blocks);
    const before = await counted(3);
    await operator.process.stop("SIGKILL");
    const mark = shop.load.snapshot();
    await until(() => shop.load.since(mark).total > 200, { timeout: 30_000, what: "200 requests that nobody judges" });
    const next = await start("killed-in-step", "next");
    const { status } = await counted(15);
    const known = status.release?.analysis;
    const expected = await replay(lab(), before, known?.watermark ?? "");
    expect(factsOf(known).evidence?.errors?.limit).toBeDefined();
    expect(factsOf(known)).toEqual(factsOf(expected));
    await shop.ask("abort");
    await shop.endsAs("product:v2", { outcome: "RolledBack" });
    await shop.load.stop();
    await next.stop();
  });

  test("a rejected revision stays rejected when another operator takes over", async () => {
    const operator = await start("taken-over");
    const shop = await openShop(lab(), "taken-over");
    await shop.release("product:v2", { NEVER_READY: "true" });
    await shop.untilRollout("the canary", ({ status }) => status.canary !== undefined);
    await shop.ask("abort");
    await shop.outcome("product:v2");
    await operator.process.stop("SIGKILL");
    const next = await start("taken-over", "next");
    await lab().kubectl(["scale", "deployment/product", "--replicas=4", "-n", "taken-over"]);
    const { metadata } = await shop.deployment();
    // It has looked at the Deployment as it is now, or as it is since it noted there what was rejected: an annotation of
    // a Deployment counts in its generation.
    const looked = await shop.untilRollout(
      "a look",
      ({ status }) => (status.rejected?.[0]?.deployment?.generation ?? 0) >= (metadata.generation ?? Infinity),
    );
    expect(looked.status).toMatchObject({ phase: "RolledBack", releases: 1 });
    expect((await shop.load.stop()).failures).toEqual([]);
    await next.stop();
  });

  test("a Deployment that was rolled out past the hold while no operator ran: what runs is stable and gets all traffic", async () => {
    const operator = await start("past-hold");
    const shop = await openShop(lab(), "past-hold", { spec: { steps: [{ weight: 50 }, { pause: {} }] } });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    await operator.stop();
    const { metadata } = await shop.deployment();
    const token = { "serin.dev/unpause-generation": String(metadata.generation) };
    const patch = JSON.stringify({ metadata: { annotations: token }, spec: { paused: false } });
    await lab().kubectl(["patch", "deployment", "product", "-n", "past-hold", "--type=merge", "-p", patch]);
    await lab().kubectl(["rollout", "status", "deployment/product", "-n", "past-hold", "--timeout=60s"]);
    const next = await start("past-hold", "next");
    await shop.untilRollout(
      "v2 as stable",
      ({ status }) => status.phase === "Ready" && status.stable?.image === "product:v2",
    );
    expect((await shop.rollout()).status.history?.[0]).toMatchObject({ reason: "RolledOutByItself" });
    const mark = shop.load.snapshot();
    await until(() => shop.load.since(mark).total > 200, { timeout: 30_000, what: "200 requests" });
    expect(shop.load.since(mark).failures, lab().failedCalls("past-hold").join("\n")).toEqual([]);
    expect((await shop.pods()).every((pod) => !pod.startsWith("product-a-"))).toBe(true);
    await shop.load.stop();
    await next.stop();
  });
}

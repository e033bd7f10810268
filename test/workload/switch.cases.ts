import { expect, test } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import type { Stored } from "../lab/shop.ts";
import { openCase, type Bench, type Case } from "./bench.ts";
import { handsOn, isPaused, pausedHalfway } from "./hands.ts";
import { pointNamed } from "./hand-over.ts";
import { size, standAt, untilPods } from "./stand.ts";

const deployments = kind<Stored>("apps/v1", "Deployment");
const destinationRules = kind<Stored>("networking.istio.io/v1", "DestinationRule");

/** The emergency switch where it hurts: the Deployment goes on at once, whatever the routes of the release name. */
export function switchCases(bench: () => Bench): void {
  /** Switch, template and pause in one write, as a script for emergencies would do it. */
  const letRoll = async ({ namespace }: Case, image?: string): Promise<void> => {
    // Slow enough for the routes to be given back while it rolls: a test may stop them for a moment longer.
    const env = [{ name: "START_SECONDS", value: "3" }];
    const template = image && { template: { spec: { containers: [{ name: "app", image, env }] } } };
    const change = {
      metadata: { annotations: { "serin.dev/hold": "off" } },
      spec: { paused: false, ...(template === undefined ? {} : template) },
    };
    await bench().lab.cluster.client.patch(deployments, { namespace, name: "product" }, change, { type: "strategic" });
  };

  const untilAlone = async (shop: Case, version: string): Promise<void> => {
    const image = `product:${version}`;
    await shop.untilRollout(`${version} as stable`, ({ status }) => {
      return status.stable?.image === image && status.release === undefined;
    });
    await untilPods(shop, size);
    const isAlone = async () => {
      const mark = shop.load.snapshot();
      await until(() => shop.load.since(mark).total > 40, { timeout: 30_000, what: "40 requests" });
      const { total, byVersion } = shop.load.since(mark);
      return byVersion[version]?.total === total;
    };
    await until(isAlone, { timeout: 60_000, what: `${version} to serve ${shop.namespace} alone` });
    await bench().lab.kubectl(["annotate", "deployment/product", "serin.dev/hold-", "-n", shop.namespace]);
    await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready" && status.hold !== "Off");
  };

  test("the hold switched off and the Deployment resumed at once at 50 %: the Service finds whatever serves", async () => {
    const shop = await openCase(bench(), "let-roll-half", { spec: pausedHalfway });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await letRoll(shop);
    await untilAlone(shop, "v2");
    expect((await shop.rollout()).status).toMatchObject({ history: [{ reason: "HoldOff" }] });
    expect((await shop.rollout()).status.rejected ?? []).toEqual([]);
    await shop.end();
  });

  test.each([
    { at: "hand-over", outcome: "RolledBack" },
    { at: "unpause", outcome: "Promoted" },
    { at: "route", outcome: "Promoted" },
  ])("a newer template let roll by the emergency switch before $at: v2 is $outcome, v3 serves", async (one) => {
    const stand = await standAt(bench(), pointNamed(one.at), `let-roll-${one.at}`);
    const { shop } = stand;
    await letRoll(shop, "product:v3");
    await stand.lift();
    await untilAlone(shop, "v3");
    expect((await shop.rollout()).status.history?.map(({ outcome }) => outcome)).toEqual([one.outcome]);
    await shop.end();
  });

  test("subsets that somebody empties in a rollback are put back while the routes name them", async () => {
    const shop = await openCase(bench(), "emptied-subsets", { spec: pausedHalfway });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await shop.ask("abort");
    await shop.untilRollout("the decision", ({ status }) => status.release?.decision === "Rollback");
    await bench().lab.cluster.client.patch(destinationRules, placeOf(shop), { spec: { subsets: [] } });
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "Aborted" });
    expect((await shop.subsets())?.spec).not.toHaveProperty("subsets");
    // From the patch until it is undone, requests find a route to what the person took away.
    await shop.end({ lost: 20 });
  });

  test("a Deployment deleted in the foreground at 50 %: the canary pods serve until it is there again", async () => {
    const shop = await openCase(bench(), "foreground", { spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await hands.kubectl("delete", "deployment/product", "--cascade=foreground", "--wait=false");
    const lost = await shop.untilRollout("the loss", ({ status }) => status.release?.reason === "WorkloadLost");
    expect(lost.status.release?.explanation).toContain("is being deleted");
    await until(async () => (await bench().lab.cluster.client.get(deployments, placeOf(shop))) === undefined, {
      timeout: 60_000,
      what: "the end of the Deployment",
    });
    await shop.release("product:v2");
    await shop.untilRollout("v2 as stable", ({ status }) => {
      return status.stable?.image === "product:v2" && status.phase === "Ready";
    });
    await untilPods(shop, size);
    // The person takes stable's pods away in the very moment in which the operator gets to know.
    await shop.end({ capacity: 0, lost: 20 });
  });
}

const placeOf = ({ namespace }: Case) => ({ namespace, name: "product" });

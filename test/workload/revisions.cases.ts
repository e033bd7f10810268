import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { openCase, type Bench, type Case } from "./bench.ts";

interface Phase {
  readonly when: string;
  readonly namespace: string;
  readonly spec: object;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether the release is there by its status. */
  readonly reached: (phase: string | undefined, weight: number | undefined) => boolean;
}

const pausedAt = (weight: number) => ({
  steps: [{ weight }, { pause: {} }, ...(weight < 100 ? [{ weight: 100 }] : [])],
});

const phases: readonly Phase[] = [
  {
    when: "before its pods are ready",
    namespace: "unready",
    spec: {},
    environment: { NEVER_READY: "true" },
    reached: (phase, weight) => phase === "Progressing" && weight === 0,
  },
  { when: "at 50 %", namespace: "half", spec: pausedAt(50), reached: (phase) => phase === "Paused" },
  { when: "at 100 %", namespace: "full", spec: pausedAt(100), reached: (phase) => phase === "Paused" },
  { when: "while it bakes", namespace: "baking", spec: { bake: "1h" }, reached: (phase) => phase === "Baking" },
];

/** Opens a case and brings the release of v2 to a phase. */
async function bringTo(bench: Bench, prefix: string, { namespace, spec, environment, reached }: Phase, more = {}) {
  const shop = await openCase(bench, `${prefix}-${namespace}`, { spec: { ...spec, ...more } });
  await shop.release("product:v2", environment);
  await shop.untilRollout(
    `v2 ${namespace}`,
    ({ status }) => status.canary?.image === "product:v2" && reached(status.phase, status.weight),
  );
  return shop;
}

/** Asks to go on whenever the release waits for a person, until `image` has ended. */
async function driveToEnd(bench: Bench, shop: Case, image: string) {
  const ended = until(
    async () => {
      const { status } = await shop.rollout();
      // The release of a template that waited may have begun already.
      const entry = status.history?.find((candidate) => candidate.image === image);
      if (entry !== undefined) return entry;
      const waits = status.phase === "Paused" || status.phase === "Baking";
      if (waits && status.canary?.image === image) await shop.ask("promote");
      return undefined;
    },
    { timeout: 180_000, every: 500, what: `the end of ${image} in ${shop.namespace}` },
  );
  return ended;
}

/** What a newer template, the stable template and a rejected one mean, in every phase. */
export function revisionCases(bench: () => Bench): void {
  test.each(phases)("a newer template $when starts over with it; nothing is rejected", async (phase) => {
    const shop = await bringTo(bench(), "newer", phase);
    await shop.release("product:v3");
    expect(await driveToEnd(bench(), shop, "product:v3")).toMatchObject({ outcome: "Promoted" });
    const { status } = await shop.rollout();
    expect(status.history?.map(({ reason }) => reason)).toEqual([undefined, "Superseded"]);
    expect(status.rejected ?? []).toEqual([]);
    await shop.end();
  });

  test.each(phases)(
    "the stable template $when (git revert) ends at rest, unpaused and without a canary",
    async (phase) => {
      const shop = await bringTo(bench(), "revert", phase);
      await shop.release("product:v1");
      await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready");
      expect((await shop.rollout()).status.history?.[0]).toMatchObject({ outcome: "RolledBack", reason: "Reverted" });
      await until(async () => (await shop.deployment()).spec["paused"] !== true, { timeout: 30_000, what: "no pause" });
      await until(async () => (await shop.pods()).length === 3, { timeout: 30_000, what: "the canary pods to go" });
      expect((await shop.rollout()).status.rejected ?? []).toEqual([]);
      await shop.end();
    },
  );

  const finishing = phases.filter(({ namespace }) => namespace !== "unready");

  test.each(finishing)(
    "onNewRevision finish: a newer template $when waits until this one is promoted",
    async (phase) => {
      const shop = await bringTo(bench(), "finish", phase, { onNewRevision: "finish" });
      const canaries = (await shop.pods()).filter((pod) => pod.startsWith("product-a-"));
      await shop.release("product:v3");
      expect(await driveToEnd(bench(), shop, "product:v2")).toMatchObject({ outcome: "Promoted" });
      const pods = await shop.pods();
      expect(canaries.filter((pod) => !pods.includes(pod))).toEqual([]);
      expect(await driveToEnd(bench(), shop, "product:v3")).toMatchObject({ outcome: "Promoted" });
      await shop.end();
    },
  );

  test("onNewRevision finish: a bad revision is rolled back and rejected, then the newer one is released", async () => {
    const [, half] = phases;
    const shop = await bringTo(bench(), "finish-bad", half!, { onNewRevision: "finish" });
    await shop.release("product:v3");
    await shop.ask("abort");
    expect(await driveToEnd(bench(), shop, "product:v3")).toMatchObject({ outcome: "Promoted" });
    const { status } = await shop.rollout();
    expect(status.history?.map(({ reason }) => reason)).toEqual([undefined, "Aborted"]);
    expect(status.rejected).toMatchObject([{ image: "product:v2" }]);
    await shop.end();
  });

  test("three releases in a row that were superseded are told, and what to do about it", async () => {
    const [, half] = phases;
    const shop = await bringTo(bench(), "restless", half!);
    for (const version of ["v3", "v4", "v5"]) {
      await shop.release(`product:${version}`);
      await shop.untilRollout(
        `the pause of ${version}`,
        ({ status }) => status.canary?.image === `product:${version}` && status.phase === "Paused",
      );
    }
    await until(async () => (await shop.events()).includes("SupersededRepeatedly"), {
      timeout: 30_000,
      what: "the event",
    });
    await shop.end();
  });

  test("a rejected revision is not tried again by applying or scaling, until somebody asks for a retry", async () => {
    const shop = await openCase(bench(), "rejected");
    await shop.release("product:v2", { NEVER_READY: "true" });
    await shop.untilRollout("the canary", ({ status }) => status.canary !== undefined);
    await shop.ask("abort");
    await shop.endsAs("product:v2", { reason: "Aborted" });
    await shop.release("product:v2", { NEVER_READY: "true" });
    await bench().lab.kubectl(["scale", "deployment/product", "--replicas=4", "-n", "rejected"]);
    await until(async () => (await shop.pods()).length === 4, { timeout: 30_000, what: "four pods of stable" });
    await shop.untilRollout("the size noted", ({ status }) => status.rejected?.[0]?.deployment !== undefined);
    expect((await shop.rollout()).status).toMatchObject({ phase: "RolledBack", releases: 1 });
    await shop.ask("retry");
    await shop.untilRollout("the second try", ({ status }) => status.release?.number === 2);
    await shop.end();
  });

  test("a Rollout that is created again knows what the one before it rejected", async () => {
    const namespace = "remembered";
    const shop = await openCase(bench(), namespace);
    await shop.release("product:v2");
    await shop.untilRollout("weight", ({ status }) => (status.weight ?? 0) > 0);
    await shop.ask("abort");
    await shop.outcome("product:v2");
    await shop.untilRollout("Stalled", ({ status }) => status.phase === "RolledBack");
    await until(async () => (await shop.annotation("serin.dev/rejected-revisions")) !== undefined, {
      timeout: 10_000,
      what: "the note on the Deployment",
    });
    await bench().lab.kubectl(["delete", "srn", "product", "-n", namespace, "--timeout=60s"]);
    await shop.createRollout();
    await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready");
    await shop.release("product:v2");
    const held = await shop.untilRollout("Stalled", ({ status }) => status.phase === "RolledBack");
    expect(held.status.message).toContain("rejected by an earlier Rollout");
    expect(held.status.releases ?? 0).toBe(0);
    await shop.ask("retry");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await until(async () => (await shop.annotation("serin.dev/rejected-revisions")) === undefined, {
      timeout: 10_000,
      what: "the note to go",
    });
    await shop.end();
  });
}

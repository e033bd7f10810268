import { expect, test } from "vitest";
import { difference } from "../cluster/load/counts.ts";
import { until } from "../cluster/processes/until.ts";
import { openCase, type Bench, type Case } from "../workload/bench.ts";
import { isPaused, pausedHalfway } from "../workload/hands.ts";

/**
 * Requests per second of the callers whose proxy is on time, and of those whose proxy is not: so few that the share of
 * all requests is within the tolerance of every step.
 */
const rates = { punctual: 45, others: 5 };

/** Callers whose proxy has another configuration than all others, for a while or for good. */
export function lateProxyCases(bench: () => Bench): void {
  test("a proxy that gets everything 10 s late: promoted, and nobody fails", async () => {
    const { shop, end } = await openBeside(bench(), "late-good", "late");
    await shop.release("product:v2");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await hasEverything(bench(), "late");
    await end();
  });

  test("a proxy that gets everything 10 s late: rolled back, and nobody fails", async () => {
    const { shop, end } = await openBeside(bench(), "late-back", "late", pausedHalfway);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await hasEverything(bench(), "late");
    await shop.ask("abort");
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "Aborted" });
    await hasEverything(bench(), "late");
    await end();
  });

  test("a proxy that is frozen keeps the old pods at work and is named; once it follows again the release ends", async () => {
    const { shop, end } = await openBeside(bench(), "frozen-early", "frozen-early");
    const proxy = bench().lab.world.proxy("frozen-early");
    await proxy.freeze();
    await shop.release("product:v2");
    await untilNamed(shop, "frozen-early-caller");
    await proxy.unfreeze();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await end();
  });

  test("a proxy that freezes before 100 % keeps the old pods at work and is named, until it follows", async () => {
    const { shop, end } = await openBeside(bench(), "frozen-last", "frozen-last", pausedHalfway);
    const proxy = bench().lab.world.proxy("frozen-last");
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await proxy.freeze();
    await shop.ask("promote");
    const held = await untilNamed(shop, "frozen-last-caller");
    expect(held.status.weight).toBe(100);
    await proxy.unfreeze();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await end();
  });
}

/** The release is held, and says whose requests do not follow. */
async function untilNamed(shop: Case, caller: string) {
  const held = await shop.untilRollout("TrafficNotShifted", ({ status }) =>
    (status.conditions ?? []).some(({ type, status: value }) => type === "TrafficShifted" && value === "False"),
  );
  expect(held.status.message).toContain(caller);
  return held;
}

/** A case that is called through two proxies; in its end no request of either failed. */
async function openBeside(
  bench: Bench,
  namespace: string,
  proxy: string,
  spec: object = {},
): Promise<{ readonly shop: Case; readonly end: () => Promise<void> }> {
  const { lab } = bench;
  const shop = await openCase(bench, namespace, { rate: rates.punctual, spec });
  await until(() => lab.isReached(namespace, "product", proxy), {
    timeout: 60_000,
    what: `an answer through ${proxy}`,
  });
  const load = await lab.startLoad({ namespace, rate: rates.others, proxy });
  await until(() => load.snapshot().total > 50, { timeout: 60_000, what: `traffic through ${proxy}` });
  const start = load.snapshot();
  const end = async (): Promise<void> => {
    const counts = difference(await load.stop(), start);
    const failed = counts.failed === 0 ? "" : lab.failedCalls(namespace).join("\n");
    expect(counts.failures, failed).toEqual([]);
    await shop.end();
  };
  return { shop, end };
}

/** What was written last has reached the proxy, so requests are lost by now if they are to be. */
async function hasEverything({ lab }: Bench, proxy: string): Promise<void> {
  const { generation } = await lab.world.mesh();
  await until(async () => (await lab.world.proxy(proxy).state()).generation >= generation, {
    timeout: 60_000,
    what: `${proxy} to have all`,
  });
}

import { expect, test } from "vitest";
import { startCaller, type Caller } from "../cluster/caller/caller.ts";
import { until } from "../cluster/processes/until.ts";
import { manifest, rollout } from "../lab/app.ts";
import { brisk, openCase, type Bench, type Case } from "../workload/bench.ts";
import { isPaused, pausedHalfway } from "../workload/hands.ts";
import { told } from "./referenced.ts";

const accepting = { traffic: { istio: {}, unsplit: "accept" } };

/** Callers without a sidecar: no route splits them, they meet every pod of the Service. */
export function unsplitCallerCases(bench: () => Bench): void {
  test("callers without a sidecar are found by their share before there is a canary pod; accepted, it is released", async () => {
    const { shop, caller } = await openWithPlainCaller(bench(), "plain-found");
    await shop.release("product:v2");
    const held = await shop.untilRollout("the hold", ({ status: { conditions = [] } }) =>
      conditions.some(({ reason }) => reason === "UnsplitRoute"),
    );
    // The status counts on after it was told.
    const found = /of the \d+ requests .* came from callers without a sidecar/;
    expect(held.status.message).toMatch(found);
    expect(await told(bench().lab, shop.namespace, "Held")).toEqual([expect.stringMatching(found)]);
    expect((await shop.pods()).every((pod) => !pod.startsWith("product-a-"))).toBe(true);
    await bench().lab.apply(manifest(rollout({ namespace: shop.namespace }, { ...brisk, ...accepting })));
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await expectAnswered(caller, ["v2"]);
    await shop.end();
  });

  test("a rollback ends for callers without a sidecar too", async () => {
    const { shop, caller } = await openWithPlainCaller(bench(), "plain-back", { ...pausedHalfway, ...accepting });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await until(() => caller.snapshot().byVersion["v2"] !== undefined, {
      timeout: 30_000,
      what: "the canary's answer",
    });
    await shop.ask("abort");
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "Aborted" });
    await expectAnswered(caller, ["v1"]);
    await shop.end();
  });
}

async function openWithPlainCaller(
  bench: Bench,
  namespace: string,
  spec: object = {},
): Promise<{ readonly shop: Case; readonly caller: Caller }> {
  const shop = await openCase(bench, namespace, { spec });
  const { kubeconfig, prometheusUrl } = bench.lab.cluster;
  const caller = await startCaller({ kubeconfig, namespace, service: "product", port: 8080, rate: 10 });
  // Pods report them, and Prometheus has scraped it.
  const query = `sum(increase(istio_requests_total{source_workload="unknown",destination_service_namespace="${namespace}"}[5m]))`;
  const seen = async () => {
    const answer = await fetch(`${prometheusUrl}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
    const { data } = (await answer.json()) as { data: { result: readonly { value: readonly [number, string] }[] } };
    return Number(data.result[0]?.value[1] ?? 0) > 60;
  };
  await until(seen, { timeout: 60_000, what: `the plain callers of ${namespace} in Prometheus` });
  return { shop, caller };
}

/** From now on only these versions answer, and none of all requests failed. */
async function expectAnswered(caller: Caller, versions: readonly string[]): Promise<void> {
  const mark = caller.snapshot();
  await until(() => caller.since(mark).total > 50, { timeout: 30_000, what: "fifty answers" });
  expect(Object.keys(caller.since(mark).byVersion)).toEqual(versions);
  expect((await caller.stop()).failures).toEqual([]);
}

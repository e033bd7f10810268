import { expect, test } from "vitest";
import { createIstioMetrics, istioLabels, type IstioLabels } from "../../cluster/telemetry/istio-metrics.ts";

const labelled = (workload: string) =>
  ({ ...Object.fromEntries(istioLabels.map((label) => [label, "x"])), destination_workload: workload }) as IstioLabels;

test("a proxy's metrics leave out what was not called for three minutes, and count anew what is called again", async () => {
  let at = 0;
  const metrics = createIstioMetrics(() => at);
  const exposed = async () =>
    [...(await metrics.exposition()).matchAll(/^istio_requests_total\{.*destination_workload="(\w+)".* (\d+)$/gm)].map(
      ([, workload, count]) => `${workload} ${count}`,
    );
  metrics.record(labelled("gone"), 5);
  metrics.record(labelled("called"), 5);
  at = 180_000;
  metrics.record(labelled("called"), 5);
  expect(await exposed()).toEqual(["gone 1", "called 2"]);
  at = 180_001;
  expect(await exposed()).toEqual(["called 2"]);
  expect(await metrics.exposition()).not.toContain('"gone"');
  metrics.record(labelled("gone"), 5);
  expect(await exposed()).toEqual(["called 2", "gone 1"]);
  expect(metrics.total).toBe(4);
});

import { describe, expect, it } from "vitest";
import { createMachineMetrics } from "../../../src/runtime/machine-metrics.ts";
import { createMetrics } from "../../../src/runtime/metrics.ts";

describe("createMachineMetrics()", () => {
  it("begins every outcome at zero and counts", async () => {
    const metrics = createMetrics();
    const machine = createMachineMetrics(metrics, {
      watchAges: () => new Map([["pods", 1_500]]),
      version: "1.2.3",
    });
    machine.reconciled({ outcome: "done", seconds: 0.2 });
    machine.queueDepth(3);
    machine.queueWait(2_000);
    machine.prometheusQuery({ result: "late", seconds: 3 });
    machine.apiRequest({ verb: "GET", code: "200", seconds: 0.01 });
    machine.apiRequest({ verb: "WATCH", code: "none", seconds: 300 });
    machine.watchProblem({ resource: "pods", kind: "request" });
    machine.unhandled();
    machine.leading(true);
    const text = await metrics.render();
    for (const line of [
      'serin_reconciles_total{outcome="done"} 1',
      'serin_reconciles_total{outcome="unexpected"} 0',
      "serin_queue_depth 3",
      "serin_queue_wait_seconds_sum 2",
      'serin_prometheus_queries_total{result="late"} 1',
      'serin_prometheus_queries_total{result="answered"} 0',
      "serin_prometheus_query_duration_seconds_count 1",
      'serin_build_info{version="1.2.3"} 1',
      'serin_kubernetes_requests_total{verb="WATCH",code="none"} 1',
      'serin_kubernetes_request_duration_seconds_count{verb="GET"} 1',
      'serin_watch_problems_total{resource="pods",kind="request"} 1',
      'serin_watch_age_seconds{resource="pods"} 1.5',
      "serin_unhandled_errors_total 1",
      "serin_leader 1",
    ]) {
      expect(text).toContain(line);
    }
    machine.leading(false);
    expect(await metrics.render()).toContain("serin_leader 0");
  });
});

import { describe, expect, it } from "vitest";
import { markedProcesses } from "../processes/identity.ts";
import { until } from "../processes/until.ts";
import { startScript } from "./fixtures/child.ts";
import { findTraces } from "./fixtures/left.ts";
import type { Traces } from "./fixtures/left.ts";

/** Things that a starting cluster says, in their order. */
const MOMENTS = [
  "folder",
  "starting etcd",
  "starting kube-apiserver",
  "starting kube-controller-manager",
  "installing",
  "urls",
];

describe("a cluster whose process is killed leaves no process, no port and no data", () => {
  it.each(MOMENTS)("killed when it says %s", async (moment) => {
    const script = startScript("cluster-that-dies.ts");
    const traces = await script.awaitNews<Traces>("folder");
    const { urls = [] } = await script.awaitNews<Partial<Traces>>(moment);
    if (moment === "urls") expect(markedProcesses(traces.run).length).toBeGreaterThanOrEqual(4);
    script.kill("SIGKILL");
    await script.exited;
    await until(async () => (await findTraces({ ...traces, urls })).length === 0, {
      timeout: 15_000,
      what: `a clean end of ${traces.run}`,
    });
  });
});

import type { TestProject } from "vitest/node";
import { startCluster } from "../cluster/cluster.ts";
import type {} from "./provided.ts";

/** One local cluster for all integration tests; each test file works in namespaces of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster({ onProgress: tellNowAndThen(10_000) });
  project.provide("kubeconfig", cluster.kubeconfig);
  project.provide("kubectl", cluster.kubectlPath);
  project.provide("prometheusUrl", cluster.prometheusUrl);
  return () => cluster.stop();
}

/** The first time the parts are built, which takes minutes: silence would look like a hang, a line a second is noise. */
function tellNowAndThen(interval: number) {
  let told = Number.NEGATIVE_INFINITY;
  return ({ subject, text }: { readonly subject: string; readonly text: string }): void => {
    if (performance.now() - told < interval) return;
    told = performance.now();
    process.stderr.write(`${subject}: ${text}\n`);
  };
}

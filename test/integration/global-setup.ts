import type { TestProject } from "vitest/node";
import { startCluster } from "../cluster/cluster.ts";
import type {} from "./provided.ts";

/** One local cluster for all integration tests; each test file works in namespaces of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The first time the parts are built, which takes minutes: silence would look like a hang.
  const onProgress = ({ subject, text }: { readonly subject: string; readonly text: string }) =>
    void process.stderr.write(`${subject}: ${text}\n`);
  const cluster = await startCluster({ onProgress });
  project.provide("kubeconfig", cluster.kubeconfig);
  project.provide("kubectl", cluster.kubectlPath);
  project.provide("prometheusUrl", cluster.prometheusUrl);
  return () => cluster.stop();
}

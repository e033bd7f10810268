// What the README tells a user to apply who does without Helm: the definition, rights and policies of the chart.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments, stringify } from "yaml";
import type { LocalCluster } from "../cluster/cluster.ts";
import { writeKubeconfigWithToken } from "../cluster/kubeconfig-with-token.ts";
import { until } from "../cluster/processes/until.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** The account of the operator, as those manifests have it. */
export const operatorAccount = { namespace: "serin-system", name: "serin-operator" };

/** The manifest for what a cluster can have: policies since Kubernetes 1.36, before that the webhook. */
function manifestFor(kubernetes: "1.34" | "1.36"): string {
  return join(repository, kubernetes === "1.36" ? "deploy/operator.yaml" : "deploy/operator-older.yaml");
}

/**
 * A manifest without what a kubelet would run: the operators of tests run beside the cluster, as the account and with
 * the rights that they would have in it.
 */
function withoutPods(manifest: string): string {
  const objects = parseAllDocuments(readFileSync(manifest, "utf8")).map(
    (document) => document.toJS() as { readonly kind: string },
  );
  const kept = objects.filter(({ kind }) => kind !== "Deployment" && kind !== "PodDisruptionBudget");
  return kept.map((object) => stringify(object)).join("---\n");
}

/** Installs the product; resolves when the API server serves Rollouts. */
export async function installSerin(cluster: LocalCluster, kubernetes: "1.34" | "1.36"): Promise<void> {
  const definition = readFileSync(join(repository, "crds/rollouts.serin.dev.yaml"), "utf8");
  const apply = ["apply", "--server-side", "-f", "-"];
  await kubectl(cluster, apply, `${definition}---\n${withoutPods(manifestFor(kubernetes))}`);
  const path = "/apis/serin.dev/v1alpha1/rollouts";
  const isServed = async () => (await cluster.client.raw(path, { query: { limit: "1" } })) !== undefined;
  await until(isServed, { timeout: 30_000, what: "an answer about Rollouts" });
}

/** A kubeconfig of the operator's ServiceAccount, as a pod of it would have. */
export async function operatorKubeconfig(cluster: LocalCluster): Promise<string> {
  const { namespace, name } = operatorAccount;
  const token = await kubectl(cluster, ["create", "token", name, "-n", namespace, "--duration=6h"]);
  return writeKubeconfigWithToken(cluster.kubeconfig, token.trim(), join(cluster.runFolder, "operator.kubeconfig"));
}

/** kubectl with what it printed; rejects with its own words when it fails. */
export async function kubectl(cluster: LocalCluster, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input === undefined ? {} : { input });
  if (code === 0) return stdout;
  throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
}

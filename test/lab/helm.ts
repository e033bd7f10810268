// The real Helm against a local cluster.
import type { LocalCluster } from "../cluster/cluster.ts";
import { provideParts } from "../cluster/parts/provide.ts";

/** Runs Helm with what it printed; rejects with its own words when it fails. */
export type Helm = (...args: readonly string[]) => Promise<string>;

/** Helm as the administrator of a cluster; its caches belong to the run. */
export async function helmFor({
  supervisor,
  kubeconfig,
  runFolder,
}: Pick<LocalCluster, "supervisor" | "kubeconfig" | "runFolder">): Promise<Helm> {
  const { helm } = await provideParts(["helm"], { supervisor });
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: runFolder };
  return async (...args) => {
    const { code, stdout, stderr } = await supervisor.execute({ name: "helm", command: helm.path, args, env });
    if (code !== 0) throw new Error(`helm ${args.join(" ")}: ${stderr.trim()}`);
    return stdout;
  };
}

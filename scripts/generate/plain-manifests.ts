// The manifests of those who do without Helm: the chart rendered, once for each way of holding templates.
import { join } from "node:path";
import type { Helm } from "../../test/lab/helm.ts";

const system = "serin-system";

const variants = [
  { path: "deploy/operator.yaml", what: "Serin on Kubernetes 1.36 and newer", version: "1.36.0" },
  { path: "deploy/operator-older.yaml", what: "Serin on Kubernetes 1.30 to 1.35", version: "1.35.0" },
] as const;

/** Path in the repository and text of each manifest. */
export async function plainManifests(repository: string, helm: Helm): Promise<ReadonlyMap<string, string>> {
  const manifests = new Map<string, string>();
  for (const { path, what, version } of variants) {
    const chart = join(repository, "charts/serin");
    const how = ["--namespace", system, "--kube-version", version, "--no-hooks", "--set=crds.enabled=false"];
    const rendered = await helm("template", "serin", chart, ...how);
    manifests.set(path, header(path, what) + withoutHelm(rendered));
  }
  return manifests;
}

function header(path: string, what: string): string {
  return `# Made by \`npm run generate -- --manifests\`. Do not edit.
# ${what}, without Helm. Write your image and your Prometheus into Deployment serin-operator, then
#   kubectl apply --server-side -f crds/ -f ${path}
# Before you remove it, let go of all Rollouts: npm run -s serin -- uninstall --yes
apiVersion: v1
kind: Namespace
metadata:
  name: ${system}
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;
}

/** What says that Helm manages an object is not true of these. */
function withoutHelm(rendered: string): string {
  const isHelms = /^# Source: |^\s+(helm\.sh\/chart|app\.kubernetes\.io\/(managed-by|instance)): /;
  return rendered
    .split("\n")
    .filter((line) => !isHelms.test(line))
    .join("\n")
    .replaceAll(/\n+---/g, "\n---");
}

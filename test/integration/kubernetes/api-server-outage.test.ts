import { expect, it, onTestFinished } from "vitest";
import { createRolloutSource } from "../../../src/adapters/kubernetes/rollout-source.ts";
import { TransientError } from "../../../src/runtime/errors.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { startControlPlane } from "../../cluster/control-plane.ts";
import { provideParts } from "../../cluster/parts/provide.ts";
import { createSupervisor } from "../../cluster/processes/supervisor.ts";
import { until } from "../../cluster/processes/until.ts";
import { accessCluster, configMap, configMaps } from "./cluster-access.ts";

/** A control plane that may be broken without breaking the other tests'. */
async function startOwnControlPlane() {
  const supervisor = await createSupervisor();
  onTestFinished(() => supervisor.stop());
  const parts = await provideParts(["etcd", "kube-apiserver", "kube-controller-manager"], { supervisor });
  const paths = {
    etcd: parts.etcd.path,
    "kube-apiserver": parts["kube-apiserver"].path,
    "kube-controller-manager": parts["kube-controller-manager"].path,
  };
  return startControlPlane(supervisor, paths, () => undefined);
}

it("a watch survives the API server's death and sees what came afterwards", async () => {
  const controlPlane = await startOwnControlPlane();
  const { informers, objects, signal, problems } = accessCluster(controlPlane.kubeconfig);
  const changes: string[] = [];
  const watched = { resource: configMaps, optional: false, namespaces: ["default"] };
  informers.watch(watched, ({ kind, object }) => changes.push(`${kind} ${object.metadata.name}`), signal);
  const keys: string[] = [];
  const source = createRolloutSource({ informers, namespaces: [], onKey: (key) => keys.push(key), log: silentLogger });
  await source.start();
  onTestFinished(() => source.stop());
  const seen = (change: string) => until(() => changes.includes(change), { timeout: 60_000, every: 5, what: change });
  await objects.create(configMaps, configMap("default", "before"), { signal });
  await seen("changed before");

  await controlPlane.apiserver.stop("SIGKILL");
  await until(() => problems.some(({ resource }) => resource === "configmaps"), {
    timeout: 60_000,
    what: "the loss noticed",
  });
  await expect(objects.read(configMaps, "default", "before", signal)).rejects.toBeInstanceOf(TransientError);
  await controlPlane.apiserver.start();

  // Everything from here on is after the reconnection, as far as the server is concerned.
  await objects.create(configMaps, configMap("default", "after"), { signal });
  await seen("changed after");
  await objects.create(configMaps, configMap("default", "soon"), { signal });
  const written = performance.now();
  await seen("changed soon");
  expect(performance.now() - written).toBeLessThan(1_000);
  expect(objects.cached(configMaps, "default", "before")).toBeDefined();
});

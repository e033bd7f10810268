import { expect, test } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { deployment, manifest, namespaceObject, rollout, service } from "../lab/app.ts";
import type { Stored, StoredRollout } from "../lab/shop.ts";
import { openCase, type Bench } from "../workload/bench.ts";

const istio = "networking.istio.io/v1";
const virtualServices = kind<Stored>(istio, "VirtualService");
const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");

/** As long as a name may be. */
const longest = "l".repeat(253);

/** Ten thousand routes, the last of them to the Service. */
function manyRoutes(host: string): readonly object[] {
  const elsewhere = Array.from({ length: 9_999 }, (_, index) => ({
    match: [{ uri: { exact: `/${index}` } }],
    route: [{ destination: { host: "a" } }],
  }));
  return [...elsewhere, { name: "primary", route: [{ destination: { host } }] }];
}

/** How a Rollout names objects that have one name. */
function dividing(name: string): object {
  return { traffic: { istio: { virtualService: { name }, destinationRule: { name } } } };
}

/** A Deployment with its Service and Rollout, and objects of its name that the Rollout is to divide. */
function oddApp(namespace: string, name: string, virtualService: object, destinationRule: object): readonly object[] {
  const app = { namespace, name, image: "product:v1", replicas: 1 };
  return [
    service(app),
    deployment(app),
    {
      apiVersion: istio,
      kind: "VirtualService",
      metadata: { name, namespace },
      spec: { hosts: [name], ...virtualService },
    },
    {
      apiVersion: istio,
      kind: "DestinationRule",
      metadata: { name, namespace },
      spec: { host: name, ...destinationRule },
    },
    rollout(app, dividing(name)),
  ];
}

/** Objects that the API server takes, and that nobody would write. */
export function oddObjectCases(bench: () => Bench): void {
  test.concurrent("ten thousand routes, names of 253 characters and no labels: released like any other", async () => {
    const { lab } = bench();
    const namespace = "at-the-limit";
    const metadata = { name: longest, namespace };
    const spec = { hosts: ["product"], http: manyRoutes("product") };
    const route = { apiVersion: istio, kind: "VirtualService", metadata, spec };
    const rule = { apiVersion: istio, kind: "DestinationRule", metadata, spec: { host: "product" } };
    const shop = await openCase(bench(), namespace, {
      app: { unlabelled: true },
      // Applied, a list of that length takes the API server half a minute.
      before: async () => {
        await lab.kubectl(["create", "-f", "-"], manifest(route, rule));
      },
      spec: dividing(longest),
    });
    await shop.release("product:v2");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    const isAsInGit = async () => {
      const found = await lab.cluster.client.get(virtualServices, metadata);
      return JSON.stringify(found?.spec) === JSON.stringify(spec);
    };
    await until(isAsInGit, { timeout: 30_000, what: "the routes as in git" });
    await shop.end();
  });

  test.concurrent(
    "two Rollouts for one host, subsets of one name, no http routes, hosts of others: each is told what to mend",
    async () => {
      const { lab } = bench();
      const namespace = "odd-objects";
      const plain = (host: string) => ({ http: [{ route: [{ destination: { host } }] }] });
      const subsets = [{ name: "stable" }, { name: "stable", labels: { app: "doubled" } }];
      const greedy = { namespace, name: "greedy", image: "product:v1", replicas: 1 };
      const second = { namespace, name: "second", image: "product:v1", replicas: 1 };
      await lab.apply(manifest(namespaceObject(namespace)));
      await lab.apply(manifest(...oddApp(namespace, "first", plain("first"), {})));
      await lab.apply(
        manifest(
          ...oddApp(namespace, "doubled", plain("doubled"), { subsets }),
          ...oddApp(namespace, "empty", {}, {}),
          service(greedy),
          deployment(greedy),
          rollout(greedy, { traffic: { istio: { hosts: ["greedy", "kubernetes.default"] } } }),
          deployment(second),
          rollout(second, { service: { name: "first" }, ...dividing("first") }),
        ),
      );
      const told = async (name: string) =>
        (await lab.cluster.client.get(rollouts, { namespace, name }))?.status.message ?? "";
      const says = (name: string, words: string) =>
        until(async () => (await told(name)).includes(words), { timeout: 60_000, what: `${name}: ${words}` });
      await says("second", "Service odd-objects/first: Rollout first already divides its requests");
      await says("doubled", "DestinationRule odd-objects/doubled, spec.subsets: has two subsets named stable");
      await says("empty", "VirtualService odd-objects/empty, spec.http: no route goes to empty.odd-objects.svc");
      await says("greedy", "spec.traffic.istio.hosts: kubernetes.default names Services of other namespaces");
      await says("first", "serves all traffic");
      await lab.kubectl(["delete", "srn", "first", "-n", namespace, "--timeout=60s"]);
      await says("second", "serves all traffic");
      expect(await told("doubled")).toContain("Leave one of them");
      await lab.kubectl(["delete", "namespace", namespace, "--wait=false"]);
    },
  );
}

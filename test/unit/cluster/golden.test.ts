import { describe, expect, it } from "vitest";
import { renderEnvoyConfig } from "../../cluster/mesh/render.ts";
import { validationError } from "../../cluster/mesh/validation.ts";
import { extract } from "./extract.ts";
import { goldenCases, type Expected, type GoldenCase } from "./golden.ts";

const schemaRefusal = "kube-apiserver, CRD schema";

/** Cases the mesh does not yet agree with. A listed case that passes fails the test, as does an unlisted one that does not. */
const notYet: Readonly<Record<string, string>> = {};

/** What a live Envoy shows beside its configuration; nothing a rendering could say. */
const liveOnly = new Set(["notHealthy", "liveEndpoints"]);

function comparable({ virtualHosts, tcp, clusters }: Expected): unknown {
  const configured = Object.entries(clusters).map(([name, cluster]) => [
    name,
    Object.fromEntries(Object.entries(cluster).filter(([field]) => !liveOnly.has(field))),
  ]);
  return { virtualHosts, tcp, clusters: Object.fromEntries(configured) as unknown };
}

function check(each: GoldenCase): void {
  const { refused } = each.expected;
  const errors = each.manifests.map((manifest) => ({
    object: `${manifest.kind}/${manifest.metadata.name}`,
    message: validationError(manifest),
  }));
  const first = errors.find(({ message }) => message !== undefined);
  if (refused !== null) {
    expect(first?.object).toBe(refused.object);
    expect(refused.message).toContain(first?.message);
    return;
  }
  expect(first).toBeUndefined();
  const service = each.objects.services.find(({ metadata }) => metadata.name === "web");
  expect(extract(renderEnvoyConfig(each.objects, each.client), service?.spec.clusterIP)).toEqual(
    comparable(each.expected),
  );
}

describe("the mesh agrees with what istiod 1.28 was seen to do", () => {
  const cases = goldenCases();

  it("has all recorded cases", () => expect(cases).toHaveLength(174));

  // The schema of the CRDs is the API server's work: these run against a real one.
  const rendered = cases.filter(({ expected }) => expected.refused?.by !== schemaRefusal);

  it.each(rendered.filter(({ name }) => !(name in notYet)))("$name", (each) => check(each));

  it.each(rendered.filter(({ name }) => name in notYet))("$name is not supported yet", (each) => {
    expect(() => check(each), `passes now: take it off the list (${notYet[each.name] ?? ""})`).toThrow();
  });
});

it("a proxy with egress is given the Services of those namespaces alone", () => {
  const service = (namespace: string) => ({
    metadata: { name: "product", namespace },
    spec: { clusterIP: "10.0.0.1", ports: [{ name: "http", port: 80 }] },
  });
  const none = { endpointSlices: [], pods: [], nodes: [], virtualServices: [], destinationRules: [] };
  const objects = { ...none, services: [service("shop"), service("elsewhere")] };
  const client = { kind: "sidecar", namespace: "default", labels: {} } as const;
  const endpointsOf = (egress?: readonly string[]) =>
    renderEnvoyConfig(objects, { ...client, ...(egress && { egress }) }).endpoints.map(({ cluster }) => cluster);
  expect(endpointsOf(["shop"])).toEqual(["outbound|80||product.shop.svc.cluster.local"]);
  expect(endpointsOf()).toHaveLength(2);
});

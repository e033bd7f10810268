import fc from "fast-check";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import { to } from "./samples.ts";

const scalar = fc.oneof(fc.string({ maxLength: 6 }), fc.integer(), fc.boolean());
const unknownFields = fc.dictionary(
  fc.constantFrom("retries", "timeout", "mirror", "mirrors", "fault", "corsPolicy", "zFuture"),
  fc.oneof(scalar, fc.dictionary(fc.constantFrom("a", "b"), scalar), fc.array(scalar, { maxLength: 2 })),
  { maxKeys: 3 },
);
const entryFields = fc.dictionary(fc.constantFrom("headers", "zFuture"), scalar, { maxKeys: 2 });
const hosts = fc.constantFrom("product", "product.shop.svc.cluster.local");
const foreign = fc
  .record({
    host: fc.constantFrom("other", "product.elsewhere.svc.cluster.local"),
    weight: fc.nat(100),
    more: entryFields,
  })
  .map(({ host, weight, more }) => ({ ...more, ...to(undefined, weight, host) }));
const foreignSubset = fc.nat(100).map((weight) => to("v1", weight));
const others = fc.array(fc.oneof(foreign, foreignSubset), { maxLength: 2 });
const mine = fc.oneof(
  fc
    .record({
      host: hosts,
      subset: fc.constantFrom(undefined, "stable"),
      weight: fc.integer({ min: 2, max: 200 }),
      more: entryFields,
    })
    .map(({ host, subset, weight, more }) => [{ ...more, ...to(subset, weight, host) }]),
  fc
    .record({ host: hosts, weight: fc.integer({ min: 2, max: 100 }), first: fc.boolean() })
    .map(({ host, weight, first }) => {
      const pair = [to("stable", weight, host), to("canary", 0, host)];
      return first ? pair : pair.toReversed();
    }),
);
const splitRoute = fc
  .record({ mine, before: others, between: others, after: others, more: unknownFields, name: fc.boolean() })
  .map(({ mine: [first, second], before, between, after, more, name }) => ({
    ...more,
    ...(name && { name: "primary" }),
    route: [...before, first, ...between, ...(second === undefined ? [] : [second]), ...after],
  }));
const loneRoute = fc.constantFrom({ route: [to()] }, { match: [{ uri: { prefix: "/" } }], route: [to("stable")] });
const pinned = fc
  .record({ more: unknownFields, subset: fc.constantFrom("v2", "stable", "canary") })
  .map(({ more, subset }) => ({
    ...more,
    match: [{ headers: { "x-canary": { exact: "true" } } }],
    route: [to(subset)],
  }));
const elsewhere = unknownFields.map((more) => ({ ...more, redirect: { uri: "/" } }));
const http = fc
  .tuple(
    fc.array(fc.oneof(pinned, elsewhere), { maxLength: 2 }),
    fc.array(fc.oneof(splitRoute, loneRoute), { minLength: 1, maxLength: 3 }),
    fc.array(pinned, { maxLength: 1 }),
  )
  .map((parts) => parts.flat());
const subset = fc.record({
  name: fc.constantFrom("v1", "v2"),
  labels: fc.dictionary(fc.constantFrom("a", "b"), fc.string({ maxLength: 3 })),
  more: entryFields,
});
const subsets = fc.uniqueArray(
  fc.oneof(
    subset.map(({ name, labels, more }) => ({ ...more, name, labels })),
    fc.constant({ name: "canary", trafficPolicy: { zFuture: 1 } }),
  ),
  { selector: ({ name }) => name, maxLength: 3 },
);
const stable = fc.constantFrom({ name: "stable", labels: { app: "product" } }, { name: "stable" });
/** A VirtualService and a DestinationRule as users write them, with fields that nobody knows. */
export const arbitraryMesh = fc.record({
  virtualService: fc
    .record({ http, more: unknownFields })
    .map(({ http: routes, more }) => ({ ...more, hosts: ["product"], http: routes })),
  destinationRule: fc
    .record({ stable, subsets, more: unknownFields })
    .map(({ stable: entry, subsets: list, more }) => ({
      ...more,
      host: "product",
      subsets: [...list, entry],
    })),
});

interface Route {
  route?: { destination?: { host?: string; subset?: string }; weight?: number }[];
  match?: { headers?: unknown }[];
}
const isMine = (entry: { destination?: { host?: string; subset?: string } }): boolean => {
  const { host, subset: named } = entry.destination ?? {};
  return (
    ["product", "product.shop.svc.cluster.local"].includes(host ?? "") &&
    [undefined, "stable", "canary"].includes(named)
  );
};
const isSplit = (route: Route): boolean => route.match?.[0]?.headers === undefined && (route.route ?? []).some(isMine);
/** Everything that is not ours, in JSON, and the sum of ours per split route. */
export const notOurs = (object: KubernetesObject): string =>
  JSON.stringify({
    ...object.spec,
    http: ((object.spec?.["http"] ?? []) as Route[]).map((route) =>
      isSplit(route) ? { ...route, route: (route.route ?? []).filter((entry) => !isMine(entry)) } : route,
    ),
    subsets: ((object.spec?.["subsets"] ?? []) as { name: string }[]).filter(({ name }) => name.startsWith("v")),
  });
/** What each split route gives to destinations of ours, together. */
export const sums = (object: KubernetesObject): number[] =>
  ((object.spec?.["http"] ?? []) as Route[]).filter(isSplit).map(({ route = [] }) => {
    const ours = route.filter(isMine);
    return route.length === 1 && !("weight" in (ours[0] ?? {}))
      ? 100
      : ours.reduce((sum, { weight = 0 }) => sum + weight, 0);
  });

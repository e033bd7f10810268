import { expect, test } from "vitest";
import { generatedVirtualService, refreshPatch } from "../../../../src/adapters/istio/generated-objects.ts";
import { targetOf } from "../../../../src/adapters/istio/target.ts";
import { rolloutOf, to, virtualServiceOf } from "./samples.ts";

const wanted = (traffic: object, oneOfSeveral = false): ReturnType<typeof generatedVirtualService> => {
  const rollout = rolloutOf(traffic);
  return generatedVirtualService(rollout, targetOf(rollout)!, { port: 8080, oneOfSeveral });
};

test.each([
  ["in the mesh", {}, false, [{ port: 8080 }], to()],
  ["in the mesh, said so", { gateways: ["mesh"] }, true, [{ port: 8080 }], to()],
  ["at a gateway, whose port is its own", { gateways: ["edge/web"] }, false, [{ gateways: ["edge/web"] }], to()],
  [
    "at a gateway, with the port of a Service that has several",
    { gateways: ["edge/web", "mesh"] },
    true,
    [{ port: 8080, gateways: ["mesh"] }, { gateways: ["edge/web"] }],
    { destination: { host: "product", port: { number: 8080 } } },
  ],
])("the route is matched %s", (_, traffic, oneOfSeveral, match, entry) => {
  expect(wanted(traffic, oneOfSeveral).spec?.["http"]).toEqual([{ name: "primary", match, route: [entry] }]);
});

test("a refresh keeps a split and what somebody added, and brings back a route that is gone", () => {
  const generated = wanted({});
  expect(refreshPatch(generated, generated)).toEqual([]);
  const split = [to("stable", 90), to("canary", 10)];
  const touched = virtualServiceOf("product", {
    ...generated.spec,
    gateways: ["mesh"],
    http: [{ name: "primary", match: [{ port: 1 }], retries: { attempts: 2 }, route: split }],
  });
  expect(refreshPatch(touched, generated).at(-1)).toEqual({
    op: "replace",
    path: "/spec",
    value: {
      hosts: ["product"],
      http: [{ name: "primary", match: [{ port: 8080 }], retries: { attempts: 2 }, route: split }],
    },
  });
  const emptied = virtualServiceOf("product", { hosts: ["product"], http: [] });
  expect(refreshPatch(emptied, generated).at(-1)).toMatchObject({ value: generated.spec });
});

import { describe, expect, test } from "vitest";
import { servicePort } from "../../../../src/adapters/istio/service-port.ts";
import { serviceOf } from "./samples.ts";

const key = { namespace: "shop", name: "product" };
const http = { name: "http", port: 8080 };
const admin = { name: "http-admin", port: 9090 };

test.each([
  ["the only one", [http], undefined, { port: 8080, oneOfSeveral: false }],
  ["the one that is asked for", [http, admin], 9090, { port: 9090, oneOfSeveral: true }],
  ["one without a name", [{ port: 80 }], 80, { port: 80, oneOfSeveral: false }],
  [
    "one whose appProtocol speaks against its name",
    [{ name: "tcp", port: 80, appProtocol: "http" }],
    undefined,
    { port: 80, oneOfSeveral: false },
  ],
  ["grpc", [{ name: "grpc-api", port: 80 }], undefined, { port: 80, oneOfSeveral: false }],
])("the port is %s", (_, ports, asked, expected) => {
  expect(servicePort(serviceOf(ports), key, asked)).toEqual(expected);
});

describe("no port", () => {
  type Case = readonly [string, readonly object[], number | undefined, object, string, string];
  test.each<Case>([
    [
      "of several",
      [http, admin],
      undefined,
      {},
      "ServicePortAmbiguous",
      "has 2 ports: 8080 (http), 9090 (http-admin). Write the one that callers use in spec.service.port.",
    ],
    ["that is not there", [http], 1, {}, "ServicePortAmbiguous", "has no port 1: it has 8080 (http)"],
    ["of none", [], undefined, {}, "ServicePortAmbiguous", "has 0 ports: none"],
    [
      "of a protocol without requests",
      [{ name: "tcp-x", port: 80 }],
      undefined,
      {},
      "RouteNotSplittable",
      "port 80: is tcp by its name or appProtocol",
    ],
    ["of UDP", [{ name: "dns", port: 53, protocol: "UDP" }], undefined, {}, "RouteNotSplittable", "is udp"],
    [
      "of a headless Service",
      [http],
      undefined,
      { clusterIP: "None" },
      "RouteNotSplittable",
      "spec.clusterIP: is None",
    ],
    [
      "of a name elsewhere",
      [http],
      undefined,
      { type: "ExternalName" },
      "RouteNotSplittable",
      "spec.type: is ExternalName",
    ],
  ])("%s", (...[, ports, asked, spec, problem, message]) => {
    expect(servicePort(serviceOf(ports, spec), key, asked)).toEqual({
      problem,
      message: expect.stringContaining(message) as unknown,
    });
  });

  test("without a Service", () => {
    expect(servicePort(undefined, key, undefined)).toMatchObject({ problem: "ServiceNotFound" });
  });
});

import { describe, expect, it } from "vitest";
import { classOf } from "../../../../src/adapters/prometheus/request-class.ts";
import type { RequestClass } from "../../../../src/adapters/prometheus/request-class.ts";

describe("class of requests", () => {
  it.each<[string, string, string, RequestClass]>([
    ["200", "-", "", "Good"],
    ["404", "-", "", "Good"],
    ["429", "RL", "", "Good"],
    ["500", "-", "", "Failed"],
    ["503", "UH", "", "Failed"],
    ["599", "-", "", "Failed"],
    ["5000", "-", "", "Good"],
    ["404", "NR", "", "Failed"],
    ["200", "UT", "", "Failed"],
    ["200", "URX,UF", "", "Failed"],
    ["503", "UF,URX", "", "Failed"],
    ["0", "-", "", "ClientGone"],
    ["0", "DC", "", "ClientGone"],
    ["200", "DC", "", "ClientGone"],
    ["503", "UC,DC", "", "ClientGone"],
    ["200", "-", "0", "Good"],
    ["200", "-", "1", "Good"],
    ["200", "-", "2", "Failed"],
    ["200", "-", "4", "Failed"],
    ["200", "-", "5", "Good"],
    ["200", "-", "13", "Failed"],
    ["200", "-", "14", "Failed"],
    ["200", "-", "15", "Failed"],
    ["200", "-", "16", "Good"],
  ])("code %s, flags %s, gRPC status %s: %s", (response_code, response_flags, grpc_response_status, expected) => {
    expect(classOf({ response_code, response_flags, grpc_response_status })).toBe(expected);
  });

  it("takes series without labels for good requests", () => {
    expect(classOf({})).toBe("Good");
  });
});

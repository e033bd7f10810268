import { describe, expect, test } from "vitest";
import { canaryWeight, eventView, podView } from "../../demo/observed.ts";

const metadata = { name: "product", uid: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
const to = (subset: string, weight?: number) => ({
  destination: { subset },
  ...(weight === undefined ? {} : { weight }),
});

describe("what the API server stores", () => {
  test.each([
    [[to("stable", 90), to("canary", 10)], 10],
    [[to("stable", 0), to("canary", 70)], 100],
    [[to("stable", 35), to("canary", 35)], 50],
    [[to("stable")], 0],
    [[{}], 0],
  ])("route %j gives the canary %d %", (route, weight) => {
    expect(canaryWeight({ metadata, spec: { http: [{ route: [{}] }, { route }] } })).toBe(weight);
  });

  test("a pod is ready when its condition says so, and has the restarts of all its containers", () => {
    const stored = { metadata, spec: { containers: [{ image: "product:v2" }] } };
    expect(podView(stored)).toMatchObject({ image: "product:v2", ready: false, restarts: 0 });
    const status = {
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [{ restartCount: 1 }, { restartCount: 2 }],
    };
    expect(podView({ ...stored, status })).toMatchObject({ ready: true, restarts: 3 });
  });

  test("an event happened when it says, else when it was stored", () => {
    const event = { metadata, reason: "Promoted", message: "Done.", type: "Normal" };
    const at = Date.parse("2026-01-01T00:00:05Z");
    expect(eventView({ ...event, eventTime: "2026-01-01T00:00:05Z" })).toEqual({
      at,
      reason: "Promoted",
      note: "Done.",
      warning: false,
    });
    expect(eventView({ ...event, eventTime: null, type: "Warning" })).toMatchObject({ at: at - 5000, warning: true });
  });
});

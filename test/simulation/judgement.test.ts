import { describe, expect, test } from "vitest";
import { VirtualWorld } from "./virtual-world.ts";

async function releasing(prepare: (world: VirtualWorld) => void = () => undefined): Promise<VirtualWorld> {
  const world = new VirtualWorld();
  await world.run((w) => w.status.phase === "Ready" && w.workload.labelled && w.route.kind === "Rest");
  prepare(world);
  world.changeTemplate("v2");
  return world;
}

const isOver = (world: VirtualWorld) => (world.status.history?.length ?? 0) > 0 && world.status.release === undefined;

/** Runs to the end of the release, with something that happens each second. */
async function ended(world: VirtualWorld, seconds: number, meanwhile: (w: VirtualWorld) => void = () => undefined) {
  const isEnded = await world.run((w) => {
    meanwhile(w);
    return isOver(w);
  }, seconds);
  expect(isEnded, JSON.stringify(world.status.message)).toBe(true);
  return world.status.history?.[0];
}

describe("an incident that both versions have", () => {
  test("of 20 s in which all requests fail: the same", async () => {
    const world = await releasing();
    let begun: number | undefined;
    const end = await ended(world, 1_200, (w) => {
      if (w.status.weight === 50 && w.status.release?.stepStartedAt !== undefined) begun ??= w.now;
      w.incident = begun !== undefined && w.now - begun < 20_000 ? 1 : 0;
    });
    expect(end).toMatchObject({ outcome: "Promoted" });
  });

  test.each([10, 50])("of 60 s at weight %i: stepped back, waited for, and gone on with", async (weight) => {
    const world = await releasing();
    let begun: number | undefined;
    const end = await ended(world, 1_200, (w) => {
      if (w.status.weight === weight && w.status.release?.stepStartedAt !== undefined) begun ??= w.now;
      w.incident = begun !== undefined && w.now - begun < 60_000 ? 0.2 : 0;
    });
    expect(end).toMatchObject({ outcome: "Promoted" });
    expect(world.eventReasons()).toEqual(expect.arrayContaining(["SteppedBack", "Resumed", "Promoted"]));
    expect(world.weights).toEqual(weight === 10 ? [0, 10, 0, 10, 50, 100] : [0, 10, 50, 0, 50, 100]);
    // The pods stayed, or there would have been nothing to go on with.
    expect(world.eventReasons().filter((reason) => reason === "ReleaseStarted")).toHaveLength(1);
  });

  test("that lasts: waits at 0 as long as it does, and a person can abort", async () => {
    const world = await releasing();
    await world.run((w) => w.status.weight === 10, 120);
    world.incident = 0.3;
    expect(await world.run((w) => w.status.conditions?.[0]?.reason === "SharedIncident", 120)).toBe(true);
    await world.run(() => false, 1_800);
    expect(world.route).toEqual({ kind: "Split", weight: 0 });
    expect(world.eventReasons().filter((reason) => reason === "SteppedBack")).toHaveLength(1);
    world.requests = { abort: "2026-01-01T00:10:00Z" };
    expect(await ended(world, 120)).toMatchObject({ outcome: "RolledBack", reason: "Aborted" });
  });

  test("a person can ask to go on in it", async () => {
    const world = await releasing();
    await world.run((w) => w.status.weight === 10, 120);
    world.incident = 0.3;
    await world.run((w) => w.status.release?.steppedBack !== undefined, 120);
    world.requests = { promote: "2026-01-01T00:10:00Z" };
    expect(await world.run((w) => w.status.weight === 10, 30)).toBe(true);
  });
});

describe("a canary that makes stable fail too", () => {
  test("is stepped back, and rolled back when it does so again", async () => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { errorRate: 0.3, harms: 0.3 } };
    });
    expect(await ended(world, 600)).toMatchObject({ outcome: "RolledBack", reason: "SharedDependency" });
    expect(world.weights).toEqual([0, 10, 0, 10, 0]);
    expect(world.eventReasons()).toEqual(expect.arrayContaining(["SteppedBack", "Resumed", "RolledBack"]));
  });

  test("is rolled back as well where stable takes a while to get well each time", async () => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { errorRate: 0.3 } };
    });
    let harmedAt = -Infinity;
    const end = await ended(world, 1_200, (w) => {
      if (w.route.weight > 0) harmedAt = w.now;
      w.incident = w.now - harmedAt < 50_000 ? 0.3 : 0;
    });
    expect(end).toMatchObject({ outcome: "RolledBack", reason: "SharedDependency" });
    expect(world.weights).toEqual([0, 10, 0, 10, 0]);
  });
});

describe("little traffic", () => {
  test.each([0, 0.05, 0.5])("%d requests a second: the release ends by itself", async (rate) => {
    const world = await releasing((w) => {
      w.requestsPerSecond = rate;
    });
    expect(await ended(world, 4 * 3_600)).toMatchObject({ outcome: "Promoted" });
    expect(world.eventReasons()).toContain("StepPassedWithoutEvidence");
  });

  test.each([0.5, 1])(
    "a canary with %d errors of all requests, at half a request a second, is rolled back",
    async (rate) => {
      const world = await releasing((w) => {
        w.requestsPerSecond = 0.5;
        w.behaviours = { v2: { errorRate: rate } };
      });
      expect(await ended(world, 4 * 3_600)).toMatchObject({ outcome: "RolledBack", reason: "ErrorRateTooHigh" });
    },
  );
});

describe("a canary that hangs", () => {
  test("from the beginning, and whose callers give up, is rolled back", async () => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { hangs: "abandoned" } };
    });
    expect(await ended(world, 300)).toMatchObject({ outcome: "RolledBack", reason: "CanaryHangs" });
    expect(world.weights).toEqual([0, 10, 0]);
  });

  test("from the beginning, and whose callers wait for it until none is left, is rolled back", async () => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { hangs: "waited for" } };
    });
    const end = await ended(world, 300);
    expect(end).toMatchObject({ outcome: "RolledBack", reason: "CanaryHangs" });
    expect(end?.explanation).toContain("none did, and callers made");
    expect(world.weights).toEqual([0, 10, 0]);
  });

  test("so that nothing ends any more is not gone on with", async () => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { hangs: "for ever" } };
    });
    const over = await world.run((w) => {
      if (w.status.weight === 10) w.requestsPerSecond = 0.01;
      return isOver(w);
    }, 4 * 3_600);
    expect(over).toBe(false);
    expect(world.status.conditions?.[0]?.reason).toBe("InsufficientTraffic");
    expect(world.status.message).toContain("it may hang");
    expect(world.weights).toEqual([0, 10]);
  });

  test.each(["abandoned", "for ever"] as const)("in mid-step (%s) is rolled back", async (hangs) => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { hangs } };
      w.hangsFrom = Infinity;
    });
    const end = await ended(world, 600, (w) => {
      if (w.status.weight === 50 && w.status.release?.stepStartedAt !== undefined)
        w.hangsFrom = Math.min(w.hangsFrom, w.now);
    });
    expect(end).toMatchObject({ outcome: "RolledBack", reason: "CanaryHangs" });
    expect(end?.explanation).toContain(hangs === "abandoned" ? "gave up" : "does not end");
  });
});

describe("a canary of which no pod is fit", () => {
  test.each([1, 0.2])("for %d of its requests is rolled back", async (unfit) => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { unfit } };
    });
    expect(await ended(world, 300)).toMatchObject({ outcome: "RolledBack", reason: "RequestsLost" });
    expect(world.weights).toEqual([0, 10, 0]);
  });

  test("for as few of them as may fail is promoted", async () => {
    const world = await releasing((w) => {
      w.behaviours = { v2: { unfit: 0.005 } };
    });
    expect(await ended(world, 1_200)).toMatchObject({ outcome: "Promoted" });
  });
});

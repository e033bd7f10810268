import { describe, expect, it } from "vitest";
import { pause, repeat, systemTimers } from "../../../src/runtime/timers.ts";
import { createVirtualTimers, settled } from "../../support/virtual-timers.ts";

describe("pause()", () => {
  it("ends after its time, or with its signal, and leaves nothing behind", async () => {
    const timers = createVirtualTimers();
    const stop = new AbortController();
    const ended: string[] = [];
    void pause(timers, 100, stop.signal).then(() => ended.push("short"));
    void pause(timers, 1_000, stop.signal).then(() => ended.push("long"));
    await timers.advance(100);
    expect(ended).toEqual(["short"]);
    stop.abort();
    await settled();
    await pause(timers, 1_000, stop.signal);
    expect([ended, timers.pending]).toEqual([["short", "long"], 0]);
  });
});

describe("repeat()", () => {
  it("calls again and again until its signal ends it", async () => {
    const timers = createVirtualTimers();
    const stop = new AbortController();
    let calls = 0;
    repeat(timers, 100, () => (calls += 1), stop.signal);
    await timers.advance(350);
    expect(calls).toBe(3);
    stop.abort();
    await timers.advance(1_000);
    expect([calls, timers.pending]).toEqual([3, 0]);
    repeat(timers, 100, () => (calls += 1), stop.signal);
    expect(timers.pending).toBe(0);
  });
});

describe("systemTimers", () => {
  it("calls back, unless cancelled, and does not fire a very long wait at once", async () => {
    const fired: string[] = [];
    systemTimers.after(1, () => fired.push("cancelled"))();
    const cancelLong = systemTimers.after(1e12, () => fired.push("long"));
    await new Promise<void>((resolve) => systemTimers.after(5, resolve));
    cancelLong();
    expect(fired).toEqual([]);
    expect(systemTimers.now()).toBeGreaterThan(0);
  });
});

import { describe, expect, it } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import { createServerClock } from "../../../../src/adapters/prometheus/server-clock.ts";

const { signal } = new AbortController();

/** A clock and a server whose clock is ahead by `ahead`, with a round trip of `trip`. */
function world(ahead: number, trip = 0) {
  const state = { now: 1_000_000, ahead, asked: 0, answer: undefined as Answer | undefined };
  const api = {
    query(): Promise<Answer> {
      state.asked += 1;
      const value = (state.now + state.ahead + trip / 2) / 1_000;
      state.now += trip;
      return Promise.resolve(state.answer ?? { kind: "Scalar", value });
    },
  };
  return { state, serverClock: createServerClock(api, { now: () => state.now }) };
}

describe("the server's clock", () => {
  it("is never taken to be further than it is", async () => {
    const { serverClock } = world(5_000, 400);
    expect(await serverClock.offset(signal)).toEqual({ kind: "Known", ahead: 4_800 });
  });

  it("is asked for once a minute", async () => {
    const { state, serverClock } = world(0);
    await serverClock.offset(signal);
    state.now += 59_999;
    await serverClock.offset(signal);
    expect(state.asked).toBe(1);
    state.now += 1;
    state.ahead = -2_000;
    expect(await serverClock.offset(signal)).toEqual({ kind: "Known", ahead: -2_000 });
  });

  it("is asked for again when our own clock went back", async () => {
    const { state, serverClock } = world(0);
    await serverClock.offset(signal);
    state.now -= 1;
    await serverClock.offset(signal);
    expect(state.asked).toBe(2);
  });

  it("passes problems on and asks again", async () => {
    const { state, serverClock } = world(0);
    state.answer = { kind: "Problem", cause: "Refused", problem: "gone" };
    expect(await serverClock.offset(signal)).toEqual({ kind: "Problem", cause: "Refused", problem: "gone" });
    state.answer = { kind: "Series", series: [] };
    expect(await serverClock.offset(signal)).toMatchObject({ kind: "Problem" });
    expect(state.asked).toBe(2);
  });
});

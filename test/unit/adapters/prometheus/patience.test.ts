import { describe, expect, it } from "vitest";
import type { Answer, Problem } from "../../../../src/adapters/prometheus/answers.ts";
import { patient } from "../../../../src/adapters/prometheus/patience.ts";

const { signal } = new AbortController();
const fine: Answer = { kind: "Scalar", value: 1 };
const problem = (cause: Problem["cause"]): Answer => ({ kind: "Problem", cause, problem: cause });

/** A Prometheus whose answers are given by hand. */
function world(atOnce?: number) {
  const state = { now: 0, asked: 0, waiting: [] as ((answer: Answer) => void)[] };
  const query = () => {
    state.asked += 1;
    return new Promise<Answer>((resolve) => state.waiting.push(resolve));
  };
  const api = patient({ query }, { now: () => state.now, ...(atOnce === undefined ? {} : { atOnce }) });
  const ask = (how = signal) => api.query("1", undefined, how);
  /** Asks, and is answered. */
  const exchange = async (answer: Answer) => {
    const asked = ask();
    await Promise.resolve();
    state.waiting.shift()?.(answer);
    return asked;
  };
  return { state, ask, exchange };
}

describe("patience", () => {
  it("asks a few questions at a time, the others in their order", async () => {
    const { state, ask } = world(2);
    const asked = [ask(), ask(), ask()];
    await Promise.resolve();
    expect(state.asked).toBe(2);
    state.waiting.shift()?.(fine);
    await asked[0];
    await new Promise(setImmediate);
    expect(state.asked).toBe(3);
    for (const answer of state.waiting) answer(fine);
    expect(await Promise.all(asked)).toEqual([fine, fine, fine]);
  });

  it("does not keep somebody waiting who gives up", async () => {
    const { state, ask } = world(1);
    void ask();
    const giving = new AbortController();
    const given = ask(giving.signal);
    giving.abort();
    await new Promise(setImmediate);
    // The question itself knows best what to say to somebody who does not wait.
    expect(state.asked).toBe(2);
    for (const answer of state.waiting) answer(problem("Stopped"));
    expect(await given).toEqual(problem("Stopped"));
  });

  it("pauses after it found nobody, twice as long each time up to five seconds, and answers the same meanwhile", async () => {
    const { state, ask, exchange } = world();
    for (const pause of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
      expect(await exchange(problem("Away"))).toEqual(problem("Away"));
      const before = state.asked;
      state.now += pause - 1;
      expect(await ask()).toEqual(problem("Away"));
      expect(state.asked).toBe(before);
      state.now += 1;
    }
    await exchange(fine);
    await exchange(problem("Away"));
    state.now += 250;
    expect(await exchange(fine)).toEqual(fine);
  });

  it("takes one late answer for the fault of its question, three in a row for trouble", async () => {
    const { state, ask, exchange } = world();
    for (const answer of ["Late", "Late"] as const) await exchange(problem(answer));
    await exchange(fine);
    for (const answer of ["Late", "Late", "Late"] as const) await exchange(problem(answer));
    const { asked } = state;
    expect(asked).toBe(6);
    expect(await ask()).toEqual(problem("Late"));
    expect(state.asked).toBe(asked);
  });

  it.each(["Refused", "Stopped"] as const)("asks on after one question was %s", async (cause) => {
    const { state, exchange } = world();
    await exchange(problem(cause));
    await exchange(fine);
    expect(state.asked).toBe(2);
  });
});

import { describe, expect, it } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import { createSettlingTime } from "../../../../src/adapters/prometheus/settling.ts";
import { aTrafficQuery } from "../../../support/traffic-query.ts";

const { signal } = new AbortController();
const query = aTrafficQuery();

function world(answer: Answer) {
  const state = { now: 0, answer, asked: [] as string[] };
  const api = {
    query: (expression: string) => {
      state.asked.push(expression);
      return Promise.resolve(state.answer);
    },
  };
  return { state, settlingTime: createSettlingTime(api, { now: () => state.now }) };
}

function takes(seconds: number): Answer {
  return { kind: "Series", series: [{ labels: {}, samples: [{ at: 0, values: [seconds] }] }] };
}

describe("the settling time", () => {
  it.each([
    [0.01, 150],
    [0.8, 900],
    [2, 2_100],
    [9, 3_000],
  ])("for scrapes of %d s is %i ms", async (seconds, expected) => {
    expect(await world(takes(seconds)).settlingTime(query, signal)).toBe(expected);
  });

  it("is asked for once a minute and Service", async () => {
    const { state, settlingTime } = world(takes(2));
    await settlingTime(query, signal);
    state.now = 59_999;
    await settlingTime(query, signal);
    expect(state.asked).toHaveLength(1);
    await settlingTime({ ...query, service: "cart" }, signal);
    state.now = 60_000;
    await settlingTime(query, signal);
    expect(state.asked).toHaveLength(3);
    expect(state.asked[0]).toMatch(/^max\(scrape_duration_seconds and on \(instance, job\) istio_requests_total\{/);
  });

  it.each<Answer>([
    { kind: "Problem", cause: "Refused", problem: "gone" },
    { kind: "Series", series: [] },
  ])("is a second while it is not known, and asked for again", async (answer) => {
    const { state, settlingTime } = world(answer);
    expect(await settlingTime(query, signal)).toBe(1_000);
    state.answer = takes(2);
    expect(await settlingTime(query, signal)).toBe(2_100);
  });
});

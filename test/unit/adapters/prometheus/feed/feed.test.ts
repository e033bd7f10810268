import { describe, expect, it } from "vitest";
import type { Answer, Problem } from "../../../../../src/adapters/prometheus/answers.ts";
import { createFeed } from "../../../../../src/adapters/prometheus/feed/feed.ts";
import type { SampleStore } from "../../../../../src/adapters/prometheus/feed/sample-store.ts";
import type { Subject } from "../../../../../src/adapters/prometheus/selectors.ts";

const { signal } = new AbortController();

function subject(service: string): Subject {
  return { metric: "m", reporter: "source", namespace: "shop", service, workloads: [service] };
}

/** A Prometheus that scrapes each of some Services every second, and refuses some questions. */
function world(services: readonly string[], answerTo: (expression: string) => Answer | undefined = () => undefined) {
  const state = { now: 0, asked: [] as string[] };
  const query = (expression: string, until = 0): Promise<Answer> => {
    state.asked.push(expression);
    const special = answerTo(expression);
    if (special !== undefined) return Promise.resolve(special);
    const length = Number(/\[(\d+)ms\]/.exec(expression)?.[1]);
    const first = Math.floor((until - length) / 1_000) + 1;
    const moments = Array.from(
      { length: Math.floor(until / 1_000) - first + 1 },
      (_, index) => (first + index) * 1_000,
    );
    const series = services
      .filter((service) => new RegExp(`[|"]${service}[|"]`).test(expression))
      .map((service) => ({
        labels: {
          destination_service_namespace: "shop",
          destination_service_name: service,
          destination_workload: service,
        },
        samples: moments.map((at) => ({ at, values: [at] })),
      }));
    return Promise.resolve({ kind: "Series", series });
  };
  const feed = createFeed({ api: { query }, now: () => state.now, gather: () => new Promise(setImmediate) });
  const follow = (service: string, from: number, to: number) => feed.follow(subject(service), from, to, signal);
  return { state, follow, feed };
}

function times(answer: SampleStore | Problem): readonly number[] {
  if ("kind" in answer) throw new Error(answer.problem);
  return answer.between(-Infinity, Infinity).flatMap(({ samples }) => samples.map(({ at }) => at));
}

describe("the feed", () => {
  it("asks for each sample once, and keeps as much as is wanted", async () => {
    const { state, follow } = world(["a"]);
    expect(times(await follow("a", 0, 3_500))).toEqual([1_000, 2_000, 3_000]);
    state.now = 10_001;
    expect(times(await follow("a", 1_500, 5_200))).toEqual([2_000, 3_000, 4_000, 5_000]);
    expect(times(await follow("a", 1_500, 5_200))).toHaveLength(4);
    expect(state.asked.map((expression) => /\[.*\]/.exec(expression)?.[0])).toEqual(["[3500ms]", "[1700ms]"]);
  });

  it("keeps what one of two wants that look at the same samples in turn, and not at the same span", async () => {
    const { state, follow } = world(["a"]);
    for (const at of [20_000, 21_000, 22_000]) {
      state.now = at;
      await follow("a", at - 15_000, at);
      await follow("a", at - 3_000, at);
    }
    expect(state.asked.map((expression) => /\[.*\]/.exec(expression)?.[0])).toEqual([
      "[15000ms]",
      "[1000ms]",
      "[1000ms]",
    ]);
  });

  it("asks for everything again when more is wanted than it kept", async () => {
    const { follow } = world(["a"]);
    await follow("a", 2_500, 4_000);
    expect(times(await follow("a", 500, 4_100))).toEqual([1_000, 2_000, 3_000, 4_000]);
  });

  it("asks for several Rollouts at once, and gives each its own", async () => {
    const { state, follow } = world(["a", "b", "c"]);
    await Promise.all(["a", "b", "c"].map((service) => follow(service, 0, 2_000)));
    expect(state.asked).toHaveLength(3);
    const [a, b, c] = await Promise.all([follow("a", 0, 3_000), follow("b", 0, 3_100), follow("c", 0, 4_000)]);
    expect(state.asked).toHaveLength(4);
    expect([a, b, c].map((answer) => times(answer).at(-1))).toEqual([3_000, 3_000, 4_000]);
    // What was brought for another is not known to be all there is.
    expect(a).toMatchObject({ to: 3_000 });
  });

  it("finds the one that is refused, and answers the others", async () => {
    const refused: Answer = { kind: "Problem", cause: "Refused", problem: "too many samples" };
    const services = ["a", "b", "c", "d", "e"];
    let isRefusing = false;
    const { follow } = world(services, (expression) =>
      isRefusing && /[|"]d[|"]/.test(expression) ? refused : undefined,
    );
    await Promise.all(services.map((service) => follow(service, 0, 1_000)));
    isRefusing = true;
    const answers = await Promise.all(services.map((service) => follow(service, 0, 2_000)));
    expect(answers.map((answer) => ("kind" in answer ? answer.problem : "fine"))).toEqual([
      "fine",
      "fine",
      "fine",
      "too many samples",
      "fine",
    ]);
  });

  it("asks for each by itself after they were late together, until it is answered", async () => {
    const late: Answer = { kind: "Problem", cause: "Late", problem: "late" };
    let isLate = false;
    const { state, follow } = world(["a", "b"], () => (isLate ? late : undefined));
    const both = (to: number) => Promise.all([follow("a", 0, to), follow("b", 0, to)]);
    await both(1_000);
    isLate = true;
    expect(await both(2_000)).toEqual([late, late]);
    isLate = false;
    const count = async (to: number) => {
      const before = state.asked.length;
      await both(to);
      return state.asked.length - before;
    };
    expect([await count(3_000), await count(4_000)]).toEqual([2, 1]);
  });

  it("tells everyone when Prometheus is away, with one question", async () => {
    const away: Answer = { kind: "Problem", cause: "Away", problem: "away" };
    let isAway = false;
    const { state, follow } = world(["a", "b"], () => (isAway ? away : undefined));
    await Promise.all([follow("a", 0, 1_000), follow("b", 0, 1_000)]);
    isAway = true;
    const before = state.asked.length;
    expect(await Promise.all([follow("a", 0, 2_000), follow("b", 0, 2_000)])).toEqual([away, away]);
    expect(state.asked.length - before).toBe(1);
  });

  it("does not take a number for series", async () => {
    const { follow } = world([], () => ({ kind: "Scalar", value: 1 }));
    expect(await follow("a", 0, 1_000)).toMatchObject({ kind: "Problem", cause: "Refused" });
  });

  it("forgets after a minute what nobody asks for", async () => {
    const { state, follow } = world(["a", "b"]);
    await follow("a", 0, 1_000);
    state.now = 60_001;
    await follow("b", 0, 1_000);
    await follow("a", 0, 2_000);
    expect(state.asked.at(-1)).toContain("[2000ms]");
  });

  it("waits for nobody who has given up, and is not waited for any more when all have", async () => {
    const signals: AbortSignal[] = [];
    const query = (_: string, __: number | undefined, its: AbortSignal): Promise<Answer> => {
      signals.push(its);
      return new Promise((resolve) => {
        its.addEventListener("abort", () => resolve({ kind: "Problem", cause: "Stopped", problem: "stopped" }));
      });
    };
    const feed = createFeed({ api: { query }, now: () => 0, gather: () => Promise.resolve() });
    const giving = new AbortController();
    const answer = feed.follow(subject("a"), 0, 1_000, giving.signal);
    await new Promise(setImmediate);
    expect(signals[0]?.aborted).toBe(false);
    giving.abort();
    expect(await answer).toMatchObject({ cause: "Stopped" });
  });

  it("keeps nobody waiting for as long as another one has patience", async () => {
    const query = () => new Promise<Answer>(() => undefined);
    const feed = createFeed({ api: { query }, now: () => 0, gather: () => Promise.resolve() });
    const short = new AbortController();
    void feed.follow(subject("a"), 0, 1_000, new AbortController().signal);
    const answer = feed.follow(subject("b"), 0, 1_000, short.signal);
    await new Promise(setImmediate);
    short.abort(new DOMException("over", "TimeoutError"));
    expect(await answer).toMatchObject({ kind: "Problem", cause: "Late" });
  });
});

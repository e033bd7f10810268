import { setTimeout as pause } from "node:timers/promises";
import type { Instant, Milliseconds } from "../../../api/instant.ts";
import { givenUp, type Problem } from "../answers.ts";
import type { QueryApi } from "../query-api.ts";
import { keyOf, placeOf, samplesWithin, selector, selects, type Subject } from "../selectors.ts";
import type { Series } from "../series.ts";
import { batchesOf, type Want } from "./batches.ts";
import { SampleStore } from "./sample-store.ts";

/** Keeps the samples that are judged, for all Rollouts of one Prometheus: each is asked for once. */
export interface Feed {
  /** Brings the samples of a subject after `from` and up to `to`, which is a moment at which all of them are stored. */
  follow(subject: Subject, from: Instant, to: Instant, signal: AbortSignal): Promise<SampleStore | Problem>;
}

export interface FeedOptions {
  readonly api: QueryApi;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => Milliseconds;
  /** Waits before wants are asked for, so that others join. */
  readonly gather?: () => Promise<void>;
}

/** What nobody asked for in this time is forgotten. */
const forgottenAfter: Milliseconds = 60_000;

/** Those who look at the same samples do so in turn, over spans of their own; the longest of this time is kept. */
const inTurn: Milliseconds = 10_000;

const gatherFor: Milliseconds = 20;

interface Followed {
  readonly store: SampleStore;
  /** Whether it may be asked for together with others. */
  alone: boolean;
  usedAt: Milliseconds;
  /** Since when samples were wanted of late. */
  wanted: readonly { readonly from: Instant; readonly at: Milliseconds }[];
}

interface Asked extends Want {
  readonly followed: Followed;
  readonly signal: AbortSignal;
  readonly answer: (answer: SampleStore | Problem) => void;
}

export function createFeed({ api, now, gather = () => pause(gatherFor) }: FeedOptions): Feed {
  const all = new Map<string, Followed>();
  let asked: Asked[] = [];

  function followedBy(subject: Subject): Followed {
    for (const [key, { usedAt }] of all) if (now() - usedAt > forgottenAfter) all.delete(key);
    const key = keyOf(subject);
    const followed = all.get(key) ?? { store: new SampleStore(), alone: false, usedAt: now(), wanted: [] };
    followed.usedAt = now();
    all.set(key, followed);
    return followed;
  }

  function ask(one: Asked): void {
    asked.push(one);
    if (asked.length > 1) return;
    void gather().then(() => {
      const together = asked;
      asked = [];
      for (const batch of batchesOf(together)) void fetchBatch(api, batch);
    });
  }

  return {
    async follow(subject, from, to, signal) {
      const followed = followedBy(subject);
      const { store } = followed;
      followed.wanted = [...followed.wanted.filter(({ at }) => now() - at <= inTurn), { from, at: now() }];
      const isKnown = store.from <= from && store.to >= from;
      if (!isKnown || store.to < to) {
        const want = { subject, from: isKnown ? store.to : from, to, series: isKnown ? store.size : undefined };
        const answer = await new Promise<SampleStore | Problem>((resolve) => {
          ask({ ...want, alone: followed.alone, followed, signal, answer: resolve });
          // Others may have more patience for the same query.
          signal.addEventListener("abort", () => resolve(givenUp(signal)), { once: true });
        });
        if (!(answer instanceof SampleStore)) return answer;
      }
      store.forget(Math.min(...followed.wanted.map((earlier) => earlier.from)));
      return store;
    },
  };
}

/** One query for all of a batch, at the latest moment that anybody wants; in halves where it is refused. */
async function fetchBatch(api: QueryApi, batch: readonly Asked[]): Promise<void> {
  const from = Math.min(...batch.map((one) => one.from));
  const to = Math.max(...batch.map((one) => one.to));
  const expression = samplesWithin(selector(...batch.map(({ subject }) => subject)), to - from);
  const all = everyone(batch.map(({ signal }) => signal));
  const answer = await api.query(expression, to, all.signal);
  all.stop();
  if (answer.kind === "Series") return give(batch, answer.series);
  const problem: Problem =
    answer.kind === "Problem" ? answer : { kind: "Problem", cause: "Refused", problem: notSeries };
  if (problem.cause === "Refused" && batch.length > 1) {
    const middle = Math.ceil(batch.length / 2);
    await Promise.all([fetchBatch(api, batch.slice(0, middle)), fetchBatch(api, batch.slice(middle))]);
    return;
  }
  for (const one of batch) {
    // Whoever made it late is found when each is asked for by itself.
    if (problem.cause === "Late") one.followed.alone = true;
    one.answer(problem);
  }
}

const notSeries = "answered with a number where series were asked for";

function give(batch: readonly Asked[], series: readonly Series[]): void {
  const key = ({ namespace, service }: { readonly namespace: string; readonly service: string }) =>
    `${namespace}/${service}`;
  const byService = Map.groupBy(series, ({ labels }) => key(placeOf(labels)));
  for (const { subject, from, to, followed, answer } of batch) {
    const near = subject.raw === undefined ? byService.get(key(subject)) : series;
    const its = (near ?? []).filter(({ labels }) => selects(subject, labels));
    const { store } = followed;
    // What was asked for meanwhile by another reconcile of the same Rollout is here already.
    if (from === store.to) store.extend(its, to);
    else if (!(store.from <= from && store.to >= to)) store.load(its, from, to);
    followed.alone = false;
    answer(store);
  }
}

/** Aborted once all of some signals are, for the reason of the last. */
function everyone(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const check = () => {
    if (signals.every(({ aborted }) => aborted)) controller.abort(signals.at(-1)?.reason);
  };
  for (const signal of signals) signal.addEventListener("abort", check);
  check();
  return {
    signal: controller.signal,
    stop() {
      for (const signal of signals) signal.removeEventListener("abort", check);
    },
  };
}

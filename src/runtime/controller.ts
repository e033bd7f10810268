import { randomUUID } from "node:crypto";
import type { BackOff } from "./back-off.ts";
import { workOn } from "./current-work.ts";
import { TransientError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { classifyFailure, type FailureKind, type ReconcileFailure } from "./outcome.ts";
import type { Timers } from "./timers.ts";
import type { WorkQueue } from "./work-queue.ts";

/** When to look at the key again; undefined: when it is added. Milliseconds. */
export interface ReconcileResult {
  readonly requeueAfter?: number | undefined;
}

export interface ControllerOptions {
  readonly queue: WorkQueue;
  readonly workers: number;
  readonly reconcile: (key: string, signal: AbortSignal, log: Logger) => Promise<ReconcileResult>;
  /**
   * Told about every failure but conflicts, before the key is tried again, so that people can be told. What it rejects
   * with is logged and changes nothing.
   */
  readonly onFailure?: (key: string, failure: ReconcileFailure, signal: AbortSignal, log: Logger) => Promise<void>;
  readonly onResult?: (result: {
    readonly outcome: "done" | "cancelled" | FailureKind;
    readonly seconds: number;
  }) => void;
  /** Told when work on a key begins, and when it has ended. */
  readonly watch?: { begin(key: string): void; end(key: string): void };
  readonly timers: Timers;
  readonly log: Logger;
  /** What one reconcile may take. Milliseconds. */
  readonly deadline?: number;
}

const defaultDeadline = 60_000;

/** What writing about a failure may take. Milliseconds. */
const failureDeadline = 10_000;

/** Looked at again in case what was refused is accepted now and nothing that is watched told. Milliseconds. */
const slowRecheck = 10 * 60_000;

/** How each kind of failure is tried again. Milliseconds. */
export const backOffs: Readonly<Record<Exclude<FailureKind, "rejected">, BackOff>> = {
  conflict: { base: 50, cap: 10_000 },
  transient: { base: 500, cap: 5 * 60_000 },
  unexpected: { base: 5 * 60_000, cap: 5 * 60_000 },
};

/**
 * Reconciles keys from the queue until the signal is aborted, then drains the queue; resolves when no reconcile runs
 * any more. Never rejects.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const drained = new Promise<void>((resolve) => {
    const drain = () => void options.queue.drain().then(resolve);
    if (signal.aborted) drain();
    else signal.addEventListener("abort", drain, { once: true });
  });
  await Promise.all([drained, ...Array.from({ length: options.workers }, () => work(options, signal))]);
}

async function work(options: ControllerOptions, shutdown: AbortSignal): Promise<void> {
  for (let key = await options.queue.take(); key !== undefined; key = await options.queue.take()) {
    options.watch?.begin(key);
    try {
      await workOn(key, () => reconcileOnce(key, options, shutdown));
    } catch (error) {
      // Not the reconcile, which is caught: a hook. A worker less would not be noticed until there is none.
      options.log.error("a worker failed", { key, error, retryIn: options.queue.retry(key, backOffs.unexpected) });
    } finally {
      options.watch?.end(key);
      options.queue.done(key);
    }
  }
}

async function reconcileOnce(key: string, options: ControllerOptions, shutdown: AbortSignal): Promise<void> {
  const { timers, onResult } = options;
  const log = options.log.child({ key, reconcileId: randomUUID() });
  const began = timers.now();
  const outcome = await withDeadline(options.deadline ?? defaultDeadline, timers, shutdown, async (signal) => {
    try {
      return { kind: "done" as const, result: await options.reconcile(key, signal, log) };
    } catch (error) {
      return failureOf(error, signal, shutdown);
    }
  });
  onResult?.({ outcome: outcome.kind, seconds: (timers.now() - began) / 1_000 });
  if (outcome.kind !== "done" && outcome.kind !== "cancelled" && outcome.kind !== "conflict") {
    await tellFailure(key, outcome, options, shutdown, log);
  }
  settle(key, outcome, options, log);
}

type Outcome =
  { readonly kind: "done"; readonly result: ReconcileResult } | { readonly kind: "cancelled" } | ReconcileFailure;

/** The one place that decides what an outcome does to the queue and the log. */
function settle(key: string, outcome: Outcome, { queue }: ControllerOptions, log: Logger): void {
  switch (outcome.kind) {
    case "done":
      queue.forget(key);
      if (outcome.result.requeueAfter !== undefined) queue.add(key, { after: outcome.result.requeueAfter });
      return;
    case "cancelled":
      return;
    case "conflict":
      return log.debug("acted on an old version", {
        error: outcome.error,
        retryIn: queue.retry(key, backOffs.conflict),
      });
    case "transient":
      return log.warn("could not reconcile", {
        error: outcome.error,
        retryIn: queue.retry(key, backOffs.transient, outcome.retryAfter),
      });
    case "rejected":
      queue.forget(key);
      queue.add(key, { after: slowRecheck });
      return log.warn("was refused", { error: outcome.error, retryIn: slowRecheck });
    case "unexpected":
      return log.error("failed unexpectedly", { error: outcome.error, retryIn: queue.retry(key, backOffs.unexpected) });
  }
}

async function tellFailure(
  key: string,
  failure: ReconcileFailure,
  { timers, onFailure }: ControllerOptions,
  shutdown: AbortSignal,
  log: Logger,
): Promise<void> {
  try {
    await withDeadline(failureDeadline, timers, shutdown, async (signal) => onFailure?.(key, failure, signal, log));
  } catch (error) {
    if (!shutdown.aborted) log.warn("could not tell about a failure", { error });
  }
}

/** Whatever was thrown because we were told to stop, or because time was up, is that. */
function failureOf(error: unknown, signal: AbortSignal, shutdown: AbortSignal): Outcome {
  if (shutdown.aborted) return { kind: "cancelled" };
  if (signal.aborted && error === signal.reason) {
    return classifyFailure(new TransientError("the reconcile took too long and was given up", { cause: error }));
  }
  return classifyFailure(error);
}

async function withDeadline<T>(
  deadline: number,
  timers: Timers,
  shutdown: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const cancel = timers.after(deadline, () => {
    late.abort(new DOMException("time is up", "TimeoutError"));
  });
  try {
    return await run(AbortSignal.any([shutdown, late.signal]));
  } finally {
    cancel();
  }
}

/** The part of `process` that matters here. */
export interface SignalSource {
  on(event: string, listener: (...details: unknown[]) => void): unknown;
  off(event: string, listener: (...details: unknown[]) => void): unknown;
}

export interface Shutdown {
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
  /** Why, when it was not somebody's wish. */
  readonly failure: unknown;
  /** Begins the shutdown: nobody asked for it, something failed. */
  fail(error: unknown): void;
  /** Listens no more. */
  dispose(): void;
}

export interface ShutdownOptions {
  readonly process: SignalSource;
  /** Called for an error that nobody caught. */
  readonly onUnhandled: (kind: "rejection" | "exception", error: unknown) => void;
  /** Called when a second signal comes: whoever sent it does not want to wait. */
  readonly onImpatience: () => void;
}

/**
 * Listens for SIGTERM and SIGINT. A promise that nobody caught is reported and the process goes on: one Rollout's
 * mistake must not stop the others. After an exception that nobody caught nothing can be relied on: it is reported and
 * the shutdown begins.
 */
export function listenForShutdown({ process, onUnhandled, onImpatience }: ShutdownOptions): Shutdown {
  const controller = new AbortController();
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    controller.abort(new DOMException("the operator is stopping", "AbortError"));
  };
  const stop = () => {
    if (controller.signal.aborted) onImpatience();
    else controller.abort(new DOMException("the operator is stopping", "AbortError"));
  };
  const listeners: readonly (readonly [string, (...details: unknown[]) => void])[] = [
    ["SIGTERM", stop],
    ["SIGINT", stop],
    ["unhandledRejection", (error) => onUnhandled("rejection", error)],
    [
      "uncaughtException",
      (error) => {
        onUnhandled("exception", error);
        fail(error);
      },
    ],
  ];
  for (const [event, listener] of listeners) process.on(event, listener);
  return {
    signal: controller.signal,
    get failure() {
      return failure;
    },
    fail,
    dispose() {
      for (const [event, listener] of listeners) process.off(event, listener);
    },
  };
}

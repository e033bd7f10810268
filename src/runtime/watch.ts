import { backOffDelay, type BackOff } from "./back-off.ts";

/** What the machine needs to know of an object. */
export interface WatchedObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

/** `expired`: the version asked for is gone. `unserved`: the API server does not know the resource. Milliseconds. */
export interface WatchFailure {
  readonly kind: "expired" | "unserved" | "other";
  readonly message: string;
  readonly retryAfter?: number | undefined;
}

/** A message of an open watch. */
export type WatchMessage<T> =
  | { readonly kind: "changed"; readonly object: T }
  | { readonly kind: "deleted"; readonly object: T }
  | { readonly kind: "bookmark"; readonly version: string };

export type WatchInput<T> =
  | { readonly kind: "start" }
  | { readonly kind: "listed"; readonly objects: readonly T[]; readonly version: string }
  | WatchMessage<T>
  /** A list was refused or, after `lasted` milliseconds, a watch. */
  | { readonly kind: "failed"; readonly failure: WatchFailure; readonly lasted: number; readonly random: number }
  /** The server ended the watch in good order, after `lasted` milliseconds. */
  | { readonly kind: "closed"; readonly lasted: number; readonly random: number }
  /** Nothing was heard for too long. */
  | { readonly kind: "silent" }
  /** The wait that was asked for is over. */
  | { readonly kind: "waited" };

export type WatchOutput<T> =
  | { readonly kind: "list" }
  | { readonly kind: "watch"; readonly version: string }
  /** `why` is absent where nothing went wrong. */
  | { readonly kind: "wait"; readonly delay: number; readonly why: string | undefined }
  /** The cache is to hold exactly these. */
  | { readonly kind: "replace"; readonly objects: readonly T[] }
  | { readonly kind: "put"; readonly object: T }
  | { readonly kind: "drop"; readonly object: T }
  | { readonly kind: "unserved" };

/** What went wrong since a watch last lasted: failed or short requests, and versions that were gone, in a row. */
interface Trouble {
  readonly failures: number;
  readonly expiries: number;
}

/** `version` is what to resume a watch from; absent: list. */
export type WatchState =
  | { readonly kind: "idle" }
  | ({ readonly kind: "listing" } & Trouble)
  | ({ readonly kind: "watching"; readonly version: string } & Trouble)
  | ({ readonly kind: "waiting"; readonly version: string | undefined } & Trouble);

const noTrouble: Trouble = { failures: 0, expiries: 0 };

type Step<T> = readonly [WatchState, readonly WatchOutput<T>[]];

/** After a failed list or watch. Short, because a rollback may be waiting behind it. Milliseconds. */
const backOff: BackOff = { base: 250, cap: 8_000 };

/** How often a resource that the API server does not serve is asked for. Milliseconds. */
const unservedRecheck: BackOff = { base: 20_000, cap: 25_000 };

/** Replicas that were thrown out together come back within this. Milliseconds. */
const expiredSpread = 250;

/** No server is asked to be waited for longer than this, whatever it says. Milliseconds. */
const longestRetryAfter = 60_000;

/** A watch that ended sooner than this had no time to be of use. Milliseconds. */
const shortWatch = 1_000;

/**
 * List, then watch from the version of the list, for ever.
 *
 * Guarantees: a watch resumes where the one before it ended; an expired version leads to a new list at once; every
 * failure leads to a wait and every wait to a request, so the machine never stands still and never spins.
 */
export function step<T extends WatchedObject>(state: WatchState, input: WatchInput<T>): Step<T> {
  switch (input.kind) {
    case "start":
      return state.kind === "idle" ? list(noTrouble) : [state, []];
    case "failed":
      return failed(input.lasted >= shortWatch ? { ...state, ...noTrouble } : state, input.failure, input.random);
    case "listed":
      return state.kind === "listing" ? listed(state, input.objects, input.version) : [state, []];
    case "waited":
      return state.kind === "waiting" ? resume(state) : [state, []];
    default:
      return state.kind === "watching" ? watching(state, input) : [state, []];
  }
}

type Watching = WatchState & { readonly kind: "watching" };
type WatchingInput<T> = Exclude<WatchInput<T>, { readonly kind: "start" | "failed" | "listed" | "waited" }>;

function watching<T extends WatchedObject>(state: Watching, input: WatchingInput<T>): Step<T> {
  switch (input.kind) {
    case "changed":
      return heard(state, input.object.metadata.resourceVersion, { kind: "put", object: input.object });
    case "deleted":
      return heard(state, input.object.metadata.resourceVersion, { kind: "drop", object: input.object });
    case "bookmark":
      return heard(state, input.version);
    case "closed":
      return closed(state, input.lasted, input.random);
    case "silent":
      return watch(state.version, state);
  }
}

function list<T>({ failures, expiries }: Trouble): Step<T> {
  return [{ kind: "listing", failures, expiries }, [{ kind: "list" }]];
}

function watch<T>(version: string, { failures, expiries }: Trouble): Step<T> {
  return [{ kind: "watching", version, failures, expiries }, [{ kind: "watch", version }]];
}

function wait<T>(
  version: string | undefined,
  { failures, expiries }: Trouble,
  delay: number,
  why: string | undefined,
): Step<T> {
  return [{ kind: "waiting", version, failures, expiries }, [{ kind: "wait", delay, why }]];
}

function listed<T>({ expiries }: Trouble, objects: readonly T[], version: string): Step<T> {
  const [state, outputs] = watch<T>(version, { failures: 0, expiries });
  return [state, [{ kind: "replace", objects }, ...outputs]];
}

function heard<T>(state: Watching, version: string | undefined, ...outputs: readonly WatchOutput<T>[]): Step<T> {
  return [{ ...state, version: version ?? state.version }, outputs];
}

function closed<T>(state: Watching, lasted: number, random: number): Step<T> {
  if (lasted >= shortWatch) return watch(state.version, noTrouble);
  const trouble = { ...state, failures: state.failures + 1 };
  // The first short one may be a server that shuts down in good order: another one answers at once.
  if (state.failures === 0) return watch(state.version, trouble);
  return wait(state.version, trouble, backOffDelay(backOff, state.failures, random), "watches end at once");
}

function failed<T>(state: WatchState, failure: WatchFailure, random: number): Step<T> {
  if (state.kind !== "listing" && state.kind !== "watching") return [state, []];
  if (failure.kind === "unserved") {
    const [next, outputs] = wait<T>(undefined, noTrouble, backOffDelay(unservedRecheck, 1, random), undefined);
    return [next, [{ kind: "replace", objects: [] }, { kind: "unserved" }, ...outputs]];
  }
  if (failure.kind === "expired") {
    const trouble = { failures: state.failures, expiries: state.expiries + 1 };
    // The first time there is nothing to wait for, whatever failed before; when new lists expire too, there is.
    const delay = state.expiries === 0 ? random * expiredSpread : delayAfter(state.expiries, failure, random);
    return wait(undefined, trouble, delay, failure.message);
  }
  const trouble = { failures: state.failures + 1, expiries: state.expiries };
  const version = state.kind === "watching" ? state.version : undefined;
  return wait(version, trouble, delayAfter(trouble.failures, failure, random), failure.message);
}

function delayAfter(failures: number, { retryAfter }: WatchFailure, random: number): number {
  return Math.max(backOffDelay(backOff, failures, random), Math.min(retryAfter ?? 0, longestRetryAfter));
}

function resume<T>(state: WatchState & { readonly kind: "waiting" }): Step<T> {
  return state.version === undefined ? list(state) : watch(state.version, state);
}

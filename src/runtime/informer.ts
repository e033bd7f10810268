import { messageOf } from "./errors.ts";
import type { Timers } from "./timers.ts";
import {
  step,
  type WatchedObject,
  type WatchFailure,
  type WatchInput,
  type WatchMessage,
  type WatchOutput,
  type WatchState,
} from "./watch.ts";

/** Where an informer gets its objects from. */
export interface WatchSource<T> {
  /** All objects, and the version of that list; or why not. Must not reject except when aborted. */
  list(
    signal: AbortSignal,
  ): Promise<
    | { readonly kind: "listed"; readonly objects: readonly T[]; readonly version: string }
    | { readonly kind: "failed"; readonly failure: WatchFailure }
  >;
  /**
   * What happened after `version`. Ends when the server ends it in good order; a failure is the last message. Sends a
   * bookmark or a change at least every `silence`.
   */
  watch(
    version: string,
    signal: AbortSignal,
  ): AsyncIterable<WatchMessage<T> | { readonly kind: "failed"; readonly failure: WatchFailure }>;
}

/** What became of an object; `before` is what the cache had. */
export type Change<T> =
  | { readonly kind: "changed"; readonly object: T; readonly before: T | undefined }
  | { readonly kind: "deleted"; readonly object: T };

/** `request`: a list or watch failed. `handler`: so did `onChange`. `unserved`: told once, until it is served. */
export type WatchProblemKind = "request" | "handler" | "unserved";

export interface InformerOptions<T> {
  readonly source: WatchSource<T>;
  readonly timers: Timers;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Called for every change, in order; what it throws is reported and changes nothing. */
  readonly onChange: (change: Change<T>) => void;
  readonly onProblem: (problem: {
    readonly kind: WatchProblemKind;
    readonly message: string;
    readonly error?: unknown;
  }) => void;
  /** A watch that says nothing for this long is given up and opened again. Milliseconds. */
  readonly silence?: number;
}

/** Bookmarks come every 60 to 75 s. */
const defaultSilence = 100_000;

/**
 * Keeps a copy of all objects of one resource (in one namespace, or in all).
 *
 * Guarantees: each object that exists is seen, each deletion is seen, an object deleted and made anew under its name
 * is seen as both; after a lost connection by comparison with the cache. Ends when its signal is aborted, and only then.
 */
export class Informer<T extends WatchedObject> {
  readonly #options: InformerOptions<T>;
  readonly #objects = new Map<string, Map<string, T>>();
  #state: WatchState = { kind: "idle" };
  #knowledge: "none" | "objects" | "unserved" = "none";
  #heardAt: number | undefined;
  #opened: AbortController | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
  }

  /** What is known: nothing yet, the objects, or that the API server does not serve the resource. */
  get knowledge(): "none" | "objects" | "unserved" {
    return this.#knowledge;
  }

  /** Milliseconds since anything was heard from the API server; undefined before the first answer. */
  get age(): number | undefined {
    return this.#heardAt === undefined ? undefined : this.#options.timers.now() - this.#heardAt;
  }

  find(namespace: string | undefined, name: string): T | undefined {
    return this.#objects.get(namespace ?? "")?.get(name);
  }

  all(namespace?: string): readonly T[] {
    if (namespace !== undefined) return [...(this.#objects.get(namespace)?.values() ?? [])];
    return [...this.#objects.values()].flatMap((objects) => [...objects.values()]);
  }

  /** Begins to list and watch. Call once. */
  start(signal: AbortSignal): void {
    this.#feed({ kind: "start" }, signal);
  }

  #feed(input: WatchInput<T>, signal: AbortSignal): void {
    if (signal.aborted) return;
    const [state, outputs] = step(this.#state, input);
    this.#state = state;
    for (const output of outputs) this.#carryOut(output, signal);
  }

  #carryOut(output: WatchOutput<T>, signal: AbortSignal): void {
    switch (output.kind) {
      case "list":
        return void this.#list(signal);
      case "watch":
        return void this.#watch(output.version, signal);
      case "wait":
        return this.#wait(output.delay, output.why, signal);
      case "replace":
        return this.#replace(output.objects);
      case "put":
        return this.#put(output.object);
      case "drop":
        return this.#drop(output.object);
      case "unserved":
        if (this.#knowledge !== "unserved") {
          this.#options.onProblem({ kind: "unserved", message: "the API server does not serve it" });
        }
        this.#knowledge = "unserved";
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const answer = await this.#options.source
      .list(signal)
      .catch((error: unknown) => ({ kind: "failed" as const, failure: failureOf(error) }));
    if (answer.kind === "listed") {
      this.#heard();
      this.#knowledge = "objects";
      this.#feed(answer, signal);
    } else {
      this.#feed({ ...answer, lasted: 0, random: this.#options.random() }, signal);
    }
  }

  /** Exactly one input that ends the watch is fed, whichever comes first. */
  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { timers, source, random, silence = defaultSilence } = this.#options;
    const opened = new AbortController();
    this.#opened = opened;
    const ends = AbortSignal.any([signal, opened.signal]);
    const began = timers.now();
    const mine = () => this.#opened === opened;
    const giveUp = () => {
      this.#opened = undefined;
      opened.abort();
      this.#options.onProblem({ kind: "request", message: "nothing was heard for too long" });
      this.#feed({ kind: "silent" }, signal);
    };
    let cancel = timers.after(silence, giveUp);
    let failure: WatchFailure | undefined;
    try {
      for await (const message of source.watch(version, ends)) {
        if (!mine()) break;
        cancel();
        cancel = timers.after(silence, giveUp);
        if (message.kind === "failed") {
          failure = message.failure;
          break;
        }
        this.#heard();
        this.#feed(message, signal);
      }
    } catch (error) {
      failure = failureOf(error);
    }
    cancel();
    if (!mine()) return;
    this.#opened = undefined;
    const ended = { lasted: timers.now() - began, random: random() };
    this.#feed(failure === undefined ? { kind: "closed", ...ended } : { kind: "failed", failure, ...ended }, signal);
  }

  #wait(delay: number, why: string | undefined, signal: AbortSignal): void {
    if (why !== undefined) this.#options.onProblem({ kind: "request", message: why });
    const stop = () => {
      cancel();
    };
    const cancel = this.#options.timers.after(delay, () => {
      signal.removeEventListener("abort", stop);
      this.#feed({ kind: "waited" }, signal);
    });
    signal.addEventListener("abort", stop, { once: true });
  }

  #heard(): void {
    this.#heardAt = this.#options.timers.now();
  }

  #replace(objects: readonly T[]): void {
    const known = this.all();
    const present = new Set(objects.map(identityOf));
    for (const object of known) if (!present.has(identityOf(object))) this.#drop(object);
    for (const object of objects) this.#put(object);
  }

  #put(object: T): void {
    const { name, namespace = "", uid, resourceVersion } = object.metadata;
    const before = this.find(namespace, name);
    if (before?.metadata.uid === uid && before?.metadata.resourceVersion === resourceVersion && before !== undefined)
      return;
    if (before !== undefined && before.metadata.uid !== uid) this.#drop(before);
    const others = this.#objects.get(namespace) ?? new Map<string, T>();
    this.#objects.set(namespace, others.set(name, object));
    this.#tell({ kind: "changed", object, before: before?.metadata.uid === uid ? before : undefined });
  }

  #drop(object: T): void {
    const { name, namespace = "" } = object.metadata;
    const others = this.#objects.get(namespace);
    others?.delete(name);
    if (others?.size === 0) this.#objects.delete(namespace);
    this.#tell({ kind: "deleted", object });
  }

  #tell(change: Change<T>): void {
    try {
      this.#options.onChange(change);
    } catch (error) {
      this.#options.onProblem({ kind: "handler", message: "a change could not be handed on", error });
    }
  }
}

function identityOf({ metadata }: WatchedObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}/${metadata.uid ?? ""}`;
}

function failureOf(error: unknown): WatchFailure {
  return { kind: "other", message: messageOf(error) };
}

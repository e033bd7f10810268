import type { KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import { ConflictError, TransientError } from "../../../src/runtime/errors.ts";

/** What can happen to a write. */
const writeFaults = [
  /** It was not taken, and that is told. */
  "refused",
  /** It was taken, and nobody hears of it. */
  "answerLost",
  /** It is told to have failed, and is taken some time later, if it still fits then. */
  "late",
  /** It arrives twice. */
  "doubled",
  /** Somebody else wrote to the object a moment before. */
  "conflict",
  "crashBefore",
  "crashAfter",
] as const;

/** What can happen to an operator. */
export const faultKinds = [
  ...writeFaults,
  /** The caches are some seconds old. */
  "stale",
  /** The cache of one resource is some seconds older than the others. */
  "reordered",
  /** Nothing is known of the requests. */
  "unmeasured",
] as const;

export type FaultKind = (typeof faultKinds)[number];
type WriteFault = (typeof writeFaults)[number];

export interface FaultHooks {
  /** Between 0 and 1, the same for the same seed. */
  readonly random: () => number;
  /** Of all writes, the share that meets a fault; may change. */
  readonly rate: () => number;
  /** Told of each fault as it strikes. */
  readonly onStrike: (kind: FaultKind) => void;
  /** The operator is no more: nothing that it awaits will ever come. */
  readonly crash: () => void;
  /** Carries something out some seconds from now. */
  readonly later: (run: () => Promise<unknown>) => void;
  /** Somebody else changes an object in a way that does not matter. */
  readonly touch: (plural: string, namespace: string | undefined, name: string) => void;
}

type Writer = "create" | "mergePatch" | "jsonPatch" | "apply" | "remove";

/** What a write is about, wherever its arguments name it. */
function placeOf(verb: Writer, args: readonly unknown[]) {
  const [resource, second, third] = args as [{ plural: string }, unknown, unknown];
  if (verb === "mergePatch" || verb === "jsonPatch")
    return { plural: resource.plural, namespace: second as string | undefined, name: third as string };
  const { metadata } = second as { metadata: { namespace?: string; name: string } };
  return { plural: resource.plural, namespace: metadata.namespace, name: metadata.name };
}

/** The same objects, whose writes now and then meet one of the faults. */
export function withFaults(objects: KubernetesObjects, hooks: FaultHooks): KubernetesObjects {
  const { random, rate, onStrike } = hooks;
  const faulty = <Args extends readonly unknown[], Result>(
    verb: Writer,
    write: (...args: Args) => Promise<Result>,
  ): ((...args: Args) => Promise<Result>) => {
    return (...args) => {
      const isDry = (args.at(-1) as { dryRun?: boolean } | undefined)?.dryRun === true;
      if (isDry || random() >= rate()) return write(...args);
      const kind = writeFaults[Math.floor(random() * writeFaults.length)] ?? "refused";
      onStrike(kind);
      return strike(kind, () => write(...args), { ...hooks, ...placeOf(verb, args) });
    };
  };
  return {
    ...objects,
    create: faulty("create", (...args) => objects.create(...args)),
    mergePatch: faulty("mergePatch", (...args) => objects.mergePatch(...args)),
    jsonPatch: faulty("jsonPatch", (...args) => objects.jsonPatch(...args)),
    apply: faulty("apply", (...args) => objects.apply(...args)),
    remove: faulty("remove", (...args) => objects.remove(...args)),
  };
}

type Struck = FaultHooks & { readonly plural: string; readonly namespace: string | undefined; readonly name: string };

async function strike<Result>(kind: WriteFault, write: () => Promise<Result>, struck: Struck): Promise<Result> {
  switch (kind) {
    case "refused":
      throw new TransientError("the API server is too busy");
    case "answerLost":
      await write();
      throw new TransientError("no answer");
    case "late":
      struck.later(write);
      throw new TransientError("no answer in time");
    case "doubled":
      await write();
      return write();
    case "conflict":
      struck.touch(struck.plural, struck.namespace, struck.name);
      return write();
    case "crashBefore":
      struck.crash();
      return new Promise(() => undefined);
    case "crashAfter":
      // What the API server says of it does not reach anybody.
      await write().catch((error: unknown) => {
        if (!(error instanceof ConflictError)) throw error;
      });
      struck.crash();
      return new Promise(() => undefined);
  }
}

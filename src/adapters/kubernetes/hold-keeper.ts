import type { Milliseconds } from "../../api/instant.ts";
import type { KubernetesObject, Resource } from "../../ports/kubernetes-objects.ts";
import { Informer } from "../../runtime/informer.ts";
import type { Logger } from "../../runtime/logger.ts";
import { ConflictError, TransientError } from "../../runtime/errors.ts";
import { pause, type Timers } from "../../runtime/timers.ts";
import { chooseHold, type Hold, type HoldChoice } from "./hold-choice.ts";
import { holdPolicies, holdPolicyBindings } from "./hold-policy.ts";
import { holdName } from "./hold-rule.ts";
import { holdWebhooks } from "./hold-webhook.ts";
import type { Transport } from "./transport.ts";
import { createWatchSource } from "./watch-source.ts";

export interface HoldKeeperOptions extends Omit<HoldChoice, "onWritten"> {
  readonly transport: Transport;
  readonly timers: Timers;
  readonly log: Logger;
  /** Told when another hold than before is in use: every Rollout is to be looked at again. */
  readonly onChange: (hold: Hold) => void;
}

/** Keeps a hold in place for as long as its signal lasts. */
export interface HoldKeeper {
  /** The hold in use. */
  readonly current: () => Hold["hold"];
  /** A Deployment appeared or changed: what could not be tried before is tried now. */
  readonly noticeDeployment: () => void;
}

/** How often the hold is tried again when nothing happens, and when it is not the one that is wanted. */
const recheck: Readonly<Record<"settled" | "fallback" | "unanswered", Milliseconds>> = {
  settled: 5 * 60_000,
  fallback: 30_000,
  unanswered: 5_000,
};

/** Until there is one, nothing else is done. Milliseconds. */
const firstRetry: Milliseconds = 1_000;

/**
 * Chooses a hold, and keeps it: what somebody deletes or changes is put back, a hold that stopped working is replaced
 * by the next, one that works again is taken again. Resolves when the first is in use, however long the API server does
 * not answer; rejects when the signal is aborted.
 */
export async function keepHold(options: HoldKeeperOptions, signal: AbortSignal): Promise<HoldKeeper> {
  const { objects, wanted, webhook, timers, log, onChange } = options;
  const written = new Map<string, string>();
  let woken = new AbortController();
  const wake = () => woken.abort();
  const onWritten = ({ plural }: Resource, stored: KubernetesObject) => {
    const before = written.get(plural);
    const now = versionOf(stored);
    written.set(plural, now);
    if (before === undefined || before === now) return;
    log.warn("what holds changed templates was not as it should be and has been put back", { plural, name: holdName });
  };
  const choice: HoldChoice = { objects, wanted, webhook, onWritten };
  let current = await firstHold(choice, options, signal);
  log.info("changed templates are held", { ...current });
  const isRefused = wanted !== "auto" && current.hold === "Paused" && wanted !== "paused";
  if (isRefused)
    log.error("the hold that --hold names does not work: Deployments are kept paused until it does", { wanted });

  const restOf = ({ hold }: Hold) => (hold === "Paused" && wanted !== "paused" ? recheck.fallback : recheck.settled);
  const look = async (): Promise<Milliseconds> => {
    try {
      const next = await chooseHold(choice, signal);
      const isAnother = next.hold !== current.hold;
      if (isAnother) log.warn("changed templates are held in another way", { ...next, before: current.hold });
      current = next;
      if (isAnother) onChange(next);
      return restOf(next);
    } catch (error) {
      if (!signal.aborted) log.warn("could not look after what holds changed templates", { error });
      return recheck.unanswered;
    }
  };
  const keep = async () => {
    for (let wait = restOf(current); ; wait = await look()) {
      await pause(timers, wait, AbortSignal.any([signal, woken.signal]));
      if (signal.aborted) return;
      woken = new AbortController();
    }
  };
  void keep();
  // One that is kept paused on purpose puts nothing in place that could be taken away.
  if (wanted !== "paused") watchWhatHolds(options, written, wake, signal);
  return {
    current: () => current.hold,
    noticeDeployment: () => {
      if (current.untried === true) wake();
    },
  };
}

/** Without a hold nothing is released, and an operator that ends for want of one does not hold anything either. */
async function firstHold(choice: HoldChoice, { timers, log }: HoldKeeperOptions, signal: AbortSignal): Promise<Hold> {
  for (;;) {
    try {
      return await chooseHold(choice, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof TransientError || error instanceof ConflictError)) throw error;
      log.warn("changed templates are not held yet; trying on", { error });
      await pause(timers, firstRetry, signal);
    }
  }
}

/** Wakes when one of the objects is not as it was written: deleted, or changed by somebody else. */
function watchWhatHolds(
  { transport, timers, log, wanted }: HoldKeeperOptions,
  written: ReadonlyMap<string, string>,
  wake: () => void,
  signal: AbortSignal,
): void {
  const policy = wanted === "webhook" ? [] : [holdPolicies, holdPolicyBindings];
  const webhook = wanted === "policy" ? [] : [holdWebhooks];
  for (const resource of [...policy, ...webhook]) {
    const { plural } = resource;
    const informer = new Informer<KubernetesObject>({
      source: createWatchSource(transport, { resource, namespace: undefined, name: holdName }, Math.random),
      timers,
      random: Math.random,
      onChange: (change) => {
        const expected = written.get(plural);
        const isGone = change.kind === "deleted" && versionOf(change.object).split("/")[0] === expected?.split("/")[0];
        const isOther = change.kind === "changed" && versionOf(change.object) !== expected;
        if (isGone || (isOther && expected !== undefined)) wake();
      },
      onProblem: ({ kind, message }) => {
        if (kind !== "unserved") log.debug("a watch was interrupted", { resource: plural, message });
      },
    });
    informer.start(signal);
  }
}

/** Changes with the object and with everything in it that counts. */
function versionOf({ metadata: { uid = "", generation = 0 } }: KubernetesObject): string {
  return `${uid}/${generation}`;
}

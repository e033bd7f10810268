import { ConflictError, messageOf } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { pause, type Timers } from "./timers.ts";

/** A lease as it is stored. */
export interface LeaseRecord {
  /** Undefined: released. */
  readonly holder: string | undefined;
  /** For how long after a renewal the holder may count on it. Milliseconds. */
  readonly duration: number;
  /** RFC 3339. */
  readonly acquiredAt: string;
  readonly renewedAt: string;
  /** How often the holder changed. */
  readonly transitions: number;
}

/** A record and the version by which a write is made conditional. */
export interface StoredLease {
  readonly record: LeaseRecord;
  readonly version: string;
}

/** Where the lease is kept. Writes are conditional: they reject when somebody else wrote in between. */
export interface LeaseStore {
  read(signal: AbortSignal): Promise<StoredLease | undefined>;
  create(record: LeaseRecord, signal: AbortSignal): Promise<StoredLease>;
  update(version: string, record: LeaseRecord, signal: AbortSignal): Promise<StoredLease>;
}

export interface LeaderElectionOptions {
  readonly store: LeaseStore;
  /** Names this process; no other may have the same. */
  readonly identity: string;
  readonly timers: Timers;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** The wall clock, for the time stamps that people read; nothing is decided by it. */
  readonly wallClock: () => number;
  readonly log: Logger;
  /** Milliseconds. */
  readonly leaseDuration?: number;
  readonly renewDeadline?: number;
  readonly retryPeriod?: number;
}

const defaults = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };

/** Releasing must not keep the process. Milliseconds. */
const releaseDeadline = 2_000;

type Settings = Required<LeaderElectionOptions>;

/** What was seen in the store, and when by our own clock: other machines' clocks may be wrong. */
interface Sighting extends Moment {
  readonly lease: StoredLease;
}

/** By the clock that only goes forward, and by the wall's. */
interface Moment {
  readonly at: number;
  readonly wallAt: number;
}

/** The time in which this process leads. */
export interface Term {
  /** Aborted when it is over. */
  readonly signal: AbortSignal;
  /**
   * Whether nobody else can lead yet. Ask right before a write: a process that was stopped, or too busy to look, finds
   * that out here first. Whichever of both clocks went further counts: one of them stands still while a machine sleeps.
   */
  readonly isSure: () => boolean;
}

/**
 * Waits until this process has the lease, then runs `lead`, whose signal is aborted when the lease is lost or `signal`
 * is aborted. Resolves with `stopped` when `signal` was aborted, after the lease was released for the next one; or
 * because `lead` was finished; with `lost` when the lease was lost: end the process. Rejects with what `lead` rejects with.
 *
 * Guarantees: `lead`'s signal is aborted before anybody else may take the lease, as long as this process runs; one that
 * was stopped for longer finds its signal aborted when it wakes, and its writes refused where they are conditional.
 */
export async function runWhileLeading(
  options: LeaderElectionOptions,
  lead: (term: Term) => Promise<void>,
  signal: AbortSignal,
): Promise<"stopped" | "lost"> {
  const settings: Settings = { ...defaults, ...options };
  const held = await acquire(settings, signal);
  if (held === undefined) return "stopped";
  settings.log.info("became the leader", { identity: settings.identity });
  const lost = new AbortController();
  let gone: boolean;
  const renewal = { at: held.at, wallAt: held.wallAt };
  const renewing = keep(settings, held, { lost, renewal }, signal);
  try {
    await lead({
      signal: AbortSignal.any([signal, lost.signal]),
      isSure: () => isSure(settings, renewal, lost.signal),
    });
  } finally {
    gone = lost.signal.aborted;
    lost.abort(new DOMException("no longer the leader", "AbortError"));
    const last = await renewing;
    if (!gone) await release(settings, last);
  }
  return gone && !signal.aborted ? "lost" : "stopped";
}

function isSure({ timers, wallClock, renewDeadline }: Settings, renewal: Moment, lost: AbortSignal): boolean {
  const elapsed = Math.max(timers.now() - renewal.at, wallClock() - renewal.wallAt);
  return !lost.aborted && elapsed < renewDeadline;
}

function momentOf({ timers, wallClock }: Settings): Moment {
  return { at: timers.now(), wallAt: wallClock() };
}

/** Undefined when the signal was aborted first. */
async function acquire(settings: Settings, signal: AbortSignal): Promise<Sighting | undefined> {
  const { timers, random, retryPeriod, log } = settings;
  let seen: Sighting | undefined;
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      seen = look(seen, await settings.store.read(signal), momentOf(settings));
      const mine = await tryToTake(settings, seen, signal);
      if (mine !== undefined) return mine;
    } catch (error) {
      if (isOver(signal)) break;
      const reason = messageOf(error);
      // That another one was faster is no trouble; what is one is told once, and not once a second.
      const isNews = !(error instanceof ConflictError) && reason !== told;
      log[isNews ? "warn" : "debug"]("could not take the lease; trying on", { error });
      if (isNews) told = reason;
    }
    // Twice as often as the holder renews: a released lease is to be taken before two seconds have passed.
    await pause(timers, (retryPeriod / 2) * (0.8 + 0.2 * random()), signal);
  }
  return undefined;
}

function look(before: Sighting | undefined, lease: StoredLease | undefined, now: Moment): Sighting | undefined {
  if (lease === undefined) return undefined;
  return before?.lease.version === lease.version ? before : { lease, ...now };
}

async function tryToTake(
  settings: Settings,
  seen: Sighting | undefined,
  signal: AbortSignal,
): Promise<Sighting | undefined> {
  const { store, identity, leaseDuration } = settings;
  const asked = momentOf(settings);
  const now = new Date(asked.wallAt).toISOString();
  const fresh = { holder: identity, duration: leaseDuration, acquiredAt: now, renewedAt: now };
  if (seen === undefined) return { lease: await store.create({ ...fresh, transitions: 0 }, signal), ...asked };
  const { record, version } = seen.lease;
  // Our own name in it: this process ended and came back, or its write arrived although the answer did not.
  const free = record.holder === undefined || record.holder === identity || asked.at - seen.at > record.duration;
  if (!free) return undefined;
  return { lease: await store.update(version, { ...fresh, transitions: record.transitions + 1 }, signal), ...asked };
}

interface Leading {
  readonly lost: AbortController;
  /** When the lease was last renewed. */
  readonly renewal: { at: number; wallAt: number };
}

/** Renews until `lost` is aborted, by us when renewing failed for too long. Resolves with the lease as last written. */
async function keep(
  settings: Settings,
  held: Sighting,
  { lost, renewal }: Leading,
  signal: AbortSignal,
): Promise<StoredLease> {
  const { timers, retryPeriod, renewDeadline, log } = settings;
  let last = held;
  const giveUp = () => {
    if (isOver(lost.signal)) return;
    if (!signal.aborted) log.error("lost the lease", { identity: settings.identity });
    lost.abort(new DOMException("no longer the leader", "AbortError"));
  };
  let cancel = timers.after(renewDeadline, giveUp);
  while (!isOver(lost.signal)) {
    await pause(timers, retryPeriod, lost.signal);
    if (isOver(lost.signal)) break;
    try {
      const renewed = await renew(settings, last.lease, lost.signal);
      if (renewed === undefined) giveUp();
      else {
        last = renewed;
        Object.assign(renewal, { at: renewed.at, wallAt: renewed.wallAt });
      }
    } catch (error) {
      if (!isOver(lost.signal)) log.warn("could not renew the lease", { error });
    }
    cancel();
    cancel = timers.after(Math.max(0, last.at + renewDeadline - timers.now()), giveUp);
  }
  cancel();
  return last.lease;
}

/** Asked through a function because it changes between two looks. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Undefined when somebody else has the lease. */
async function renew(settings: Settings, lease: StoredLease, signal: AbortSignal): Promise<Sighting | undefined> {
  const { store, identity } = settings;
  const asked = momentOf(settings);
  const renewed = { ...lease.record, renewedAt: new Date(asked.wallAt).toISOString() };
  try {
    return { lease: await store.update(lease.version, renewed, signal), ...asked };
  } catch (error) {
    // The write before may have arrived although its answer did not, and people edit leases; whose is it now?
    const stored = await store.read(signal);
    if (stored?.record.holder !== identity) return undefined;
    if (stored.version === lease.version) throw error;
    return {
      lease: await store.update(stored.version, { ...stored.record, renewedAt: renewed.renewedAt }, signal),
      ...asked,
    };
  }
}

async function release(settings: Settings, lease: StoredLease): Promise<void> {
  const { timers, log, identity } = settings;
  const late = new AbortController();
  const cancel = timers.after(releaseDeadline, () => {
    late.abort(new Error("no answer in time"));
  });
  try {
    await giveAway(settings, lease, late.signal);
    log.info("released the lease", { identity });
  } catch (error) {
    log.warn("could not release the lease; the next leader waits until it expires", { error });
  } finally {
    cancel();
  }
}

async function giveAway(
  { store, identity, wallClock }: Settings,
  lease: StoredLease,
  signal: AbortSignal,
): Promise<void> {
  const released = { holder: undefined, renewedAt: new Date(wallClock()).toISOString() };
  try {
    await store.update(lease.version, { ...lease.record, ...released }, signal);
  } catch (error) {
    // A renewal that was under way may have arrived.
    const stored = await store.read(signal);
    if (stored?.record.holder !== identity) throw error;
    await store.update(stored.version, { ...stored.record, ...released }, signal);
  }
}

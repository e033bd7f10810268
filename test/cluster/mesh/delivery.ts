/** Hands snapshots to one proxy in order: at once, late by a fixed time, or not at all while it is frozen. */
export interface Delivery<Snapshot> {
  push(snapshot: Snapshot): void;
  /** Holds for snapshots that are pushed from now on; 0 hands over the newest that waits at once. */
  setDelay(ms: number): void;
  freeze(): void;
  /** What was missed is skipped: the newest snapshot is handed over, as after a reconnect. */
  unfreeze(): void;
  stop(): Promise<void>;
}

interface Due<Snapshot> {
  readonly snapshot: Snapshot;
  readonly at: number;
}

export function createDelivery<Snapshot>(hand: (snapshot: Snapshot) => Promise<void>): Delivery<Snapshot> {
  let queue: Due<Snapshot>[] = [];
  let delay = 0;
  let frozen = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let handing: Promise<void> | undefined;

  const next = (): void => {
    clearTimeout(timer);
    const [first] = queue;
    if (first === undefined || frozen || stopped || handing !== undefined) return;
    const wait = first.at - performance.now();
    if (wait > 0) {
      timer = setTimeout(next, wait);
      return;
    }
    queue.shift();
    handing = hand(first.snapshot).finally(() => {
      handing = undefined;
      next();
    });
  };

  return {
    push(snapshot) {
      const due = { snapshot, at: performance.now() + delay };
      // istiod merges what a proxy has not received yet; a delayed proxy gets every snapshot, each in its time.
      queue = frozen ? [due] : [...(delay === 0 ? queue.filter(({ at }) => at > performance.now()) : queue), due];
      next();
    },
    setDelay(ms) {
      delay = ms;
      if (ms === 0) queue = queue.slice(-1).map(({ snapshot }) => ({ snapshot, at: performance.now() }));
      next();
    },
    freeze: () => void (frozen = true),
    unfreeze() {
      frozen = false;
      queue = queue.slice(-1);
      next();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await handing;
    },
  };
}

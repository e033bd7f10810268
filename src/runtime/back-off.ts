/** A wait that doubles with every failure. Milliseconds. */
export interface BackOff {
  readonly base: number;
  readonly cap: number;
}

/** How much later than asked a wait may end, so that those who failed together do not come back together. */
const jitter = 0.25;

/** The wait after `failures` failures in a row (1 or more); `random` is between 0 and 1. Never above the cap. */
export function backOffDelay({ base, cap }: BackOff, failures: number, random: number): number {
  const doubled = base * 2 ** Math.min(failures - 1, 40);
  return Math.min(cap, doubled * (1 + jitter * random));
}

// What all benches tell: the machine that they ran on, and how values are spread.
import { cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memoryGiB: number;
  readonly load: readonly number[];
  readonly kernel: string;
}

export interface Spread {
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/** Median, 95th percentile and maximum, to that many digits after the point. */
export function spread(values: readonly number[], digits = 1): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  const unit = 10 ** digits;
  const at = (share: number) =>
    Math.round(unit * (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)) / unit;
  return { median: at(0.5), p95: at(0.95), max: at(1) };
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpus: all.length,
    model: all[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg().map((load) => Math.round(load * 100) / 100),
    kernel: release(),
  };
}

/** For people. */
export function machineLine({ cpus: count, model, memoryGiB, load }: Machine): string {
  return `machine: ${count} CPUs (${model}), ${memoryGiB} GiB, load ${load.join(" ")}`;
}

// What all benches begin with: a lab whose operator must not end, apps that share the work, progress.
import type { OnProgress } from "../cluster/parts/progress.ts";
import type { Supervisor } from "../cluster/processes/supervisor.ts";
import type { ClusterOptions } from "../cluster/cluster.ts";
import { startLab, type Lab, type LabMesh, type Operator } from "../lab/lab.ts";
import { version } from "../../src/version.ts";

export interface BenchRun {
  readonly supervisor: Supervisor;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

export interface BenchLab {
  readonly lab: Lab;
  readonly operator: Operator;
  /** Rejects when the operator ends; never resolves. */
  readonly ended: Promise<never>;
}

/** Starts it; everything belongs to the supervisor. */
export async function startBenchLab(
  run: BenchRun,
  flags: Readonly<Record<string, string>>,
  { prometheusScrapeInterval = "1s", ...mesh }: Pick<ClusterOptions, "prometheusScrapeInterval"> & LabMesh = {},
): Promise<BenchLab> {
  const { supervisor, signal, onProgress } = run;
  const lab = await startLab({ supervisor, signal, onProgress, prometheusScrapeInterval }, mesh);
  const operator = await lab.startOperator(flags);
  const ended = operator.process.exited.then(({ code, signal: by }) => {
    throw new Error(`the operator ended (${by ?? `code ${code}`}); see ${operator.process.log}`);
  });
  return { lab, operator, ended };
}

/** Tells of one more of `total` at each call. */
export function counting(onProgress: OnProgress, subject: string, what: string, total: number): () => void {
  let done = 0;
  return () => {
    done += 1;
    onProgress({ subject, text: `${done} of ${total} ${what}`, share: done / total });
  };
}

/** As equal as may be: 50 for 4 are 13, 13, 12, 12. */
export function shareOut(count: number, apps: number): readonly number[] {
  const shares = Array.from({ length: apps }, (_none, index) => Math.ceil((count - index) / apps));
  return shares.filter((share) => share > 0);
}

/** Of the parts that a bench ran on. */
export function versionsOf(lab: Lab): Readonly<Record<string, string>> {
  const { "kube-apiserver": kubernetes, envoy, prometheus } = lab.cluster.provided;
  return {
    serin: version,
    kubernetes: kubernetes.version,
    envoy: envoy.version,
    prometheus: prometheus.version,
    node: process.version,
  };
}

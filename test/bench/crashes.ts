// Releases on real parts whose operator is killed at every single write, before it and after it.
import { expectedOf, playKilled, type KilledRelease } from "../lab/killed-release.ts";
import { startLab } from "../lab/lab.ts";
import { counting, versionsOf, type BenchRun } from "./bench-lab.ts";

export interface CrashCase extends KilledRelease {
  readonly name: string;
  readonly isBad: boolean;
}

export interface CrashesOutcome {
  readonly cases: readonly CrashCase[];
  readonly versions: Readonly<Record<string, string>>;
}

const flags = { propagation: "1s", "evidence-period": "2s", "rollback-deadline": "15s" };
const cases = [false, true].flatMap((isBad) => (["before", "after"] as const).map((when) => ({ isBad, when })));

/** Resolves with what became of each release; what was started belongs to the supervisor. */
export async function runCrashes({ supervisor, signal, onProgress }: BenchRun): Promise<CrashesOutcome> {
  const lab = await startLab({ supervisor, signal, onProgress, prometheusScrapeInterval: "1s" });
  const kubeconfig = await lab.operatorKubeconfig();
  const tell = counting(onProgress, "crashes", "releases", cases.length);
  const play = async ({ isBad, when }: (typeof cases)[number]): Promise<CrashCase> => {
    const namespace = `crash-${isBad ? "bad" : "good"}-${when}`;
    const release = await playKilled(lab, { namespace, kubeconfig, flags, isBad, when, at: "writes" });
    tell();
    return { ...release, isBad, name: `${isBad ? "bad" : "good"} release, killed ${when} every write` };
  };
  // Two at a time: with more, a machine of two cores does little else than start operators.
  const good = await Promise.all(cases.filter(({ isBad }) => !isBad).map(play));
  const bad = await Promise.all(cases.filter(({ isBad }) => isBad).map(play));
  return { cases: [...good, ...bad], versions: versionsOf(lab) };
}

/** What is not as it would be without the kills. */
export function wrongIn({ isBad, end, missing, doubled, serving, failed }: CrashCase): readonly string[] {
  const version = isBad ? "v1" : "v2";
  return [
    ...(end.outcome === expectedOf(isBad) ? [] : [`ended as ${end.outcome} ${end.reason ?? ""}`]),
    ...missing.map((name) => `event ${name} was not told`),
    ...doubled.map((reason) => `event ${reason} was told more than once`),
    ...(serving.join() === version ? [] : [`${serving.join(", ")} serves in the end`]),
    ...(failed === 0 || isBad ? [] : [`${failed} requests failed`]),
  ];
}

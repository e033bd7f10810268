// The bench of the judge: its own code in virtual time, beside the rules of others.
import { setImmediate } from "node:timers/promises";
import type { OnProgress } from "../../cluster/parts/progress.ts";
import type { BenchOptions } from "../options.ts";
import { playRow } from "./play.ts";
import { resultOf, worseThanPublished, type TableResult } from "./result.ts";
import { tables } from "./tables.ts";

export interface JudgeRun {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Plays all tables; rejects when it is interrupted. */
export async function runJudge(
  { seed }: Pick<BenchOptions, "seed">,
  { signal, onProgress }: JudgeRun,
): Promise<{ readonly tables: readonly TableResult[]; readonly worse: readonly string[] }> {
  const results: TableResult[] = [];
  const worse: string[] = [];
  for (const table of tables) {
    const rows = [];
    for (const [index, row] of table.rows.entries()) {
      const total = table.rows.length;
      onProgress({ subject: table.name, text: `${index} of ${total} cases`, share: index / total });
      // A signal that came meanwhile is heard here.
      await setImmediate();
      signal.throwIfAborted();
      const cells = playRow(table, row, seed);
      rows.push(resultOf(row, cells));
      worse.push(...worseThanPublished(table, row, cells));
    }
    results.push({ name: table.name, title: table.title, rows });
  }
  return { tables: results, worse };
}

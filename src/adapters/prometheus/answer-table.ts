import type { Answer } from "./answers.ts";
import { identityOf, labelsOf, type Labels, type Sample, type Series } from "./series.ts";

/**
 * Series in a few flat arrays: one thread hands them to another without either standing still for every one of
 * thousands of small objects.
 */
export interface AnswerTable {
  readonly kind: "Table";
  /** Number of each series, by which it is known from its first time on. */
  readonly series: Uint32Array<ArrayBuffer>;
  /** `identityOf` the series that come for the first time, by number. */
  readonly first: readonly (readonly [number, string])[];
  /** Samples of each series. */
  readonly counts: Uint32Array<ArrayBuffer>;
  /** Of all samples, one series after the other. */
  readonly at: Float64Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
}

/** What a thread says of a response. */
export type Parsed = Exclude<Answer, { kind: "Series" }> | AnswerTable;

/** More series than any Prometheus that one operator follows has; beyond it they are read afresh. */
export const mostKnown = 200_000;

/** Lays answers out for one reader that takes up all of them; only of one value per sample, as Prometheus sends them. */
export class TableWriter {
  readonly #numbers = new Map<string, number>();

  layOut(answer: Answer): Parsed {
    if (answer.kind !== "Series") return answer;
    const { series } = answer;
    // Numbers are given anew then, and told with their labels again.
    if (this.#numbers.size >= mostKnown) this.#numbers.clear();
    const samples = series.flatMap((each) => each.samples);
    const first: [number, string][] = [];
    const numbers = series.map(({ labels }) => {
      const identity = identityOf(labels);
      const known = this.#numbers.get(identity);
      if (known !== undefined) return known;
      const number = this.#numbers.size;
      this.#numbers.set(identity, number);
      first.push([number, identity]);
      return number;
    });
    return {
      kind: "Table",
      series: Uint32Array.from(numbers),
      first,
      counts: Uint32Array.from(series, (each) => each.samples.length),
      at: Float64Array.from(samples, ({ at }) => at),
      values: Float64Array.from(samples, ({ values: [value = 0] }) => value),
    };
  }
}

/** So many series are put together before others have their turn. */
const atOnce = 1_000;

/** Takes up what one writer laid out, in the same order. */
export class TableReader {
  readonly #labels = new Map<number, Labels>();

  /** Lets others have their turn in between. */
  async takeUp(table: AnswerTable): Promise<readonly Series[]> {
    // Before anybody else has a turn: the next table counts on them, and may change them.
    for (const [number, identity] of table.first) this.#labels.set(number, labelsOf(identity));
    const labels = Array.from(table.series, (number) => this.#labels.get(number) ?? {});
    const series: Series[] = [];
    let next = 0;
    for (const [index, its] of labels.entries()) {
      if (index > 0 && index % atOnce === 0) await new Promise(setImmediate);
      const end = next + (table.counts[index] ?? 0);
      const samples: Sample[] = [];
      for (; next < end; next += 1) samples.push({ at: table.at[next] ?? 0, values: [table.values[next] ?? 0] });
      series.push({ labels: its, samples });
    }
    return series;
  }
}

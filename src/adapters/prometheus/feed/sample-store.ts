import type { Instant, Milliseconds } from "../../../api/instant.ts";
import { identityOf, type Labels, type Sample, type Series } from "../series.ts";

/** Of thousands of series, so many tell how often all are scraped. */
const enough = 100;

/** One series as numbers in a row: thousands of them are kept. */
interface Kept {
  readonly labels: Labels;
  readonly at: number[];
  readonly values: number[];
}

/** The samples of one subject in a span of time that is moved on by and by: all of them, each once. */
export class SampleStore {
  readonly #series = new Map<string, Kept>();
  #from: Instant = Infinity;
  #to: Instant = -Infinity;

  /** All samples after `from` and up to `to` are here; nothing is while `from` is later. */
  get from(): Instant {
    return this.#from;
  }
  get to(): Instant {
    return this.#to;
  }
  /** Series that are kept. */
  get size(): number {
    return this.#series.size;
  }

  /** Takes all samples after `from` and up to `to`; what was kept of another span is forgotten. */
  load(series: readonly Series[], from: Instant, to: Instant): void {
    this.#series.clear();
    this.#from = from;
    this.#to = from;
    this.extend(series, to);
  }

  /** Takes the samples after those that are here, up to `to`. */
  extend(series: readonly Series[], to: Instant): void {
    for (const { labels, samples } of series) this.#append(labels, samples, to);
    this.#to = Math.max(this.#to, to);
  }

  #append(labels: Labels, samples: readonly Sample[], to: Instant): void {
    const id = identityOf(labels);
    let kept = this.#series.get(id);
    for (const { at, values } of samples) {
      if (at <= this.#to || at > to || at <= (kept?.at.at(-1) ?? -Infinity)) continue;
      if (kept === undefined) this.#series.set(id, (kept = { labels, at: [], values: [] }));
      kept.at.push(at);
      kept.values.push(values[0] ?? 0);
    }
  }

  /** Forgets what is not after `before`. */
  forget(before: Instant): void {
    if (before <= this.#from) return;
    this.#from = before;
    for (const [id, { at, values }] of this.#series) {
      const old = at.findIndex((each) => each > before);
      if (old < 0) this.#series.delete(id);
      else if (old > 0) {
        at.splice(0, old);
        values.splice(0, old);
      }
    }
  }

  /** When the last sample of some series was scraped. */
  newest(isMeant: (labels: Labels) => boolean): Instant | undefined {
    let newest: Instant | undefined;
    for (const { labels, at } of this.#series.values())
      if (isMeant(labels)) newest = Math.max(at.at(-1) ?? -Infinity, newest ?? -Infinity);
    return newest;
  }

  /** When the next sample of any series is due, of those that were scraped in the last `interval` and a half. */
  due(interval: Milliseconds): Instant | undefined {
    let due: Instant | undefined;
    for (const { at } of this.#series.values()) {
      const next = (at.at(-1) ?? -Infinity) + interval;
      if (next + interval / 2 > this.#to) due = Math.min(next, due ?? Infinity);
    }
    return due;
  }

  /** When some of the series were scraped: enough of them to know how often. */
  scrapes(): readonly (readonly Instant[])[] {
    return [...this.#series.values()].slice(0, enough).map(({ at }) => at);
  }

  /** The series with their samples after `from` and up to `to`, those without any left out. */
  between(from: Instant, to: Instant): readonly Series[] {
    return [...this.#series.values()].flatMap(({ labels, at, values }) => {
      const samples: Sample[] = [];
      for (let index = at.length - 1; index >= 0 && (at[index] ?? 0) > from; index -= 1) {
        const moment = at[index] ?? 0;
        if (moment <= to) samples.push({ at: moment, values: [values[index] ?? 0] });
      }
      return samples.length === 0 ? [] : [{ labels, samples: samples.reverse() }];
    });
  }
}

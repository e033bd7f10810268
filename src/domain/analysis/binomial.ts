import type { Ratio } from "../../api/instant.ts";

/** Terms smaller than this part of the sum cannot be seen in it. */
const negligible = 1e-17;

/**
 * P(X >= atLeast) when X counts the successes of `trials` independent trials of probability `chance`. Exact up to
 * rounding (relative error below 1e-6 for 1e9 trials), for any size: terms are added from the largest on.
 */
export function binomialUpperTail(atLeast: number, trials: number, chance: Ratio): number {
  if (atLeast <= 0) return 1;
  if (atLeast > trials || chance <= 0) return 0;
  if (chance >= 1) return 1;
  // Below the mean the sum is the long side; the other one is short.
  if (atLeast <= trials * chance) return 1 - binomialLowerTail(atLeast - 1, trials, chance);
  const odds = chance / (1 - chance);
  return sumTerms(binomialTerm(atLeast, trials, chance), atLeast, (k) => ((trials - k) / (k + 1)) * odds, 1);
}

/** P(X <= atMost); see binomialUpperTail. */
export function binomialLowerTail(atMost: number, trials: number, chance: Ratio): number {
  if (atMost < 0) return 0;
  if (atMost >= trials || chance <= 0) return 1;
  if (chance >= 1) return 0;
  if (atMost > trials * chance) return 1 - binomialUpperTail(atMost + 1, trials, chance);
  const odds = chance / (1 - chance);
  return sumTerms(binomialTerm(atMost, trials, chance), atMost, (k) => k / ((trials - k + 1) * odds), -1);
}

/**
 * P(X >= atLeast) when `drawn` of `all` requests are drawn without putting back, `marked` of all are marked and X
 * counts the marked ones drawn (hypergeometric): the one-sided test of R. A. Fisher for two proportions.
 */
export function hypergeometricUpperTail(atLeast: number, drawn: number, marked: number, all: number): number {
  const most = Math.min(drawn, marked);
  const least = Math.max(0, drawn + marked - all);
  if (atLeast <= least) return 1;
  if (atLeast > most) return 0;
  const ratio = (k: number) => ((marked - k) * (drawn - k)) / ((k + 1) * (all - marked - drawn + k + 1));
  const term = Math.exp(logChoose(marked, atLeast) + logChoose(all - marked, drawn - atLeast) - logChoose(all, drawn));
  return Math.min(1, sumTerms(term, atLeast, ratio, 1));
}

/** Adds terms, each from the one before, until the next ones are too small or there are none. */
function sumTerms(first: number, from: number, ratio: (k: number) => number, step: 1 | -1): number {
  let sum = first;
  let term = first;
  for (let k = from; term > 0; k += step) {
    const growth = ratio(k);
    term *= growth;
    sum += term;
    if (growth < 1 && term < sum * negligible) break;
  }
  return Math.min(1, sum);
}

function binomialTerm(k: number, trials: number, chance: Ratio): number {
  return Math.exp(logChoose(trials, k) + k * Math.log(chance) + (trials - k) * Math.log1p(-chance));
}

function logChoose(all: number, some: number): number {
  return logFactorial(all) - logFactorial(some) - logFactorial(all - some);
}

const smallFactorials = Array.from({ length: 16 }, (_, n) => {
  return Math.log(Array.from({ length: n }, (_, i) => i + 1).reduce((product, factor) => product * factor, 1));
});

/** Stirling's series, whose first omitted term is below 1e-13 from 16 on. */
function logFactorial(n: number): number {
  const small = smallFactorials[n];
  if (small !== undefined) return small;
  const inverse = 1 / n;
  const correction = inverse * (1 / 12 - inverse ** 2 * (1 / 360 - inverse ** 2 * (1 / 1260 - inverse ** 2 / 1680)));
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + correction;
}

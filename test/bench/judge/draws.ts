// Random numbers of the distributions that errors come in.

export type Random = () => number;

/** From here on a sum of coin tosses is as good as normal, and drawn as such: the error is below what 2,000 runs show. */
const enoughForNormal = 30;

/** How many of `count` requests are bad when each is with the same chance. */
export function binomial(random: Random, count: number, share: number): number {
  if (count === 0 || share <= 0) return 0;
  if (share >= 1) return count;
  if (share > 0.5) return count - binomial(random, count, 1 - share);
  const variance = count * share * (1 - share);
  if (variance > enoughForNormal) {
    const drawn = Math.round(count * share + Math.sqrt(variance) * normal(random));
    return Math.min(count, Math.max(0, drawn));
  }
  return byGaps(random, count, share);
}

/** The gaps between two bad requests are geometric: one draw for each of them instead of one for each request. */
function byGaps(random: Random, count: number, share: number): number {
  const scale = Math.log1p(-share);
  let bad = 0;
  let at = Math.floor(Math.log(1 - random()) / scale);
  while (at < count) {
    bad += 1;
    at += 1 + Math.floor(Math.log(1 - random()) / scale);
  }
  return bad;
}

/** How many requests arrive where they come on their own, `mean` of them on average. */
export function poisson(random: Random, mean: number): number {
  if (mean > enoughForNormal) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  // The time until the next one is exponential.
  let count = 0;
  for (let time = -Math.log(1 - random()); time < mean; time -= Math.log(1 - random())) count += 1;
  return count;
}

/** G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", 1958. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", 2000. */
export function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

export function beta(random: Random, one: number, other: number): number {
  const [left, right] = [gamma(random, one), gamma(random, other)];
  return left / (left + right);
}

// How bad requests come, second by second.
import { beta, binomial, type Random } from "./draws.ts";

/** Bad ones of the requests of one version in a second. */
export type Errors = (second: number, requests: number) => number;

/** Makes the errors of one run, in which something happens at `moment` (a second) to whoever is in it. */
export type ErrorModel = (random: Random, moment: number) => Errors;

/** Each request on its own. */
export const independent =
  (share: number): ErrorModel =>
  (random) =>
  (_second, requests) =>
    binomial(random, requests, share);

/** So many at once for one cause: retries of one request, one client, one batch. */
export const clustered =
  (share: number, size: number): ErrorModel =>
  (random) =>
  (_second, requests) =>
    Math.min(requests, size * binomial(random, requests, share / size));

/** A share that wanders: drawn anew every so many seconds. */
export const redrawn =
  (seconds: number, one: number, other: number): ErrorModel =>
  (random) => {
    let share = 0;
    return (second, requests) => {
      if (second % seconds === 0) share = beta(random, one, other);
      return binomial(random, requests, share);
    };
  };

/** Bursts of a length and a share, at random moments, and nothing between them; `mean` is the share in the long run. */
export const bursts =
  (length: number, share: number, mean: number): ErrorModel =>
  (random) => {
    const chance = mean / share / length;
    let until = -1;
    return (second, requests) => {
      if (random() < chance) until = second + length;
      return second < until ? binomial(random, requests, share) : 0;
    };
  };

/** An incident: another share for some time, for all versions at the same. */
export const incident =
  (share: number, during: { readonly seconds: number; readonly share: number }): ErrorModel =>
  (random, moment) =>
  (second, requests) =>
    binomial(random, requests, second >= moment && second < moment + during.seconds ? during.share : share);

// What a bench can be asked for on its command line.
import { parseArgs } from "node:util";

export interface BenchOptions {
  readonly bench: (typeof benches)[number];
  readonly json: boolean;
  readonly promotions: number;
  readonly rollbacks: number;
  /** What the scaler's sizes and moments follow from. */
  readonly seed: number;
  /** Apps that are released side by side. */
  readonly apps: number;
  /** Requests per second to each app. */
  readonly rate: number;
  /** Pods that call them. */
  readonly callers: number;
  /** Services that each of these calls. */
  readonly calls: number;
  /** Seconds within which all releases begin. */
  readonly spread: number;
  /** Releases in virtual time. */
  readonly releases: number;
}

export const benches = ["adoption", "traffic", "judge", "verdict", "queries", "faults", "crashes", "outlier"] as const;

const defaults = {
  adoption: { apps: "4", rate: "20" },
  traffic: { apps: "2", rate: "100" },
  judge: { apps: "1", rate: "1" },
  verdict: { apps: "1", rate: "1" },
  queries: { apps: "50", rate: "100" },
  faults: { apps: "1", rate: "1" },
  crashes: { apps: "1", rate: "1" },
  outlier: { apps: "1", rate: "200" },
} as const;

export const BENCH_HELP = `Usage: npm run bench -- NAME [options]

Benches:
  adoption               promotions under load while a scaler writes the scale subresource at random moments, as an HPA
                         does; passes with no restarted pod, no failed request, and never fewer ready pods than needed
  traffic                rollbacks at 50 % under load: from the decision to the last request that the canary got, at a
                         debounce of 100 ms; writes per release, and rewrites per foreign write; passes with no failed
                         request and one rewrite for each foreign write
  judge                  the judge's own code in virtual time beside point checks as others make them: false rollbacks and
                         times to a decision; passes when no figure is worse than the method's published one by more
                         than 3 standard errors
  verdict                on real parts, a quarter of an hour: a weak version is kept, a broken one and a bad one are rolled
                         back, and a release is held while Prometheus is away and promoted after it
  queries                many releases of Services that many pods call: from the sample that completes the evidence to the
                         write of the routes; passes when 99 % are within a second and memory does not grow
  faults                 releases in virtual time, with the real controller and adapters, while writes fail, are lost, late or
                         doubled, caches are old and operators come and go; passes with no violation of an invariant,
                         with every planted mistake found, and where every rule met every kind of fault
  crashes                releases on real parts whose operator is killed at every single write, before it and after it; passes
                         when each ends as it would have, with every event told once
  outlier                one bad pod of 4, 10 and 30, called by 1, 10 and 50 proxies: the time to its ejection, and how often
                         a good one goes by chance, as computed and on a real Envoy; passes where the two agree

Options:
  --json                 print one JSON line at the end; everything else goes to standard error
  --promotions N         adoption: how many promotions (default 50)
  --rollbacks N          traffic: how many rollbacks (default 40)
  --seed N               repeats the sizes and moments of an earlier run (default: another one each time,
                         for the judge always the same; it is printed)
  --apps N               how many apps are released side by side (default: adoption 4, traffic 2,
                         queries 50)
  --rate N               requests per second to each app (default: adoption 20, traffic and queries 100, outlier 200)
  --callers N            queries: how many pods call (default 500)
  --calls N              queries: how many of the Services each of them calls (default 5)
  --spread N             queries: within how many seconds all releases begin (default 30; 0: at once)
  --releases N           faults: how many releases (default 10000)
  --help                 this text

Exit code: 0 when the bar is met, 1 when it is missed, 2 when an option is wrong.
`;

/** A mistake on the command line, in one sentence for the person who made it. */
export class WrongOption extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WrongOption";
  }
}

const largestSeed = 0xffff_ffff;

/** The options, or "help"; throws `WrongOption`. `seed` is taken where none is given. */
export function readBenchOptions(args: readonly string[], seed: number): BenchOptions | "help" {
  const { values, positionals } = parse(args);
  if (values.help) return "help";
  const [name, ...others] = positionals;
  const bench = benches.find((known) => known === name);
  if (bench === undefined || others.length > 0) {
    throw new WrongOption(`no bench ${JSON.stringify(positionals.join(" "))}; there are: ${benches.join(", ")}`);
  }
  const own = defaults[bench];
  return {
    bench,
    json: values.json,
    promotions: readWhole("--promotions", values.promotions, 1, 10_000),
    seed: values.seed === undefined ? (bench === "judge" ? fixedSeed : seed) : readSeed(values.seed),
    rollbacks: readWhole("--rollbacks", values.rollbacks, 1, 10_000),
    apps: readWhole("--apps", values.apps ?? own.apps, 1, 100),
    rate: readWhole("--rate", values.rate ?? own.rate, 1, 500),
    callers: readWhole("--callers", values.callers, 1, 1_000),
    calls: readWhole("--calls", values.calls, 1, 100),
    spread: readWhole("--spread", values.spread, 0, 600),
    releases: readWhole("--releases", values.releases, 1, 1_000_000),
  };
}

/** What nothing but numbers goes into is the same each time, unless another run is asked for. */
const fixedSeed = 1;

function readSeed(text: string): number {
  return readWhole("--seed", text, 0, largestSeed);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        promotions: { type: "string", default: "50" },
        seed: { type: "string" },
        rollbacks: { type: "string", default: "40" },
        apps: { type: "string" },
        rate: { type: "string" },
        callers: { type: "string", default: "500" },
        calls: { type: "string", default: "5" },
        spread: { type: "string", default: "30" },
        releases: { type: "string", default: "10000" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    // Node adds a hint about `--` that is of no use behind npm.
    const message = error instanceof Error ? error.message : String(error);
    throw new WrongOption(message.split(". ")[0]?.split("\n")[0] ?? message);
  }
}

function readWhole(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new WrongOption(`${option} ${text}: write a whole number from ${least} to ${most}`);
}

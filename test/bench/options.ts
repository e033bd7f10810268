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
}

export const benches = ["adoption", "traffic"] as const;

const defaults = { adoption: { apps: "4", rate: "20" }, traffic: { apps: "2", rate: "100" } } as const;

export const BENCH_HELP = `Usage: npm run bench -- NAME [options]

Benches:
  adoption               promotions under load while a scaler writes the scale subresource at random moments, as an HPA
                         does; passes with no restarted pod, no failed request, and never fewer ready pods than needed
  traffic                rollbacks at 50 % under load: from the decision to the last request that the canary got, at a
                         debounce of 100 ms; writes per release, and rewrites per foreign write; passes with no failed
                         request and one rewrite for each foreign write

Options:
  --json                 print one JSON line at the end; everything else goes to standard error
  --promotions N         adoption: how many promotions (default 50)
  --rollbacks N          traffic: how many rollbacks (default 40)
  --seed N               repeats the sizes and moments of an earlier run (default: another one each time; it is printed)
  --apps N               how many apps are released side by side (default: adoption 4, traffic 2)
  --rate N               requests per second to each app (default: adoption 20, traffic 100)
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
    seed: values.seed === undefined ? seed : readWhole("--seed", values.seed, 0, largestSeed),
    rollbacks: readWhole("--rollbacks", values.rollbacks, 1, 10_000),
    apps: readWhole("--apps", values.apps ?? own.apps, 1, 20),
    rate: readWhole("--rate", values.rate ?? own.rate, 1, 500),
  };
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

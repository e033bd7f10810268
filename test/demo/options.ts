// What the demo can be asked for on its command line.
import { parseArgs } from "node:util";

export type ReleaseKind = "good" | "bad";

export interface DemoOptions {
  readonly json: boolean;
  /** The share of the bad version's answers that are errors. */
  readonly badErrorRate: number;
  /** The mean latency of the bad version's answers, in milliseconds; undefined: as fast as the good ones. */
  readonly badLatencyMs: number | undefined;
  readonly order: readonly ReleaseKind[];
  /** Requests per second. */
  readonly rate: number;
  readonly picture: string | undefined;
  readonly keepLogs: string | undefined;
}

export const DEMO_HELP = `Usage: npm run demo [-- options]

Starts Kubernetes, Envoy, Prometheus and Serin on this machine, releases a good version and a bad one under real
traffic, and ends with what happened to each. Nothing is left running. The first run builds the parts that the machine
does not have and keeps them in a cache.

Options:
  --json                 print one JSON line at the end; everything else goes to standard error
  --order LIST           the releases, good or bad, separated by commas (default good,bad)
  --rate N               requests per second (default 200)
  --bad-error-rate RATE  share of the bad version's answers that are errors: 0.1 or 10% (default 10%; 0 when only
                         --bad-latency is given)
  --bad-latency TIME     mean latency of the bad version's answers: 800ms or 1.5s (default: that of the good one)
  --picture FILE         write the demo as an animated SVG of a terminal
  --keep-logs FOLDER     copy the logs of all processes there at the end
  --help                 this text

Exit code: 0 when every release ended as it should (a good version promoted; a bad one rolled back, unless it is within
the limits of 1 % errors and 1 % of the requests above 500 ms), 1 when not, 2 when an option is wrong.

The JSON line: one key per release in their order (good, bad, good2 …). Requests are counted by the load generator,
weights by watching the stored VirtualService, restarts by watching the pods. "seconds" is the time from kubectl apply to
the end for a good version, and from the canary's first request to its last for one that was rolled back.
"provisioned.seconds" is the time from the start of the demo until the first release could begin.

Environment:
  KUBEBUILDER_ASSETS  a folder with kube-apiserver, etcd, kubectl …, used before anything is built
  SERIN_CACHE         where parts are kept (default: serin in XDG_CACHE_HOME or ~/.cache)
  NO_COLOR            when set, no colours
`;

/** A mistake on the command line, in one sentence for the person who made it. */
export class WrongOption extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WrongOption";
  }
}

const DEFAULT_ERROR_RATE = 0.1;
const MOST_RELEASES = 9;
const HIGHEST_RATE = 2000;
/** The load gives up a request after ten seconds; a slower version would not be slow but silent. */
const SLOWEST_MS = 5000;

/** The options, or "help"; throws `WrongOption`. */
export function readDemoOptions(args: readonly string[]): DemoOptions | "help" {
  const values = parse(args);
  if (values.help) return "help";
  const latency = values["bad-latency"];
  const errorRate = values["bad-error-rate"];
  return {
    json: values.json,
    badErrorRate: errorRate === undefined ? (latency === undefined ? DEFAULT_ERROR_RATE : 0) : readShare(errorRate),
    badLatencyMs: latency === undefined ? undefined : readLatency(latency),
    order: readOrder(values.order),
    rate: readRate(values.rate),
    picture: readPath("--picture", values.picture),
    keepLogs: readPath("--keep-logs", values["keep-logs"]),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: "boolean", default: false },
        "bad-error-rate": { type: "string" },
        "bad-latency": { type: "string" },
        order: { type: "string", default: "good,bad" },
        rate: { type: "string", default: "200" },
        picture: { type: "string" },
        "keep-logs": { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    // Node adds a hint about `--` that is of no use behind npm.
    const message = error instanceof Error ? error.message : String(error);
    throw new WrongOption(message.split(". ")[0]?.split("\n")[0] ?? message);
  }
}

function readShare(text: string): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?|\.\d+)\s*(%?)$/.exec(text.trim()) ?? [];
  const share = Number(number) / (percent === "%" ? 100 : 1);
  if (share >= 0 && share <= 1) return share;
  throw new WrongOption(`--bad-error-rate ${text}: write a share from 0 to 1 such as 0.1, or a percentage such as 10%`);
}

function readLatency(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|)$/.exec(text.trim()) ?? [];
  const latency = Number(number) * (unit === "s" ? 1000 : 1);
  if (latency >= 0 && latency <= SLOWEST_MS) return latency;
  throw new WrongOption(`--bad-latency ${text}: write milliseconds or a duration up to 5s, such as 800ms or 1.5s`);
}

function readOrder(text: string): readonly ReleaseKind[] {
  const kinds = text.split(",").map((kind) => kind.trim());
  const known = kinds.filter((kind) => kind === "good" || kind === "bad");
  if (known.length === kinds.length && kinds.length <= MOST_RELEASES) return known;
  throw new WrongOption(
    `--order ${text}: write good and bad, separated by commas and at most ${MOST_RELEASES}, such as good,bad`,
  );
}

function readRate(text: string): number {
  const rate = Number(text);
  if (/^\d+$/.test(text) && rate >= 1 && rate <= HIGHEST_RATE) return rate;
  throw new WrongOption(`--rate ${text}: write whole requests per second from 1 to ${HIGHEST_RATE}, such as 200`);
}

function readPath(option: string, text: string | undefined): string | undefined {
  if (text === undefined || text.trim() !== "") return text;
  throw new WrongOption(`${option} needs a path`);
}

// A process of its own that is scraped like some hundred calling pods: `node callers-process.ts OPTIONS`, as JSON.
// Prints the addresses of all once they listen; takes a line of JSON with splits by namespace whenever one changes.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import type { AddressInfo } from "node:net";
import { ServiceCounters, type Split } from "./caller-metrics.ts";

export interface CallersOptions {
  readonly callers: number;
  /** Namespaces of the Services, each `product` in its own. */
  readonly services: readonly string[];
  /** Services that each caller calls. */
  readonly calls: number;
  /** Requests per second to each Service, of all its callers. */
  readonly rate: number;
}

/** Pods of one workload, as a Deployment would have them. */
const podsOfWorkload = 10;

const options = JSON.parse(process.argv[2] ?? "{}") as CallersOptions;
const callsTo = Array.from({ length: options.callers }, (_none, caller) =>
  Array.from({ length: options.calls }, (__, call) => (caller + call * stride()) % options.services.length),
);
const callersOf = options.services.map((_name, index) => callsTo.filter((calls) => calls.includes(index)).length);
const counters = options.services.map(
  (namespace, index) =>
    new ServiceCounters(
      { namespace, service: "product", rate: options.rate / Math.max(1, callersOf[index] ?? 1) },
      Date.now(),
    ),
);

/** Callers next to each other call different Services. */
function stride(): number {
  return Math.max(1, Math.floor(options.services.length / options.calls));
}

function page(caller: number): string {
  const name = `caller-${Math.floor(caller / podsOfWorkload)}`;
  const parts = (callsTo[caller] ?? []).map((index) => counters[index]?.render(name, Date.now()));
  const requests = parts.map((part) => part?.requests ?? "").join("");
  const durations = parts.map((part) => part?.durations ?? "").join("");
  return `# TYPE istio_requests_total counter\n${requests}# TYPE istio_request_duration_milliseconds_bucket counter\n${durations}`;
}

/** An address of its own for each pod: addresses tell pods apart. */
async function listen(caller: number): Promise<string> {
  const host = `127.250.${Math.floor(caller / 250)}.${1 + (caller % 250)}`;
  const server = createServer((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4" }).end(page(caller));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, host, resolve));
  return `${host}:${(server.address() as AddressInfo).port}`;
}

const addresses = await Promise.all(Array.from({ length: options.callers }, (_none, caller) => listen(caller)));
process.stdout.write(`${JSON.stringify(addresses)}\n`);
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const splits = JSON.parse(line) as Readonly<Record<string, Split>>;
  for (const [namespace, split] of Object.entries(splits)) {
    counters[options.services.indexOf(namespace)]?.split(split, Date.now());
  }
});
// Whoever started it has gone.
lines.once("close", () => process.exit(0));

// npm run cluster: starts the local cluster, says how to reach it, and stays until Ctrl-C.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startCluster } from "../test/cluster/cluster.ts";
import { progressPrinter } from "../test/cluster/parts/progress.ts";
import { stopOnSignals } from "../test/cluster/processes/signals.ts";
import { createSupervisor } from "../test/cluster/processes/supervisor.ts";
import { startWorld } from "../test/cluster/world/world.ts";

const HELP = `Usage: npm run cluster [-- options]

Starts a Kubernetes control plane with the definitions of Istio and the Gateway API, a Prometheus, and Envoys that obey
Istio's objects, all real software as plain processes on loopback, and stays until Ctrl-C. Pods are real HTTP servers.
The first start builds the parts that the machine does not have; they are kept in a cache.

Options:
  --scrape-interval DURATION  how often Prometheus scrapes (default 1s)
  --help                      this text

Environment:
  KUBEBUILDER_ASSETS  a folder with kube-apiserver, etcd, kubectl …, used before anything is built
  SERIN_CACHE         where parts are kept (default: serin in XDG_CACHE_HOME or ~/.cache)
`;

function fail(message: string, code: number): never {
  process.stderr.write(`serin: ${message}\n`);
  process.exit(code);
}

function readOptions(): { readonly "scrape-interval": string; readonly help: boolean } {
  try {
    return parseArgs({
      options: { "scrape-interval": { type: "string", default: "1s" }, help: { type: "boolean", default: false } },
    }).values;
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)} (see --help)`, 2);
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const supervisor = await createSupervisor();
stopOnSignals(() => supervisor.stop());
const progress = progressPrinter();
try {
  const cluster = await startCluster({
    supervisor,
    onProgress: progress.show,
    prometheusScrapeInterval: options["scrape-interval"],
  });
  progress.show({ subject: "cluster", text: "starting the data plane" });
  const world = await startWorld({
    podsApart: true,
    kubeconfig: cluster.kubeconfig,
    runFolder: join(cluster.runFolder, "world"),
    envoyPath: cluster.provided.envoy.path,
    startProcess: cluster.startProcess,
    registerScrapeTarget: cluster.registerScrapeTarget,
  });
  progress.end();
  const proxies = world.proxies.map(
    (proxy) => `proxy       http://${proxy.port(80)}  (${proxy.name}, port 80 of Services)`,
  );
  console.log(`
export KUBECONFIG=${cluster.kubeconfig}

kubectl     ${cluster.kubectlPath}
Prometheus  ${cluster.prometheusUrl}
${proxies.join("\n")}
logs        ${cluster.runFolder}/logs

Press Ctrl-C to stop; everything above goes away with it.`);
} catch (error) {
  progress.end();
  // When it is being stopped, whatever was starting fails, and that is no news.
  if (!supervisor.stopping) fail(error instanceof Error ? error.message : String(error), 1);
}

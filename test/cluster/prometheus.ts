// A real Prometheus whose targets can be added and taken away while it runs.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import { stringify } from "yaml";
import { createPart } from "./processes/part.ts";
import type { Part } from "./processes/part.ts";
import { onFreePorts } from "./processes/ports.ts";
import type { ProcessSpec } from "./processes/supervised.ts";
import type { Supervisor } from "./processes/supervisor.ts";
import { until } from "./processes/until.ts";

export interface Target {
  readonly job: string;
  /** "127.0.0.1:9100" */
  readonly address: string;
  /** `/metrics` when left out. */
  readonly path?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Prometheus {
  readonly url: string;
  readonly part: Part;
  /** Scraped within seconds; a target with the same job, address and path is replaced. */
  addTarget(target: Target): void;
  removeTarget(target: Target): void;
  /** Resolves when the last scrape of this address succeeded. */
  awaitScraped(address: string, timeoutMs?: number): Promise<void>;
}

export interface PrometheusOptions {
  readonly binary: string;
  /** In Prometheus' own words: "1s", "15s". */
  readonly scrapeInterval: string;
  /** A file of recording rules, as YAML. */
  readonly rules?: string;
  /** Whom alone it answers; everybody when left out. */
  readonly admits?: Admitted;
}

export interface Admitted {
  readonly username: string;
  readonly password: string;
  /** bcrypt's of the password. */
  readonly hash: string;
}

interface ActiveTarget {
  readonly scrapeUrl: string;
  readonly health: string;
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function configuration(scrapeInterval: string, targetsFile: string, rulesFile: string): string {
  return stringify({
    rule_files: [rulesFile],
    global: { scrape_interval: scrapeInterval, scrape_timeout: scrapeInterval },
    scrape_configs: [{ job_name: "local", file_sd_configs: [{ files: [targetsFile], refresh_interval: "5s" }] }],
  });
}

function authorizationOf(admits: Admitted | undefined): Record<string, string> {
  if (admits === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${admits.username}:${admits.password}`).toString("base64")}` };
}

function specOn(port: number, folder: string, { binary, admits }: PrometheusOptions): ProcessSpec {
  const headers = authorizationOf(admits);
  return {
    name: "prometheus",
    command: binary,
    args: [
      ...(admits === undefined ? [] : [`--web.config.file=${join(folder, "web.yaml")}`]),
      `--config.file=${join(folder, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-lifecycle",
      // New targets are scraped soon instead of after five seconds.
      "--scrape.discovery-reload-interval=100ms",
      "--log.level=warn",
    ],
    ready: async () => {
      const response = await request(`http://127.0.0.1:${port}/-/ready`, { headers, headersTimeout: 2000 });
      await response.body.dump();
      return response.statusCode === 200;
    },
    graceMs: 2000,
  };
}

export async function startPrometheus(supervisor: Supervisor, options: PrometheusOptions): Promise<Prometheus> {
  const folder = join(supervisor.folder, "prometheus");
  mkdirSync(folder);
  const targetsFile = join(folder, "targets.json");
  const rulesFile = join(folder, "rules.yaml");
  const targets = new Map<string, Target>();
  const keyOf = ({ job, address, path = "/metrics" }: Target): string => `${job} ${address} ${path}`;

  function publish(): void {
    const groups = [...targets.values()].map(({ job, address, path = "/metrics", labels = {} }) => ({
      targets: [address],
      labels: { ...labels, job, __metrics_path__: path },
    }));
    writeWhole(targetsFile, JSON.stringify(groups));
  }

  publish();
  writeWhole(join(folder, "prometheus.yaml"), configuration(options.scrapeInterval, targetsFile, rulesFile));
  if (options.rules !== undefined) writeWhole(rulesFile, options.rules);
  const { admits } = options;
  if (admits !== undefined)
    writeWhole(join(folder, "web.yaml"), stringify({ basic_auth_users: { [admits.username]: admits.hash } }));
  const { part, url } = await onFreePorts(1, async ([port = 0]) => {
    const started = createPart(supervisor, specOn(port, folder, options));
    await started.start();
    return { part: started, url: `http://127.0.0.1:${port}` };
  });

  async function isScraped(address: string): Promise<boolean> {
    const { body } = await request(`${url}/api/v1/targets?state=active`, { headers: authorizationOf(admits) });
    const { data } = (await body.json()) as { data: { activeTargets: readonly ActiveTarget[] } };
    return data.activeTargets.some(({ scrapeUrl, health }) => new URL(scrapeUrl).host === address && health === "up");
  }

  return {
    url,
    part,
    addTarget(target) {
      targets.set(keyOf(target), target);
      publish();
    },
    removeTarget(target) {
      targets.delete(keyOf(target));
      publish();
    },
    async awaitScraped(address, timeout = 30_000) {
      await until(() => isScraped(address), { timeout, every: 100, what: `a successful scrape of ${address}` });
    },
  };
}

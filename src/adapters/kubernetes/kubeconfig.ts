import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, resolve } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { parse } from "yaml";

/** Where the API server and the credentials for it are written. */
export interface KubeConfigSource {
  /** Path of a kubeconfig file; goes before everything else. */
  readonly kubeconfig?: string | undefined;
  /** Value of the environment variable KUBECONFIG: one path or several. */
  readonly kubeconfigVariable?: string | undefined;
  /** Whether the process may be a pod: its service account is used when neither of the above is given. */
  readonly inCluster?: boolean | undefined;
  /** Name of the context to use; the kubeconfig's current one need not be valid then. */
  readonly context?: string | undefined;
}

const serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** What client-node makes up where it finds nothing. */
const guess = { context: "loaded-context", server: "http://localhost:8080" };

/**
 * Reads the configuration anew: kubeconfig path, else KUBECONFIG, else the pod's service account, else the default of
 * kubectl. Throws when the file cannot be read, has no context of the name that was asked for, or names no cluster.
 */
export function loadKubeConfig(source: KubeConfigSource): KubeConfig {
  const config = readConfig(source);
  if (source.context !== undefined) choose(source.context, config);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const which = source.context === undefined ? "current context" : `context ${source.context}`;
    throw new Error(`the kubeconfig's ${which} names no cluster`);
  }
  // client-node refuses http:// servers unless they are marked so, although there is no certificate to verify.
  if (cluster.server.startsWith("http:")) Object.assign(cluster, { skipTLSVerify: true });
  return config;
}

function choose(context: string, config: KubeConfig): void {
  if (config.getContextObject(context) === null) throw new Error(`the kubeconfig has no context ${context}`);
  config.setCurrentContext(context);
}

function readConfig(source: KubeConfigSource): KubeConfig {
  if (source.kubeconfig) return readFiles([source.kubeconfig]);
  const paths = (source.kubeconfigVariable ?? "").split(delimiter).filter((path) => path !== "");
  if (paths.length > 0) return readFiles(paths);
  const config = new KubeConfig();
  if (source.inCluster !== false && existsSync(serviceAccountToken)) config.loadFromCluster();
  else config.loadFromDefault();
  if (config.currentContext === guess.context && config.getCurrentCluster()?.server === guess.server)
    throw new Error("there is none at ~/.kube/config; name one by --kubeconfig or in KUBECONFIG");
  return config;
}

/** Like kubectl: files that are not there are skipped when there are several, and the first one to define a name wins. */
function readFiles(paths: readonly string[]): KubeConfig {
  const present = paths.length === 1 ? paths : paths.filter((path) => existsSync(path));
  if (present.length === 0) throw new Error(`none of the kubeconfig files exists: ${paths.join(", ")}`);
  const [first, ...rest] = present.map(readFile);
  return rest.reduce(mergeInto, first as KubeConfig);
}

function mergeInto(merged: KubeConfig, next: KubeConfig): KubeConfig {
  const known = (list: readonly { readonly name: string }[], name: string) => list.some((one) => one.name === name);
  for (const one of next.clusters) if (!known(merged.clusters, one.name)) merged.addCluster(one);
  for (const one of next.users) if (!known(merged.users, one.name)) merged.addUser(one);
  for (const one of next.contexts) if (!known(merged.contexts, one.name)) merged.addContext(one);
  if (!merged.currentContext) merged.setCurrentContext(next.currentContext);
  return merged;
}

interface RawUser {
  readonly name: string;
  readonly user?: { readonly tokenFile?: string };
}

function readFile(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  const raw = parse(readFileSync(path, "utf8")) as { readonly users?: readonly RawUser[] } | null;
  for (const { name, user } of raw?.users ?? []) {
    if (user?.tokenFile !== undefined) readTokenFrom(resolve(dirname(path), user.tokenFile), name, config);
  }
  return config;
}

/** client-node knows the field as `token-file`, which kubectl does not write, and would read it only once. */
function readTokenFrom(tokenFile: string, userName: string, config: KubeConfig): void {
  config.users = config.users.map((user) => {
    if (user.name !== userName) return user;
    const { token: _superseded, ...others } = user;
    return { ...others, authProvider: { name: "tokenFile", config: { tokenFile } } };
  });
}

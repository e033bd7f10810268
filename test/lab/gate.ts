// What stands between one operator and the API server: it sees every write, and may let it pass, keep it or cut all off.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request as send } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { parse, stringify } from "yaml";

/** One request that changes something. */
export interface Write {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** What it is about, the same for writes that do the same. */
  readonly site: string;
}

export interface GateOptions {
  /** Of whoever is to go through the gate. */
  readonly kubeconfig: string;
  /** Where the one that leads through the gate is written. */
  readonly target: string;
}

export interface Gate {
  /** Path of a kubeconfig that leads through the gate. */
  readonly kubeconfig: string;
  /** Writes that the API server took. */
  readonly writes: readonly Write[];
  /** When the API server took writes of the Lease: a leader renews it, and gives it back at its end. */
  readonly terms: readonly number[];
  /** Asked before a write reaches the API server and after it was answered; `keep`: the other side hears no more of it. */
  onWrite: (write: Write, when: "before" | "after") => Promise<"pass" | "keep">;
  /** Nothing gets through from now on, until it is opened. */
  shut(): void;
  open(): void;
  close(): Promise<void>;
}

interface Access {
  readonly server: URL;
  readonly agent: Agent;
}

export async function openGate({ kubeconfig, target }: GateOptions): Promise<Gate> {
  const config = parse(readFileSync(kubeconfig, "utf8")) as KubeConfig;
  const cluster = config.clusters[0]?.cluster;
  if (cluster === undefined) throw new Error(`${kubeconfig} names no cluster`);
  const ca = cluster["certificate-authority-data"];
  const agent = new Agent({ keepAlive: true, ca: ca === undefined ? undefined : Buffer.from(ca, "base64") });
  const access: Access = { server: new URL(cluster.server), agent };
  const writes: Write[] = [];
  const terms: number[] = [];
  const sockets = new Set<Socket>();
  let isShut = false;
  const gate: Pick<Gate, "onWrite"> = { onWrite: () => Promise.resolve("pass") };
  const server = createServer((request, response) => {
    const ask: Ask = (write, when) => {
      if (isOfLease(write)) {
        if (when === "after") terms.push(Date.now());
        return Promise.resolve("pass");
      }
      if (when === "after") writes.push(write);
      return gate.onWrite(write, when);
    };
    handle(access, request, response, ask).catch(() => response.destroy());
  });
  server.on("connection", (socket) => {
    if (isShut) return void socket.destroy();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const led = { ...config, clusters: [{ ...config.clusters[0], cluster: { server: `http://127.0.0.1:${port}` } }] };
  writeFileSync(target, stringify(led));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(gate, {
    kubeconfig: target,
    writes,
    terms,
    shut() {
      isShut = true;
      cut();
    },
    open() {
      isShut = false;
    },
    async close() {
      cut();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

interface KubeConfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data"?: string };
  }[];
}

type Ask = (write: Write, when: "before" | "after") => Promise<"pass" | "keep">;

async function handle(access: Access, request: IncomingMessage, response: ServerResponse, ask: Ask): Promise<void> {
  const { method = "GET", url = "/" } = request;
  const body = await bodyOf(request);
  const isWrite = method !== "GET" && !url.includes("dryRun=All");
  const write: Write = { at: Date.now(), method, path: url, body, site: siteOf(method, url, body) };
  if (isWrite && (await ask(write, "before")) === "keep") return void response.destroy();
  const answer = await forward(access, request, body);
  if (!isWrite) return passOn(answer, response);
  const text = await bodyOf(answer);
  const status = answer.statusCode ?? 502;
  if (status < 300 && (await ask(write, "after")) === "keep") return void response.destroy();
  const { "transfer-encoding": _, ...headers } = answer.headers;
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) }).end(text);
}

function isOfLease({ path }: Write): boolean {
  return path.includes("/leases");
}

/** A watch never ends: what comes is passed on as it comes, to one who may be gone by now. */
function passOn(answer: IncomingMessage, response: ServerResponse): void {
  if (response.destroyed) return void answer.destroy();
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.pipe(response);
  response.once("close", () => answer.destroy());
}

async function bodyOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function forward({ server, agent }: Access, request: IncomingMessage, body: string): Promise<IncomingMessage> {
  const { host: _, connection: __, "transfer-encoding": ___, ...headers } = request.headers;
  return new Promise((resolve, reject) => {
    const options = {
      method: request.method,
      path: request.url,
      headers,
      agent,
      host: server.hostname,
      port: server.port,
    };
    const sent = send(options, resolve);
    sent.on("error", reject);
    sent.end(body);
  });
}

interface Body {
  readonly reason?: string;
  readonly status?: {
    readonly pendingEvents?: readonly { readonly reason: string }[];
    readonly release?: { readonly decision?: string; readonly traffic?: { readonly weight?: number } } | null;
  };
}

/** Verb, resource and what is changed, without names and numbers that differ from run to run. */
function siteOf(method: string, url: string, text: string): string {
  const [path = ""] = url.split("?");
  const [plural, _name, subresource] = path.replace(/^.*\/namespaces\/[^/]+\//, "").split("/");
  const resource = `${method} ${plural ?? ""}${subresource === undefined ? "" : `/${subresource}`}`;
  const body = parsed(text);
  return `${resource} ${Array.isArray(body) ? patched(body as Step[], text) : changed(body ?? {})}`;
}

interface Step {
  readonly op: string;
  readonly path: string;
}

function patched(steps: readonly Step[], text: string): string {
  const changes = steps.filter(({ op }) => op !== "test").map(({ op, path }) => `${op} ${path.replace(/\d+/g, "N")}`);
  const weights = [...text.matchAll(/"weight":(\d+)/g)].map(([, weight]) => weight);
  return `${changes.join(", ")} ${weights.slice(-2).join("/")}`;
}

function changed(body: Body): string {
  const { reason, status } = body;
  if (status === undefined) return reason ?? Object.keys(body).join(",");
  const { decision = "", traffic } = status.release ?? {};
  const told = (status.pendingEvents ?? []).map((event) => event.reason);
  return `${told.join("+")} ${decision} ${traffic?.weight ?? ""}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

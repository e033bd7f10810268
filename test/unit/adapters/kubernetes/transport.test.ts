import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { connect, type ApiRequest, type Transport } from "../../../../src/adapters/kubernetes/transport.ts";
import { ConflictError, RejectedError, TransientError } from "../../../../src/runtime/errors.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface World {
  readonly transport: Transport;
  readonly observed: string[];
  /** Connections that the server accepted. */
  readonly connections: () => number;
  readonly folder: string;
}

/** A plain HTTP server, and a transport that reads its address from a kubeconfig. */
async function start(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  user: (folder: string) => object = () => ({ token: "t" }),
): Promise<World> {
  let connections = 0;
  const server = createServer(handle).on("connection", () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(join(tmpdir(), "serin-transport-"));
  const config = {
    clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix` } }],
    users: [{ name: "u", user: user(folder) }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  const kubeconfig = join(folder, "config");
  writeFileSync(kubeconfig, JSON.stringify(config));
  const observed: string[] = [];
  const transport = connect({ kubeconfig }, ({ verb, code }) => observed.push(`${verb} ${code}`));
  cleanUps.push(
    () => transport.close(),
    () => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    },
  );
  return { transport, observed, connections: () => connections, folder };
}

const get: ApiRequest = { method: "GET", path: "/api" };
const never = new AbortController().signal;

const answer = (response: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}) =>
  response.writeHead(code, headers).end(JSON.stringify(body));

describe("Transport.request()", () => {
  it("sends method, path below the server's own, query, body and token, and parses the answer", async () => {
    const seen: unknown[] = [];
    const { transport, observed } = await start((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { authorization, "content-type": type } = request.headers;
        seen.push(request.method, request.url, authorization, type, Buffer.concat(chunks).toString());
        answer(response, 200, { kind: "Thing" });
      });
    });
    const request = {
      method: "PATCH",
      path: "/api",
      query: { force: "true" },
      contentType: "application/x",
      body: { a: 1 },
    } as const;
    expect(await transport.request(request, never)).toEqual({ kind: "Thing" });
    expect(seen).toEqual(["PATCH", "/prefix/api?force=true", "Bearer t", "application/x", '{"a":1}']);
    expect(observed).toEqual(["PATCH 200"]);
  });

  it("keeps its connections", async () => {
    const { transport, connections } = await start((_request, response) => answer(response, 200, {}));
    for (let round = 0; round < 20; round += 1) await transport.request(get, never);
    // The next request may be sent a moment before the connection of the last one is known to be free.
    expect(connections()).toBeLessThanOrEqual(2);
  });

  it("turns answers into errors", async () => {
    let code = 409;
    const { transport } = await start((_request, response) =>
      answer(response, code, { kind: "Status", message: "own words" }, { "retry-after": "2" }),
    );
    await expect(transport.request(get, never)).rejects.toThrow(new ConflictError("own words"));
    code = 403;
    await expect(transport.request(get, never)).rejects.toThrow(new RejectedError("own words"));
    code = 503;
    await expect(transport.request(get, never)).rejects.toMatchObject({ name: "TransientError", retryAfter: 2_000 });
  });

  it("is transient when nobody listens, the connection is cut, or the answer does not come in time", async () => {
    const { transport, observed } = await start((request, response) => {
      if (request.url?.endsWith("cut") === true) response.destroy();
    });
    await expect(transport.request({ method: "GET", path: "/cut" }, never)).rejects.toBeInstanceOf(TransientError);
    await expect(transport.request({ ...get, timeout: 50 }, never)).rejects.toBeInstanceOf(TransientError);
    expect(observed).toEqual(["GET none", "GET none"]);
  });

  it("rejects with the signal's reason when the caller gives up", async () => {
    const { transport } = await start(() => undefined);
    const stop = new AbortController();
    const pending = transport.request(get, stop.signal);
    stop.abort(new Error("enough"));
    await expect(pending).rejects.toThrow("enough");
    await expect(transport.request(get, stop.signal)).rejects.toThrow("enough");
  });

  it("reads the token again when it is not accepted", async () => {
    let accepted = "old";
    const { transport, folder, observed } = await start(
      (request, response) => answer(response, request.headers.authorization === `Bearer ${accepted}` ? 200 : 401, {}),
      (where) => {
        writeFileSync(join(where, "token"), "old\n");
        return { tokenFile: "token" };
      },
    );
    await transport.request(get, never);
    accepted = "new";
    writeFileSync(join(folder, "token"), "new\n");
    await transport.request(get, never);
    expect(observed).toEqual(["GET 200", "GET 401", "GET 200"]);
    accepted = "none";
    await expect(transport.request(get, never)).rejects.toBeInstanceOf(TransientError);
  });

  it("asks a credential plugin, and again when what it gave is not accepted", async () => {
    let accepted = "first";
    const { transport, folder } = await start(
      (request, response) => answer(response, request.headers.authorization === `Bearer ${accepted}` ? 200 : 401, {}),
      (where) => {
        const plugin = join(where, "plugin");
        const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential" };
        writeFileSync(join(where, "token"), "first");
        writeFileSync(
          plugin,
          `#!/bin/sh\necho '${JSON.stringify(credential).slice(0, -1)},"status":{"token":"'$(cat ${join(where, "token")})'"}}'\n`,
        );
        chmodSync(plugin, 0o700);
        return { exec: { apiVersion: credential.apiVersion, command: plugin } };
      },
    );
    await transport.request(get, never);
    accepted = "second";
    writeFileSync(join(folder, "token"), "second");
    expect(await transport.request(get, never)).toEqual({});
  });

  it("is transient when the credentials cannot be had, and recovers", async () => {
    const { transport, folder } = await start(
      (_request, response) => answer(response, 200, {}),
      () => ({ tokenFile: "token" }),
    );
    await expect(transport.request(get, never)).rejects.toMatchObject({ name: "TransientError", message: /token/ });
    writeFileSync(join(folder, "token"), "t");
    expect(await transport.request(get, never)).toEqual({});
  });
});

describe("Transport.stream()", () => {
  const watch: ApiRequest = { method: "GET", path: "/api", query: { watch: "true" }, timeout: 100 };

  it("gives lines as they come, however they are cut into packets, and lasts longer than its time-out", async () => {
    const { transport, observed } = await start((_request, response) => {
      response.writeHead(200).flushHeaders();
      response.write('{"a":"ä'.slice(0, 6));
      const rest = Buffer.from('ä"}\n{"b":2}\n{"c"');
      setTimeout(() => response.write(rest.subarray(0, 1)), 60);
      setTimeout(() => response.write(rest.subarray(1)), 120);
      setTimeout(() => response.end(":3}\n"), 180);
    });
    const stream = await transport.stream(watch, never);
    const lines: string[] = [];
    for await (const line of stream.lines()) lines.push(line);
    expect(lines).toEqual(['{"a":"ä"}', '{"b":2}', '{"c":3}']);
    expect(observed).toEqual(["WATCH 200"]);
  });

  it("gives the code and Retry-After of a refusal", async () => {
    const { transport } = await start((_request, response) => answer(response, 429, {}, { "retry-after": "1" }));
    const stream = await transport.stream(watch, never);
    expect([stream.code, stream.retryAfter]).toEqual([429, 1_000]);
    stream.end();
  });

  it("is transient when headers do not come in time", async () => {
    const { transport } = await start(() => undefined);
    await expect(transport.stream(watch, never)).rejects.toBeInstanceOf(TransientError);
  });

  it("rejects while it is read when the connection is cut or the caller gives up", async () => {
    const { transport } = await start((_request, response) => {
      response.writeHead(200).write('{"a":1}\n');
      setTimeout(() => response.destroy(), 50);
    });
    const read = async (signal: AbortSignal, onLine: (line: string) => void) => {
      const stream = await transport.stream(watch, signal);
      for await (const line of stream.lines()) onLine(line);
    };
    await expect(read(never, () => undefined)).rejects.toThrow();
    const stop = new AbortController();
    await expect(read(stop.signal, () => stop.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});

import { describe, expect, it } from "vitest";
import { startHttpServer } from "../../../src/runtime/http-server.ts";

const metrics = { render: () => Promise.resolve("x 1\n"), contentType: "text/plain; version=0.0.4" };

describe("startHttpServer()", () => {
  it("serves metrics and says what is not ready", async () => {
    const waiting = ["rollouts.serin.dev"];
    const server = await startHttpServer({ host: "127.0.0.1", port: 0, metrics, notReady: () => waiting });
    const get = async (path: string, method = "GET") => {
      const answer = await fetch(`http://${server.host}:${server.port}${path}`, { method });
      return [answer.status, await answer.text()];
    };
    try {
      expect(await get("/metrics")).toEqual([200, "x 1\n"]);
      expect(await get("/healthz?verbose")).toEqual([200, "ok\n"]);
      expect(await get("/readyz")).toEqual([503, "rollouts.serin.dev\n"]);
      waiting.length = 0;
      expect(await get("/readyz")).toEqual([200, "ok\n"]);
      expect((await get("/nothing"))[0]).toBe(404);
      expect((await get("/metrics", "POST"))[0]).toBe(405);
    } finally {
      await server.close();
    }
  });

  it("answers 500 when metrics cannot be rendered, and 503 when something is broken", async () => {
    const server = await startHttpServer({
      host: "127.0.0.1",
      port: 0,
      metrics: { ...metrics, render: () => Promise.reject(new Error("no metrics")) },
      notReady: () => [],
      unhealthy: () => ["the workers stopped"],
    });
    try {
      const at = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`).then(({ status }) => status);
      expect([await at("/metrics"), await at("/healthz"), await at("/readyz")]).toEqual([500, 503, 200]);
    } finally {
      await server.close();
    }
  });

  it("says why metrics cannot be rendered, whatever was thrown", async () => {
    const thrown = "no metrics" as unknown as Error;
    const broken = { ...metrics, render: () => Promise.reject(thrown) };
    const server = await startHttpServer({ host: "127.0.0.1", port: 0, metrics: broken, notReady: () => [] });
    try {
      const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
      expect([answer.status, await answer.text()]).toEqual([500, "no metrics\n"]);
    } finally {
      await server.close();
    }
  });

  it("rejects when the port is taken", async () => {
    const server = await startHttpServer({ host: "127.0.0.1", port: 0, metrics, notReady: () => [] });
    try {
      const again = startHttpServer({ host: "127.0.0.1", port: server.port, metrics, notReady: () => [] });
      await expect(again).rejects.toThrow("EADDRINUSE");
    } finally {
      await server.close();
    }
  });
});

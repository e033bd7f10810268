import { splitAddress, type Config } from "./config.ts";
import { keepCertificate } from "./adapters/kubernetes/hold-certificate.ts";
import { answerReview, holdPath, type WebhookClient } from "./adapters/kubernetes/hold-webhook.ts";
import type { KubernetesObjects } from "./ports/kubernetes-objects.ts";
import { messageOf } from "./runtime/errors.ts";
import { startHttpsServer, type HttpsServer } from "./runtime/https-server.ts";
import type { Logger } from "./runtime/logger.ts";
import { pause, systemTimers } from "./runtime/timers.ts";

/** The Service of the webhook and the Secret of its certificate, in the operator's namespace (deploy/operator-older.yaml). */
export const webhookService = "serin-webhook";
export const webhookSecret = "serin-webhook";

/** The webhook as this replica serves it, whether or not it is the leader: the API server asks any of them. */
export interface HoldWebhook {
  /** How the API server reaches it; or why it is not served. */
  client(): WebhookClient | { readonly missing: string };
  close(): Promise<void>;
}

/** How often the certificate is looked at, and how soon again when that failed. Milliseconds. */
const certificateEvery = 60_000;
const certificateRetry = 5_000;

/**
 * Serves the webhook where `--hold` may come to need it. Resolves after the first attempt; one that failed is told and
 * repeated. Never rejects.
 */
export async function serveHoldWebhook(
  { config, objects, log }: { readonly config: Config; readonly objects: KubernetesObjects; readonly log: Logger },
  signal: AbortSignal,
): Promise<HoldWebhook> {
  const isWanted = config.hold === "auto" || config.hold === "webhook";
  if (!isWanted) return { client: () => ({ missing: `--hold ${config.hold}` }), close: () => Promise.resolve() };
  const place = addressOf(config);
  const closed = new AbortController();
  const serving = AbortSignal.any([signal, closed.signal]);
  let server: HttpsServer | undefined;
  let client: WebhookClient | { readonly missing: string } = { missing: "it is starting" };

  const look = async (): Promise<number> => {
    try {
      const { identity, authorities } = await keepCertificate({ objects, ...place, now: Date.now }, serving);
      if (server === undefined) {
        server = await startHttpsServer({
          ...splitAddress(config.webhookAddress),
          identity,
          routes: { [holdPath]: answerReview },
        });
        log.info("serving the webhook", { host: server.host, port: server.port });
      } else server.use(identity);
      client = { address: place.address, authorities };
      return certificateEvery;
    } catch (error) {
      const reason = messageOf(error);
      const isNews = !("missing" in client) || client.missing !== reason;
      if (isNews && !serving.aborted) log.warn("the certificate of the webhook could not be looked after", { error });
      // One that is served goes on being served.
      if (server === undefined) client = { missing: reason };
      return certificateRetry;
    }
  };
  const wait = await look();
  const looking = keepLooking(look, wait, serving);
  const close = async () => {
    closed.abort();
    await looking;
    await server?.close();
  };
  return { client: () => client, close };
}

async function keepLooking(look: () => Promise<number>, first: number, signal: AbortSignal): Promise<void> {
  for (let wait = first; ; wait = await look()) {
    await pause(systemTimers, wait, signal);
    if (signal.aborted) return;
  }
}

/** How the API server addresses the webhook: by its Service, unless the operator runs beside the cluster. */
function addressOf({ webhookUrl, leaderElectNamespace: namespace }: Config) {
  const secret = { namespace, name: webhookSecret };
  if (webhookUrl === undefined) {
    const address = { service: { namespace, name: webhookService } };
    return { secret, address, hosts: [`${webhookService}.${namespace}.svc`] };
  }
  const url = new URL(holdPath, webhookUrl);
  // An IPv6 address is written in brackets.
  return { secret, address: { url: url.href }, hosts: [url.hostname.replace(/^\[|\]$/g, "")] };
}

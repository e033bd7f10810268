import type { IncomingMessage } from "node:http";

/** The path that is asked for, without its query. */
export function pathOf({ url = "/" }: Pick<IncomingMessage, "url">): string {
  return url.replace(/\?.*$/s, "");
}

import { expect } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { manifest } from "../lab/app.ts";
import type { Lab } from "../lab/lab.ts";
import { untilAllIsTold, type Stored } from "../lab/shop.ts";

const events = kind<Stored & { readonly reason: string; readonly note?: string }>("events.k8s.io/v1", "Event");

const istio = "networking.istio.io/v1";

interface InGit {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly spec: object;
}

/** The subsets that a team has in git; with both of them no route can come to name one that is not there. */
export const bothSubsets = ["stable", "canary"];

/** What a team has in git beside its Deployment: a route that is pinned, one to split, and subsets of its own. */
export function inGit(namespace: string, subsets: readonly string[] = bothSubsets): readonly InGit[] {
  const host = "product";
  return [
    {
      apiVersion: istio,
      kind: "VirtualService",
      metadata: { name: "shop", namespace },
      spec: {
        hosts: [host],
        http: [
          {
            name: "testers",
            match: [{ headers: { "x-test": { exact: "tester" } } }],
            route: [{ destination: { host, subset: "stable" }, weight: 100 }],
          },
          { name: "primary", timeout: "5s", route: [{ destination: { host, subset: "stable" }, weight: 100 }] },
        ],
      },
    },
    {
      apiVersion: istio,
      kind: "DestinationRule",
      metadata: { name: "shop", namespace },
      spec: { host, subsets: subsets.map((name) => ({ name, labels: { app: host } })) },
    },
  ];
}

/** How a Rollout names them. */
export const referencing = {
  traffic: { istio: { virtualService: { name: "shop", routes: ["primary"] }, destinationRule: { name: "shop" } } },
};

/** What the API server has of them. */
export async function stored(lab: Lab, namespace: string): Promise<readonly object[]> {
  const found = await Promise.all(
    inGit(namespace).map((object) =>
      lab.cluster.client.get(kind<Stored>(istio, object.kind), { namespace, name: "shop" }),
    ),
  );
  return found.map((object) => object?.spec ?? {});
}

export async function expectAsInGit(lab: Lab, namespace: string, subsets?: readonly string[]): Promise<void> {
  expect(await stored(lab, namespace)).toEqual(inGit(namespace, subsets).map(({ spec }) => spec));
}

/** Applies everything once as a controller of a tool does: by force, under its own name. */
export async function applyAs(
  lab: Lab,
  manager: string,
  namespace: string,
  subsets?: readonly string[],
): Promise<void> {
  const args = ["apply", "--server-side", "--force-conflicts", `--field-manager=${manager}`, "-f", "-"];
  await lab.kubectl(args, manifest(...inGit(namespace, subsets)));
}

/** What the operator told in a namespace for one reason. */
export async function told(lab: Lab, namespace: string, reason: string): Promise<readonly string[]> {
  await untilAllIsTold(lab, namespace);
  const { items } = await lab.cluster.client.list(events, { namespace });
  return items.filter((event) => event.reason === reason).map(({ note = "" }) => note);
}

/** Does something again and again, at most once per `every` milliseconds, until it is ended. */
export function repeatedly(every: number, act: () => Promise<void>): { end(): Promise<number> } {
  let count = 0;
  let isOver = false;
  const running = (async () => {
    let due = Date.now();
    for (; !isOver; count += 1) {
      await act();
      due += every;
      const wait = due - Date.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  })();
  return {
    async end() {
      isOver = true;
      await running;
      return count;
    },
  };
}

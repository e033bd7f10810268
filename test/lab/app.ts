import { stringify } from "yaml";

/** An app as a user would write it: how its pods behave is in their environment. */
export interface App {
  readonly namespace: string;
  readonly name?: string;
  readonly image: string;
  readonly replicas?: number;
  /** See test/cluster/node-agent/behaviour.ts. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly strategy?: object;
  readonly minReadySeconds?: number;
  readonly paused?: boolean;
  /** The Deployment itself has no labels. */
  readonly unlabelled?: boolean;
  /** Further fields of the Deployment's spec, of its pods' and of their container. */
  readonly fields?: { readonly deployment?: object; readonly pod?: object; readonly container?: object };
}

/** The Deployment of an app. */
export function deployment(app: App): object {
  const { namespace, name = "product", image, replicas = 3, environment = {} } = app;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, ...(app.unlabelled === true ? {} : { labels: { app: name } }) },
    spec: {
      replicas,
      ...(app.strategy === undefined ? {} : { strategy: app.strategy }),
      ...(app.paused === undefined ? {} : { paused: app.paused }),
      ...(app.minReadySeconds === undefined ? {} : { minReadySeconds: app.minReadySeconds }),
      ...app.fields?.deployment,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          ...app.fields?.pod,
          containers: [
            {
              name: "app",
              image,
              ports: [{ name: "http", containerPort: 8080 }],
              env: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
              ...app.fields?.container,
            },
          ],
        },
      },
    },
  };
}

/** The Service of an app. */
export function service({ namespace, name = "product" }: Pick<App, "namespace" | "name">): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 8080, targetPort: 8080 }] },
  };
}

/** A Rollout with steps that are short enough to watch. */
export function rollout({ namespace, name = "product" }: Pick<App, "namespace" | "name">, spec: object = {}): object {
  return {
    apiVersion: "serin.dev/v1alpha1",
    kind: "Rollout",
    metadata: { name, namespace },
    spec: { targetRef: { name }, ...spec },
  };
}

export function namespaceObject(name: string): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/** Objects as one manifest for kubectl, which reads YAML 1.1: there an Off without quotes is no text. */
export function manifest(...objects: readonly object[]): string {
  return objects.map((object) => stringify(object, { version: "1.1" })).join("---\n");
}

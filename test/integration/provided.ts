/** What the shared cluster of the integration tests gives to each test file, by `inject(name)`. */
declare module "vitest" {
  interface ProvidedContext {
    /** Path of an administrator's kubeconfig. */
    kubeconfig: string;
    /** Path of a kubectl of the same version as the API server. */
    kubectl: string;
    prometheusUrl: string;
  }
}

export {};

import { defineConfig } from "vitest/config";

/** Three levels: `unit` needs nothing, `cluster` tests the local cluster, `integration` releases on it. */
export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts", "test/simulation/**/*.test.ts", "test/architecture/**/*.test.ts"] } },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/tests/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});

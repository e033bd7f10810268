import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.ts";

/**
 * Levels, one after the other: `unit` needs nothing, `cluster` tests the local cluster, `integration` the parts of the
 * operator on it, `releases`, `workload` and `traffic` the whole under load. Files of `releases` and `workload` have clusters of
 * their own and mostly wait, so two run at a time; others share one, count its processes, or measure how fast it is.
 */
export default defineConfig({
  test: {
    reporters: ["default"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/simulation/**/*.test.ts", "test/architecture/**/*.test.ts"],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/tests/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/integration/global-setup.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "workload",
          include: ["test/workload/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          maxConcurrency: 11,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: "traffic",
          include: ["test/traffic/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          maxConcurrency: 8,
          sequence: { groupOrder: 5 },
        },
      },
      {
        test: {
          name: "releases",
          include: ["test/releases/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          maxConcurrency: 5,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});

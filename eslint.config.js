import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Budgets keep a function on one screen; an exception carries its reason beside it. */
const budgets = {
  // A switch that has to name every kind is one branch to read, not one for each kind.
  complexity: ["error", { max: 12, variant: "modified" }],
  "max-depth": ["error", 3],
  "max-params": ["error", 5],
  "max-lines": ["error", { max: 300 }],
  "max-lines-per-function": ["error", { max: 60 }],
};

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "coverage/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...budgets,
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { ignoreRestSiblings: true, argsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_" },
      ],
      "@typescript-eslint/no-dynamic-delete": "off",
      "@typescript-eslint/no-extraneous-class": "off",
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  {
    // What should happen next is decided without a clock, without I/O and without waiting.
    files: ["src/api/**/*.ts", "src/domain/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...[
          "process",
          "console",
          "fetch",
          "setTimeout",
          "setInterval",
          "setImmediate",
          "queueMicrotask",
          "performance",
          "crypto",
          "globalThis",
        ].map((name) => ({
          name,
          message: "The pure layers reach nothing outside; see docs/architecture.md.",
        })),
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Pure layers have no randomness." },
        { object: "Date", property: "now", message: "Time arrives in the Observation." },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: ":function[async=true]", message: "Pure layers do not wait." },
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: "Time arrives in the Observation.",
        },
        { selector: "CallExpression[callee.name='Date']", message: "Time arrives in the Observation." },
        { selector: "AwaitExpression", message: "Pure layers do not wait." },
      ],
    },
  },
  { files: ["src/cli/**/*.ts", "scripts/**", "test/cluster/bin/**"], rules: { "no-console": "off" } },
  {
    files: ["test/**/*.ts"],
    rules: {
      "max-lines": ["error", { max: 600 }],
      "max-lines-per-function": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  {
    files: ["test/cluster/**/*.ts"],
    rules: { "max-lines": ["error", { max: 350 }], "max-lines-per-function": ["error", { max: 80 }] },
  },
  {
    files: ["**/*.mjs", "**/*.js", "**/*.cjs"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        setTimeout: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        module: "writable",
      },
    },
  },
);

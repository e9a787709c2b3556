import prettier from "eslint-config-prettier";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/node_modules/", "**/dist/", ".dhistance/", "**/*.js", "**/*.cjs", "**/*.mjs"] },
  ...tseslint.configs.strict,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // An output asserted in a promise nobody awaits is a test that cannot fail.
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  {
    ignores: ["**/*.test.ts", "**/testing/**", "test/**"],
    rules: {
      "max-lines-per-function": ["error", { max: 100, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "BinaryExpression > Literal[value=/^(trial|premium|enterprise)$/]",
          message: "A new plan would be forgotten here: ask plans/plans.ts (isPaid, keepsData, PLAN_TERMS).",
        },
      ],
    },
  },
  {
    files: ["components/**", "stacks/**"],
    ignores: ["**/*.test.ts", "**/testing/**"],
    // A fifth is read from an object, where it has a name.
    rules: { "max-params": ["error", 4] },
  },
  prettier,
);

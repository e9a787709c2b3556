/** What may import what (docs/architecture.md). Run in `npm test`; by itself: npx depcruise . */

const PARTS = [
  "bench",
  "components",
  "jobs",
  "operations",
  "plans",
  "policies",
  "scripts",
  "stacks",
  "test",
  "tools",
];
/** What only tests import. */
const TESTS = "(^test/|/testing/|/testing\\.ts$|\\.test\\.ts$)";

/** Loads a program's TypeScript: the entry files of the programs and of the pack need it. */
const LOADER = "^tools/toolchain/(program|typescript)\\.cjs$";

/** A part of the checkout imports only some others. Its tests may import what they like. */
function only(part, others, comment) {
  const foreign = PARTS.filter((other) => other !== part && !others.includes(other)).join("|");
  return {
    name: `${part}-imports`,
    comment,
    severity: "error",
    from: { path: `^${part}/`, pathNot: TESTS },
    to: { path: `^(${foreign})/`, pathNot: LOADER },
  };
}

module.exports = {
  forbidden: [
    {
      name: "no-circle",
      comment: "Files that import each other cannot be read, loaded or moved one by one.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-circle-of-types",
      comment: "Where the contracts are, not even types go round.",
      severity: "error",
      from: { path: "^(components|operations|plans|policies|stacks)/" },
      to: { circular: true },
    },
    {
      name: "a-target-is-a-component's-own",
      comment:
        "Another component's aws/ or docker/ is not part of its contract: share by contract.ts or components/.",
      severity: "error",
      from: { path: "^components/([A-Z][^/]*)/", pathNot: TESTS },
      to: { path: "^components/[A-Z][^/]*/(aws|docker)/", pathNot: "^components/$1/" },
    },
    {
      name: "contracts-stand-alone",
      comment: "A contract names no implementation.",
      severity: "error",
      from: { path: "^components/([A-Z][^/]*)/contract\\.ts$" },
      to: { path: "^components/[A-Z][^/]*/((aws|docker)/|index\\.ts$)" },
    },
    {
      name: "nothing-imports-tests",
      comment: "What ships must not depend on what only tests need.",
      severity: "error",
      from: { pathNot: `${TESTS}|^(bench|vitest\\.config)` },
      to: { path: TESTS },
    },
    only("plans", [], "Pure rules, which every part asks."),
    only("policies", ["plans"], "The pack judges what the engine shows it, not how it was made."),
    only("jobs", ["plans"], "Jobs run in containers that hold nothing else."),
    only("components", ["plans", "operations"], "Components know no stack and no command."),
    {
      name: "operations-imports",
      comment: "Clients that run during an update: of components they know the contract alone.",
      severity: "error",
      from: { path: "^operations/", pathNot: TESTS },
      to: { path: "^(?!operations/|components/contract/|plans/)[a-z]+/", pathNot: "node_modules" },
    },
    only("stacks", ["plans", "components", "operations"], "Programs know no command."),
    only(
      "scripts",
      ["plans", "components", "operations", "stacks", "jobs", "tools"],
      "Commands know no test.",
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(node_modules|dist|\\.dhistance|coverage)/" },
    includeOnly: { path: `^(${PARTS.join("|")}|images)/` },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};

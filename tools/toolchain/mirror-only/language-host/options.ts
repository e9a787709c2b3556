import parseArgs from "string-argv";

/** `runtime.options` of a `Pulumi.yaml` or `PulumiPolicy.yaml`, as the official language host knows them. */
export interface RuntimeOptions {
  /** Whether the SDK is to load TypeScript by itself, with ts-node. Default true. */
  typescript: boolean;
  /** The `tsconfig.json` for it. */
  tsconfig?: string;
  /** Arguments for `node`, split as a shell would. */
  nodeargs: string[];
  packagemanager: PackageManager;
  /** Whether `pulumi install` leaves out development dependencies. Default false. */
  production: boolean;
}

const PACKAGE_MANAGERS = ["auto", "npm", "yarn", "pnpm", "bun"] as const;
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

/** @throws Error naming the option, what it is and what it may be */
export function parseOptions(options: Record<string, unknown>): RuntimeOptions {
  const tsconfig = take<string>(options, "tsconfig", "string", "");
  const packagemanager = take<string>(options, "packagemanager", "string", "auto");
  if (!isPackageManager(packagemanager)) {
    throw new Error(
      `runtime option packagemanager is "${packagemanager}"; it may be ${PACKAGE_MANAGERS.join(", ")}`,
    );
  }
  return {
    typescript: take<boolean>(options, "typescript", "boolean", true),
    ...(tsconfig && { tsconfig }),
    nodeargs: parseArgs(take<string>(options, "nodeargs", "string", "")),
    packagemanager,
    production: take<boolean>(options, "production", "boolean", false),
  };
}

function take<T extends string | boolean>(
  options: Record<string, unknown>,
  name: string,
  type: "string" | "boolean",
  fallback: T,
): T {
  const value = options[name] ?? fallback;
  if (typeof value !== type) {
    throw new Error(`runtime option ${name} is ${JSON.stringify(value)}; it has to be a ${type}`);
  }
  return value as T;
}

function isPackageManager(name: string): name is PackageManager {
  return (PACKAGE_MANAGERS as readonly string[]).includes(name);
}

/** How the SDK gets them. */
export function optionsEnvironment({
  typescript,
  tsconfig,
}: RuntimeOptions): Record<string, string | undefined> {
  return {
    PULUMI_NODEJS_TYPESCRIPT: typescript ? "true" : undefined,
    PULUMI_NODEJS_TSCONFIG_PATH: tsconfig,
  };
}

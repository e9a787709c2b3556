import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** An npm package that says in its `package.json` that a Pulumi plugin belongs to it. */
export interface PluginPackage {
  name: string;
  /** With its `v`, as the engine likes it. */
  version: string;
  server?: string;
  parameterization?: Parameterization;
}

interface Parameterization {
  name: string;
  version: string;
  /** Base64. */
  value: string;
}

interface Manifest {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  pulumi?: {
    resource?: boolean;
    name?: string;
    version?: string;
    server?: string;
    parameterization?: Parameterization;
  };
}

/**
 * The plugins of the packages that a program in `folder` can load: as Node does it, from its own `node_modules`
 * and those of every folder above, where workspaces keep theirs. The nearest of one name counts.
 */
export function pluginPackages(folder: string): PluginPackage[] {
  const found = new Map<string, PluginPackage>();
  for (const modules of moduleFolders(folder)) {
    for (const name of installed(modules)) {
      const plugin = pluginOf(readManifest(path.join(modules, name)));
      if (plugin && !found.has(plugin.name)) found.set(plugin.name, plugin);
    }
  }
  return [...found.values()];
}

export function pluginOf({ name = "", version, pulumi }: Manifest): PluginPackage | undefined {
  const pluginVersion = pulumi?.version ?? version;
  const pluginName =
    pulumi?.name ?? (name.startsWith("@pulumi/") ? name.slice("@pulumi/".length) : undefined);
  if (!pulumi?.resource || !pluginName || !pluginVersion) return undefined;
  return {
    name: pluginName,
    version: pluginVersion.startsWith("v") ? pluginVersion : `v${pluginVersion}`,
    ...(pulumi.server && { server: pulumi.server }),
    ...(pulumi.parameterization && { parameterization: pulumi.parameterization }),
  };
}

/** The npm packages of a program with their installed versions, for `pulumi about`. */
export function dependencies(folder: string, transitive: boolean): { name: string; version: string }[] {
  const own = nearest(folder, "package.json");
  const { dependencies, devDependencies } = own ? readManifest(path.dirname(own)) : {};
  const direct = Object.keys({ ...dependencies, ...devDependencies });
  const all = transitive ? moduleFolders(folder).flatMap(installed) : direct;
  return [...new Set(all)].sort().flatMap((name) => {
    const manifest = nearest(folder, path.join("node_modules", name, "package.json"));
    const { version } = manifest ? readManifest(path.dirname(manifest)) : {};
    return version ? [{ name, version }] : [];
  });
}

/** The first of `file` in `folder` and the folders above. */
export function nearest(folder: string, file: string): string | undefined {
  return upwards(folder)
    .map((each) => path.join(each, file))
    .find(existsSync);
}

function upwards(folder: string): string[] {
  const above = path.dirname(folder);
  return above === folder ? [folder] : [folder, ...upwards(above)];
}

function moduleFolders(folder: string): string[] {
  return upwards(folder)
    .map((each) => path.join(each, "node_modules"))
    .filter(existsSync);
}

function installed(modules: string): string[] {
  const names = (folder: string) => readdirSync(folder).filter((name) => !name.startsWith("."));
  return names(modules).flatMap((name) =>
    name.startsWith("@") ? names(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  );
}

/** An unreadable one is as good as none: it is not for a language host to judge a package. */
function readManifest(folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return {};
  }
}

import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { TENANT_ID } from "../../plans/entitlement";

/** Certificates, keys, entitlements: a file of many system CAs is a quarter of it. */
const LARGEST_TEXT = 1024 * 1024;

/** Why a file that a stack file names is not read: the same words whether or not there is one. */
export class FileRefused extends Error {
  override name = "FileRefused";
}

/**
 * The only files of this machine that a tenant's stack file can name: those of the folder `tenants/<tenant>` beside
 * Pulumi.yaml. Stack files come from people who may not see what else the machine has.
 */
export class TenantFiles {
  readonly folder: string;
  /** The folder, as a person in the project's types it. */
  readonly shown: string;

  /** @param project the folder with Pulumi.yaml */
  constructor(
    project: string,
    private readonly tenant: string,
  ) {
    this.folder = path.join(project, "tenants", tenant);
    this.shown = `tenants/${tenant}/`;
  }

  /**
   * A file's real path, found to be a regular file in the folder.
   * @throws FileRefused
   */
  find(file: string): string {
    const { found, descriptor } = this.open(file);
    closeSync(descriptor);
    return found;
  }

  /**
   * A small file's text, read from the very file that was judged.
   * @throws FileRefused
   */
  read(file: string): string {
    const { descriptor } = this.open(file);
    try {
      if (fstatSync(descriptor).size > LARGEST_TEXT)
        throw new FileRefused("is larger than 1 MiB; allowed: a smaller file");
      return readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  }

  private open(file: string): { found: string; descriptor: number } {
    try {
      return this.tryOpen(file);
    } catch {
      throw new FileRefused(
        `is not a file in ${this.shown}; allowed: a path below ${this.shown}, relative to it, of a regular file ` +
          `that no symbolic link leads out of. Put the file there`,
      );
    }
  }

  private tryOpen(file: string): { found: string; descriptor: number } {
    if (!TENANT_ID.test(this.tenant)) throw new Error("no name of a tenant");
    const named = path.resolve(this.folder, file);
    // What leads out by its words alone is not even looked for.
    if (!isBelow(this.folder, named)) throw new Error("outside");
    // The folder of all tenants may be a link of the operator's; the tenant's own may not.
    const folder = path.join(realpathSync(path.dirname(this.folder)), this.tenant);
    const found = realpathSync(named);
    if (!isBelow(folder, found)) throw new Error("outside");
    // A pipe that nobody writes to would be waited for.
    const descriptor = openSync(found, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(descriptor).isFile()) return { found, descriptor };
    closeSync(descriptor);
    throw new Error("no regular file");
  }
}

function isBelow(folder: string, file: string): boolean {
  return file.startsWith(folder + path.sep);
}

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { issueEntitlement } from "../../plans/entitlement";
import { newIssuer } from "../../scripts/lib/entitlements";
import type { Draft } from "./tenants";

const YEAR = 365 * 86_400_000;

/** A git repository with stack files alone, as a hosting company has one, and its issuer. */
export class Customers {
  private readonly home = realpathSync(mkdtempSync(path.join(tmpdir(), "customers-")));
  readonly folder = path.join(this.home, "repository");
  /** Names the issuer's public key. */
  readonly issuers = path.join(this.home, "issuers.json");
  readonly specs: Record<string, Draft> = {};
  private readonly tokens: Record<string, string> = {};

  /** Each tenant is premium and has two servers; no stack file is written yet. */
  static async of(tenants: readonly string[]): Promise<Customers> {
    const customers = new Customers();
    mkdirSync(customers.folder);
    const issuer = await newIssuer("ours");
    writeFileSync(customers.issuers, JSON.stringify({ keys: [issuer.trusted] }));
    for (const tenant of tenants) {
      const bought = { tenant, plan: "premium", maxServers: 2, issuer: "ours" } as const;
      const [activatedAt, expiresAt] = [-YEAR, YEAR].map((time) => new Date(Date.now() + time).toISOString());
      customers.tokens[tenant] = await issueEntitlement(
        { ...bought, activatedAt: activatedAt ?? "", expiresAt: expiresAt ?? "" },
        issuer.key,
      );
      customers.specs[tenant] = specOf(tenant);
    }
    customers.git("init", "-q", "-b", "main");
    return customers;
  }

  /** Writes tenants' stack files, without a salt, as a person does. */
  write(...tenants: string[]): void {
    for (const tenant of tenants) {
      const config = {
        "dhistance:entitlement": this.tokens[tenant],
        "dhistance:tenant": this.specs[tenant] as unknown,
      };
      this.put(`tenants/Pulumi.${tenant}.yaml`, JSON.stringify({ config }, null, 2));
    }
  }

  put(file: string, content: string): void {
    mkdirSync(path.dirname(path.join(this.folder, file)), { recursive: true });
    writeFileSync(path.join(this.folder, file), content);
  }

  commit(message: string): void {
    this.git("add", "-A");
    this.git("commit", "-qm", message);
  }

  /** Puts everything back to a commit. */
  reset(commit: string): void {
    this.git("reset", "-q", "--hard", commit);
    for (const tenant of Object.keys(this.specs)) this.specs[tenant] = specOf(tenant);
  }

  git(...args: string[]): string {
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    return execFileSync("git", [...who, "-C", this.folder, ...args], { encoding: "utf8" }).trim();
  }

  remove(): void {
    rmSync(this.home, { recursive: true });
  }
}

/** On Docker there are a quarter of the resources of AWS for the engine to look at. */
function specOf(tenant: string): Draft {
  return {
    displayName: "Ministry",
    contacts: { operations: "ops@moh.example.org", billing: "finance@moh.example.org" },
    target: { docker: { host: "ssh://ops@docker.moh.example.org", certificates: { private: {} } } },
    servers: [serverOf("hmis", tenant), serverOf("training", tenant)],
    backups: { locations: [] },
  };
}

export function serverOf(name: string, tenant: string): Draft {
  return { name, dhis2: "42.5.2", size: "small", hostname: `${name}.${tenant}.example.org` };
}

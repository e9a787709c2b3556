import { expect, it } from "vitest";
import { DumpImporter } from "../DumpImporter";
import { registered, type Registration } from "../testing/mocks";
import { makeServer, makeVault, TARGET, tenant } from "../testing/tenant";
import { encryptionKey } from "./key";

/**
 * Least privilege, over every policy of a whole tenant: what an identity may do names the action and the thing. Where
 * AWS knows nothing narrower, it stands here with the reason.
 */

interface PolicyStatement {
  Sid?: string;
  Effect: "Allow" | "Deny";
  Principal?: unknown;
  Action: string[];
  Resource?: string[];
  Condition?: Record<string, unknown>;
}
const POLICY_INPUTS = ["policy", "assumeRolePolicy"];

function statements(made: Registration[]): { where: string; trust: boolean; statement: PolicyStatement }[] {
  return made.flatMap(({ type, name, inputs }) =>
    POLICY_INPUTS.flatMap((input) => {
      const text = (inputs as Record<string, unknown>)[input];
      if (typeof text !== "string") return [];
      return (JSON.parse(text) as { Statement: PolicyStatement[] }).Statement.map((statement) => ({
        where: `${type} ${name}: ${statement.Sid ?? statement.Action.join()}`,
        trust: input === "assumeRolePolicy",
        statement,
      }));
    }),
  );
}

async function wholeTenant(): Promise<Registration[]> {
  return registered(() => {
    encryptionKey(
      "moh-key",
      {
        description: "Everything",
        alias: "dhistance/moh",
        accountId: TARGET.platform.accountId,
        region: TARGET.region,
        logGroups: "/dhistance/moh",
        deletionWindowInDays: 30,
        tags: {},
      },
      {},
    );
    const sha256 = "a".repeat(64);
    const servers = [
      makeServer({
        import: {
          sha256,
          load: (server) =>
            new DumpImporter("moh-hmis-import", {
              tenant: tenant("enterprise"),
              server,
              dhis2: "42.5.2",
              dump: "examples/hmis.sql",
              sha256,
              target: TARGET,
            }),
        },
      }),
      makeServer({ server: "training" }),
    ];
    makeVault("enterprise", servers);
  });
}

it("names actions and things in every policy of a tenant", async () => {
  const all = statements(await wholeTenant());
  expect(all.length).toBeGreaterThan(40);
  const allowed = all.filter(({ statement }) => statement.Effect === "Allow");

  const anyAction = allowed.filter(({ statement }) =>
    statement.Action.some((action) => action.endsWith(":*") || action === "*"),
  );
  // The account itself, so that a key whose policy is wrong can still be mended.
  expect(anyAction.map(({ where }) => where).sort()).toEqual([
    "aws:kms/key:Key moh-key: AccountGovernsByIam",
    "aws:kms/key:Key moh-vault-eu-central-1-key: AccountGovernsByIam",
  ]);

  const anyThing = allowed.filter(({ statement }) => statement.Resource?.includes("*"));
  expect([...new Set(anyThing.map(({ where }) => where.replace(/^.*: /, "")))].sort()).toEqual([
    // In a key's own policy * is that key.
    "AccountGovernsByIam",
    "Logs",
    // The token opens no repository by itself; AWS knows no resource for it.
    "RegistryToken",
  ]);

  const everybody = allowed.filter(({ statement }) =>
    JSON.stringify(statement.Principal ?? "").includes('"*"'),
  );
  expect(everybody).toEqual([]);
});

it("lets AWS's services take a role on behalf of our account alone", async () => {
  const trusts = statements(await wholeTenant()).filter(({ trust }) => trust);
  expect(trusts.length).toBeGreaterThan(8);
  for (const { where, statement } of trusts) {
    const condition = JSON.stringify(statement.Condition ?? {});
    expect(condition, where).toMatch(
      where.includes("agent")
        ? /"aws:SourceArn":"arn:aws:rolesanywhere/
        : /"aws:SourceAccount":"111122223333"/,
    );
  }
});

it("reads secrets and data of the server it serves alone", async () => {
  const all = statements(await wholeTenant());
  const reachesOf = (server: string, other: string) =>
    all
      .filter(({ where, statement }) => where.includes(`moh-${server}-`) && statement.Effect === "Allow")
      .filter(({ statement }) =>
        (statement.Resource ?? []).some((resource) => resource.includes(`moh-${other}-`)),
      );
  expect(reachesOf("hmis", "training")).toEqual([]);
  expect(reachesOf("training", "hmis")).toEqual([]);
});

import { expect, it } from "vitest";
import { DumpImporter } from "../DumpImporter";
import { registered, type Registration } from "../testing/mocks";
import { broad, statements } from "../testing/policies";
import { makeServer, makeVault, TARGET, tenant } from "../testing/tenant";
import { diskRole } from "./disk";
import { encryptionKey } from "./key";

/**
 * Least privilege, over every policy of a whole tenant: what an identity may do names the action and the thing. Where
 * AWS knows nothing narrower, it stands here with the reason.
 */

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
    diskRole("moh-disks", TARGET, {});
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
              dump: "tenants/moh-premium/hmis.sql",
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
  const { anyAction, anyThing, anybody } = broad(all);
  // The account itself, so that a key whose policy is wrong can still be mended.
  expect(anyAction).toEqual([
    "aws:kms/key:Key moh-key: AccountGovernsByIam",
    "aws:kms/key:Key moh-vault-eu-central-1-key: AccountGovernsByIam",
  ]);
  expect([...new Set(anyThing.map((where) => where.replace(/^.*: /, "")))].sort()).toEqual([
    // In a key's own policy * is that key.
    "AccountGovernsByIam",
    "Logs",
    // The token opens no repository by itself; AWS knows no resource for it.
    "RegistryToken",
    // CloudWatch knows no narrower resource for PutMetricData; the namespace is a condition.
    "ReportAgeOfBackups",
  ]);
  expect(anybody).toEqual([]);
});

it("lets AWS's services take a role on behalf of our account alone", async () => {
  const trusts = statements(await wholeTenant()).filter(
    // AWS does not say that ECS names an account when it takes the role for disks.
    ({ trust, where }) => trust && !where.includes(" moh-disks:"),
  );
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

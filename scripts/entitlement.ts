import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import pc from "picocolors";
import { issueEntitlement, verifyEntitlement } from "../plans/entitlement";
import { loadIssuers } from "../plans/issuers";
import { PLANS, PLAN_TERMS, type Plan } from "../plans/plans";

/** `npm run entitlement`: the issuer's desk. Only `key` and `issue` ever touch a private key. */
const program = new Command("npm run entitlement --").description(
  "Makes issuer keys; issues and verifies entitlements.",
);

program
  .command("key <private-file> <issuers-file>")
  .description(
    "make an issuer's Ed25519 key: the private half into a new file, the public half added to a JWKS file",
  )
  .requiredOption("--kid <id>", "the key's id, such as dhistance-2026")
  .action(async (privateFile: string, issuersFile: string, { kid }: { kid: string }) => {
    if (existsSync(privateFile))
      throw new Error(`${privateFile} exists; a key is never overwritten. Name a new file.`);
    const issuers = existsSync(issuersFile)
      ? (JSON.parse(readFileSync(issuersFile, "utf8")) as { keys: JWK[] })
      : { keys: [] };
    if (issuers.keys.some((key) => key.kid === kid))
      throw new Error(`${issuersFile} already has a key "${kid}".`);
    const { key, trusted } = await newIssuer(kid);
    writeFileSync(privateFile, JSON.stringify(key), { mode: 0o600, flag: "wx" });
    writeFileSync(issuersFile, `${JSON.stringify({ keys: [...issuers.keys, trusted] }, null, 2)}\n`);
    console.error(
      `Keep ${privateFile} secret. Entitlements signed with it count where DHISTANCE_ISSUERS=${issuersFile}.`,
    );
  });

interface IssueOptions {
  key: string;
  tenant: string;
  plan: Plan;
  servers?: number;
  days: number;
  issuer: string;
}
program
  .command("issue")
  .description("print a signed entitlement, in force from now on")
  .requiredOption("--key <file>", "the issuer's private key")
  .requiredOption("--tenant <id>", "the tenant's id, which is also its stack's name")
  .addOption(new Option("--plan <plan>", "what was bought").choices(PLANS).makeOptionMandatory())
  .option(
    "--servers <n>",
    "how many servers; default: the plan's own number, which enterprise has not",
    wholeNumber,
  )
  .option("--days <n>", "days in force", wholeNumber, 365)
  .requiredOption("--issuer <name>", "who issues it, for people to read")
  .action(async ({ key, tenant, plan, servers, days, issuer }: IssueOptions) => {
    const { max } = PLAN_TERMS[plan].servers;
    const maxServers = servers ?? (max === Infinity ? undefined : max);
    if (maxServers === undefined)
      throw new Error(`--servers is missing: the ${plan} contract names its own number.`);
    const now = new Date();
    const token = await issueEntitlement(
      {
        tenant,
        plan,
        maxServers,
        activatedAt: now.toISOString(),
        expiresAt: new Date(now.getTime() + days * 86_400_000).toISOString(),
        issuer,
      },
      JSON.parse(readFileSync(key, "utf8")) as JWK,
    );
    console.log(token);
  });

program
  .command("verify [file]")
  .description(
    "say what an entitlement grants (default: from standard input), by the keys in DHISTANCE_ISSUERS",
  )
  .option("--json", "print its claims as JSON", false)
  .action(async (file: string | undefined, { json }: { json: boolean }) => {
    const claims = await verifyEntitlement(readFileSync(file ?? 0, "utf8"), loadIssuers());
    if (json) console.log(JSON.stringify(claims));
    else for (const [name, value] of Object.entries(claims)) console.log(`${name.padEnd(12)} ${value}`);
  });

/** A new issuer: its private key, and the public half that is put among the trusted ones. */
export async function newIssuer(kid: string): Promise<{ key: JWK; trusted: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return {
    key: { ...(await exportJWK(privateKey)), kid },
    trusted: { ...(await exportJWK(publicKey)), kid },
  };
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("allowed: a whole number of 1 or more.");
  return Number(text);
}

if (require.main === module) {
  program.parseAsync().catch((error: unknown) => {
    console.error(`${pc.red("error:")} ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}

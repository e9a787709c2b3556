import { Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { PLANS } from "../../plans/plans";
import type { IssueOptions, KeyOptions, RevokeOptions } from "../lib/entitlements";
import { Output } from "../lib/output";

export function entitlementCommand(): Command {
  const entitlement = new Command("entitlement").description(
    "Make an issuer's keys; issue, revoke and verify entitlements.",
  );
  entitlement
    .command("key")
    .description("Make an issuer's Ed25519 key.")
    .argument("<private-file>", "new file for the private half")
    .argument("<issuers-file>", "JWKS file that gets the public half")
    .requiredOption("--kid <id>", "the key's id, such as dhistance-2026")
    .option("--json", "print one JSON object")
    .action(async (privateFile: string, issuersFile: string, options: KeyOptions & { json?: boolean }) => {
      const { makeKey } = await import("../lib/entitlements");
      await makeKey(privateFile, issuersFile, options, new Output(options.json));
    });
  entitlement
    .command("issue")
    .description("Print a signed entitlement that is valid from now.")
    .requiredOption("--key <file>", "the issuer's private key")
    .requiredOption("--tenant <id>", "the tenant's id, which is also the name of its stack")
    .addOption(new Option("--plan <plan>", "the plan that was bought").choices(PLANS).makeOptionMandatory())
    .option(
      "--servers <n>",
      "maximum of servers; default: the plan's maximum; required for enterprise",
      wholeNumber,
    )
    .option("--days <n>", "days until it expires", wholeNumber, 365)
    .requiredOption("--issuer <name>", "the issuer's name, for people to read")
    .option("--activated <time>", "when the subscription began, UTC; for a renewal (default: now)", pastTime)
    .option(
      "--issuers <file>",
      "file of the issuers' public keys, in which earlier entitlements of the tenant become void",
    )
    .option("--json", "print one JSON object")
    .action(async (options: IssueOptions & { json?: boolean }) => {
      const { issue } = await import("../lib/entitlements");
      await issue(options, new Output(options.json));
    });
  entitlement
    .command("revoke")
    .description(
      "Let what a tenant's present entitlements grant end now, wherever the issuers' file is used.",
    )
    .argument("<issuers-file>", "file of the issuers' public keys")
    .requiredOption("--key <file>", "the issuer's private key")
    .requiredOption("--tenant <id>", "the tenant's id")
    .option("--json", "print one JSON object")
    .action(async (issuersFile: string, options: RevokeOptions & { json?: boolean }) => {
      const { revoke } = await import("../lib/entitlements");
      await revoke(issuersFile, options, new Output(options.json));
    });
  entitlement
    .command("verify")
    .description("Print what an entitlement grants. The keys of DHISTANCE_ISSUERS are trusted.")
    .argument("[file]", "file with the entitlement (default: standard input)")
    .option("--json", "print one JSON object")
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      const { verify } = await import("../lib/entitlements");
      await verify(file, new Output(json));
    });
  return entitlement;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("Allowed: a whole number of 1 or more.");
  return Number(text);
}

function pastTime(text: string): Date {
  const time = z.iso.datetime().safeParse(text);
  if (!time.success || Date.parse(text) > Date.now())
    throw new InvalidArgumentError("Allowed: a time in the past, such as 2026-01-31T00:00:00Z.");
  return new Date(text);
}

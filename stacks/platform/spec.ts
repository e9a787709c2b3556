import { z } from "zod";
import { awsRegion, matching, object, parseConfig } from "../config";
import { NETWORK, networkProblem } from "./subnets";

/** An image by a tag that says which version it is, or by its digest; never by a name that moves. */
const IMAGE = /^[a-z0-9][a-z0-9./:_-]*(:(?!latest$)[A-Za-z0-9][\w.-]*|@sha256:[0-9a-f]{64})$/;
const image = matching(
  IMAGE,
  "an image with a version or digest, such as registry.example.org/dhistance/jobs:1.2.0",
);

export const NAT = ["none", "one", "perZone"] as const;

/** What a platform's stack file says under `dhistance-platform:platform`. */
export const platformSpecSchema = object({
  region: awsRegion,
  zone: matching(/^([a-z0-9-]+\.)+[a-z]{2,63}$/, "a domain, lower case, such as moh.example.org").describe(
    "The hosted zone that the tenants' host names lie in. Made here; its parent has to delegate to it.",
  ),
  delegated: z
    .boolean()
    .default(true)
    .describe(
      "Whether the parent domain delegates to the zone already. While false only the zone is made, whose name servers the parent needs.",
    ),
  network: matching(NETWORK, "an IPv4 network such as 10.20.0.0/16")
    .default("10.20.0.0/16")
    .superRefine((network, context) => {
      const problem = networkProblem(network);
      if (problem) context.addIssue({ code: "custom", message: problem });
    })
    .describe("The private network, /16 to /22."),
  nat: z
    .enum(NAT)
    .default("none")
    .describe(
      "How tasks reach the internet: by addresses of their own (none), through one NAT gateway, or through one a zone.",
    ),
  alerts: z
    .array(z.email("allowed: an e-mail address"))
    .min(1, "allowed: one e-mail address or more")
    .describe("Who is woken."),
  images: object({
    jobs: image.describe(
      "The image of the data jobs with PostgreSQL for drills (images/drill), as the cluster pulls it.",
    ),
    agent: image.describe("The same image in a registry that customers' own hosts reach."),
  }),
  retire: z
    .boolean()
    .default(false)
    .describe("Allow deletion of the platform. Apply, then run pulumi destroy."),
});
export type PlatformSpec = z.output<typeof platformSpecSchema>;

/**
 * Reads a platform's spec.
 * @throws SpecError with every problem: its path, the bad value and what is allowed
 */
export function parsePlatform(input: unknown): PlatformSpec {
  return parseConfig(platformSpecSchema, input, "dhistance-platform:platform");
}

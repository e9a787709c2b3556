import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEach } from "../onEach";

/** The web: HTTPS, and the redirect to it. */
const OPEN = [80, 443];

/**
 * In bits of the prefix: a wider range is meant for everybody. Two halves of the internet (`/1`) are the whole of it, and
 * no organisation has more than a `/8` of IPv4 or a `/16` of IPv6.
 */
const NARROWEST_PREFIX = { ipv4: 8, ipv6: 16 };

interface Rule {
  from: unknown;
  to: unknown;
  /** Addresses that it lets in. */
  addresses: unknown[];
}

export const noOpenPort: ResourceValidationPolicy = {
  name: "no-open-port",
  description: "Only the ports of the web, 80 and 443, are open to every address.",
  validateResource: [
    onEach("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", ({ name, props }) =>
      complaint(name, [
        { from: props["fromPort"], to: props["toPort"], addresses: [props["cidrIpv4"], props["cidrIpv6"]] },
      ]),
    ),
    onEach("aws:ec2/securityGroupRule:SecurityGroupRule", ({ name, props }) =>
      props["type"] === "ingress" ? complaint(name, [ruleIn(props)]) : undefined,
    ),
    onEach("aws:ec2/securityGroup:SecurityGroup", ({ name, props }) =>
      complaint(name, ((props["ingress"] ?? []) as Record<string, unknown>[]).map(ruleIn)),
    ),
  ],
};

function ruleIn(props: Record<string, unknown>): Rule {
  const addresses = [props["cidrBlocks"], props["ipv6CidrBlocks"]].flat();
  return { from: props["fromPort"], to: props["toPort"], addresses };
}

function isEverybody(range: string): boolean {
  const bits = Number(range.split("/")[1]);
  return bits < (range.includes(":") ? NARROWEST_PREFIX.ipv6 : NARROWEST_PREFIX.ipv4);
}

function complaint(name: string, rules: readonly Rule[]): string | undefined {
  const bad = rules.find(
    ({ from, to, addresses }) =>
      addresses.some((address) => typeof address === "string" && isEverybody(address)) &&
      !(from === to && OPEN.includes(Number(from))),
  );
  // A rule for all protocols has no ports.
  const ports =
    bad &&
    (bad.from === bad.to
      ? `port ${String(bad.from ?? "any")}`
      : `ports ${String(bad.from)} to ${String(bad.to)}`);
  return (
    ports && `"${name}" opens ${ports} to every address; allowed: ${OPEN.join(" or ")}, or an address range.`
  );
}

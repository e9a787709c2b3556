import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEach } from "../onEach";

/** AWS's names of policies that refuse TLS 1.0 and 1.1. */
const MODERN = /TLS13-1-[23]|TLS-1-2|FS-1-2/;

const listener = (type: string) =>
  onEach(type, ({ name, props }) => {
    const { protocol, sslPolicy } = props as Record<string, unknown>;
    if (protocol === "HTTP") {
      const actions = (props["defaultActions"] ?? []) as { redirect?: { protocol?: string } }[];
      return actions.length > 0 && actions.every(({ redirect }) => redirect?.protocol === "HTTPS")
        ? undefined
        : `listener "${name}" answers over HTTP; allowed: a redirect to HTTPS.`;
    }
    if (protocol !== "HTTPS" && protocol !== "TLS") return undefined;
    return MODERN.test(String(sslPolicy))
      ? undefined
      : `listener "${name}" has the TLS policy ${String(sslPolicy ?? "of AWS's choice")}; allowed: TLS 1.2 or later, such as ELBSecurityPolicy-TLS13-1-2-2021-06.`;
  });

export const tlsRequired: ResourceValidationPolicy = {
  name: "tls-required",
  description: "A load balancer speaks TLS 1.2 or later, and redirects HTTP to it.",
  validateResource: [listener("aws:lb/listener:Listener"), listener("aws:alb/listener:Listener")],
};

import { all, between, notBoth, oneOf, pattern, rule, together } from "../checks";
import type { Creation, ResourceType } from "../resource";
import { recordsIn } from "./account";
import { UNKNOWN, type Properties, type Value } from "../values";
import { afterSlash, arn, derived, derivedUpper, hex, hexId, input, itself, output } from "./names";
import { regionOf, upper, uuid } from "./names";

const shortName = all(
  pattern("name", /^(?!-)[a-zA-Z0-9-]{1,32}(?<!-)$/, "1 to 32 of A-Z a-z 0-9 -, no hyphen at either end"),
);
const balancerName = all(
  rule("name", "a name that does not begin with internal-", (name) => !String(name).startsWith("internal-")),
);

/** What a listener writes into headers. Left out again, a header stays as it was: so does the real provider. */
const ROUTING_HEADERS = Object.fromEntries(
  [
    ...["AccessControlAllowCredentials", "AccessControlAllowHeaders", "AccessControlAllowMethods"],
    ...[
      "AccessControlAllowOrigin",
      "AccessControlExposeHeaders",
      "AccessControlMaxAge",
      "ContentSecurityPolicy",
    ],
    ...["StrictTransportSecurity", "XContentTypeOptions", "XFrameOptions"],
  ].map((header) => [`routingHttpResponse${header}HeaderValue`, ""]),
);

const listValue = (value: Value | undefined): Value[] => (Array.isArray(value) ? value : []);

/** What leads to the tenants' servers: load balancers, certificates, DNS, web firewall. */
export const edge: Record<string, ResourceType> = {
  "aws:lb/loadBalancer:LoadBalancer": {
    replaceOn: ["customerOwnedIpv4Pool", "internal", "loadBalancerType", "name", "namePrefix"],
    sets: ["securityGroups", "subnetMappings", "subnets"],
    autoName: { property: "name" },
    defaults: {
      clientKeepAlive: 3600,
      desyncMitigationMode: "defensive",
      dropInvalidHeaderFields: false,
      enableDeletionProtection: false,
      enableHttp2: true,
      enableTlsVersionAndCipherSuiteHeaders: false,
      enableWafFailOpen: false,
      enableXffClientPort: false,
      enableZonalShift: false,
      idleTimeout: 60,
      loadBalancerType: "application",
      preserveHostHeader: false,
      xffHeaderProcessingMode: "append",
    },
    check: (inputs) => [
      ...shortName(inputs),
      ...balancerName(inputs),
      ...all(between("idleTimeout", 1, 4000))(inputs),
    ],
    id: output("arn"),
    computed: {
      arn: arn("elasticloadbalancing", (r) => `loadbalancer/${kind(r)}/${r.text("name")}/${hex(16)}`),
      arnSuffix: (r) => afterSlash(output("arn")(r)),
      dnsName: (r) => {
        const digits = parseInt(derived(8, output("arn")(r)), 16);
        return `${r.inputs["internal"] ? "internal-" : ""}${r.text("name")}-${digits}.${regionOf(r)}.elb.amazonaws.com`;
      },
      enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: "",
      internal: false,
      ipAddressType: "ipv4",
      namePrefix: "",
      securityGroups: [],
      subnets: [],
      vpcId: hexId("vpc"),
      zoneId: (r) => `Z${derivedUpper(12, "elb", regionOf(r))}`,
    },
    refusesDelete: (state) =>
      state["enableDeletionProtection"]
        ? `load balancer ${String(state["name"])} cannot be deleted because deletion protection is enabled`
        : undefined,
  },
  "aws:lb/targetGroup:TargetGroup": {
    replaceOn: [
      "ipAddressType",
      "name",
      "namePrefix",
      "port",
      "protocol",
      "protocolVersion",
      "targetType",
      "vpcId",
    ],
    autoName: { property: "name" },
    defaults: {
      deregistrationDelay: 300,
      lambdaMultiValueHeadersEnabled: false,
      proxyProtocolV2: false,
      slowStart: 0,
      targetType: "instance",
    },
    check: (inputs) => [
      ...shortName(inputs),
      ...all(
        oneOf("protocol", "HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC"),

        between("deregistrationDelay", 0, 3600),
      )(inputs),
      ...(inputs["targetType"] === "lambda"
        ? []
        : ["port", "protocol", "vpcId"]
            .filter((key) => inputs[key] === undefined)
            .map((key) => ({ property: key, reason: `"${key}" is required` }))),
    ],
    id: output("arn"),
    computed: {
      arn: arn("elasticloadbalancing", (r) => `targetgroup/${r.text("name")}/${hex(16)}`),
      arnSuffix: (r) => output("arn")(r).slice(output("arn")(r).indexOf("targetgroup/")),
      connectionTermination: false,
      ipAddressType: "ipv4",
      loadBalancerArns: [],
      loadBalancingAlgorithmType: "round_robin",
      loadBalancingAnomalyMitigation: "off",
      loadBalancingCrossZoneEnabled: "use_load_balancer_configuration",
      namePrefix: "",
      preserveClientIp: "",
      protocolVersion: "HTTP1",
    },
  },
  "aws:lb/listener:Listener": {
    required: ["defaultActions", "loadBalancerArn"],
    replaceOn: ["loadBalancerArn"],
    check: all(
      oneOf("protocol", "HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"),
      (inputs) =>
        inputs["protocol"] === "HTTPS" && inputs["certificateArn"] === undefined
          ? { property: "certificateArn", reason: '"certificateArn" is required when "protocol" is HTTPS' }
          : undefined,
    ),
    id: output("arn"),
    computed: {
      arn: (r) => `${r.text("loadBalancerArn").replace(":loadbalancer/", ":listener/")}/${hex(16)}`,
      ...ROUTING_HEADERS,
      protocol: "HTTP",
      sslPolicy: (r) => (r.text("protocol") === "HTTPS" ? "ELBSecurityPolicy-2016-08" : ""),
      tcpIdleTimeoutSeconds: 350,
    },
  },
  "aws:lb/listenerRule:ListenerRule": {
    required: ["actions", "conditions", "listenerArn"],
    replaceOn: ["listenerArn"],
    sets: [
      ...["conditions", "conditions.hostHeader.values", "conditions.httpHeader.values"],
      ...[
        "conditions.httpRequestMethod.values",
        "conditions.pathPattern.values",
        "conditions.sourceIp.values",
      ],
    ],
    check: all(between("priority", 1, 50_000)),
    id: output("arn"),
    computed: {
      arn: (r) => `${r.text("listenerArn").replace(":listener/", ":listener-rule/")}/${hex(16)}`,
      priority: 1,
    },
  },
  "aws:lb/listenerCertificate:ListenerCertificate": {
    untagged: true,
    required: ["certificateArn", "listenerArn"],
    replaceOn: ["certificateArn", "listenerArn"],
    id: (r) => `${r.text("listenerArn")}_${r.text("certificateArn")}`,
  },
  "aws:acm/certificate:Certificate": {
    replaceOn: [
      ...[
        "certificateAuthorityArn",
        "domainName",
        "keyAlgorithm",
        "subjectAlternativeNames",
        "validationMethod",
      ],
      "validationOptions",
    ],
    sets: ["subjectAlternativeNames", "validationOptions"],
    check: all(
      pattern(
        "domainName",
        /^(?=.{1,253}$)(\*\.)?([a-zA-Z0-9_-]{1,63}\.)+[a-zA-Z]{2,63}$/,
        "a domain name without a final dot",
      ),

      notBoth("domainName", "privateKey"),
    ),
    id: output("arn"),
    computed: {
      arn: arn("acm", () => `certificate/${uuid()}`),
      domainName: "",
      domainValidationOptions: (r) =>
        certificateNames(r.inputs).map((name) => validationRecord(String(name))),
      keyAlgorithm: "RSA_2048",
      notAfter: "",
      notBefore: "",
      pendingRenewal: false,
      renewalEligibility: "INELIGIBLE",
      renewalSummaries: [],
      status: "PENDING_VALIDATION",
      subjectAlternativeNames: (r) => [r.text("domainName")],
      type: "AMAZON_ISSUED",
      validationEmails: [],
      validationMethod: (r) => (r.inputs["privateKey"] === undefined ? "DNS" : "NONE"),
    },
    // Known at once, so that a program can make a record for each name in a preview too.
    planned: (inputs) => {
      const names = certificateNames(inputs);
      return names.includes(UNKNOWN)
        ? {}
        : {
            domainValidationOptions: names.map((domainName) => ({
              domainName,
              resourceRecordName: UNKNOWN,
              resourceRecordType: UNKNOWN,
              resourceRecordValue: UNKNOWN,
            })),
          };
    },
  },
  "aws:acm/certificateValidation:CertificateValidation": {
    untagged: true,
    required: ["certificateArn"],
    replaceOn: ["certificateArn", "validationRecordFqdns"],
    sets: ["validationRecordFqdns"],
    id: () => new Date().toISOString().replace("T", " ").replace("Z", " +0000 UTC"),
  },
  "aws:route53/zone:Zone": {
    global: true,
    replaceOn: ["delegationSetId", "name"],
    sets: ["vpcs"],
    autoName: { property: "name" },
    defaults: { comment: "Managed by Pulumi", forceDestroy: false },
    check: all(pattern("name", /^([a-zA-Z0-9_*-]{1,63}\.)*[a-zA-Z0-9-]{1,63}\.?$/, "a domain name")),
    id: () => `Z${upper(20)}`,
    computed: {
      arn: (r) => `arn:aws:route53:::hostedzone/${r.id}`,
      nameServers: (r) => nameServers(r.id),
      primaryNameServer: (r) => nameServers(r.id)[0] ?? "",
      zoneId: itself,
    },
  },
  "aws:route53/record:Record": {
    global: true,
    untagged: true,
    required: ["name", "type", "zoneId"],
    replaceOn: ["name", "zoneId"],
    sets: ["records"],
    check: all(
      together("records", "ttl"),
      together("ttl", "records"),
      notBoth("aliases", "records"),
      (inputs) =>
        inputs["aliases"] === undefined && inputs["records"] === undefined
          ? { property: "records", reason: 'one of "records" and "aliases" is required' }
          : undefined,
    ),
    id: (r) =>
      [r.text("zoneId"), r.text("name"), r.text("type"), r.text("setIdentifier")].filter(Boolean).join("_"),
    make: (inputs) => {
      const [zone, type] = [String(inputs["zoneId"]), String(inputs["type"])];
      const name = `${String(inputs["name"]).replace(/\.$/, "")}.`;
      const there = recordsIn(zone).some((record) => record.name === name && record.type === type);
      if (there && inputs["allowOverwrite"] !== true)
        throw new Error(
          `creating Route53 Record: InvalidChangeBatch: [Tried to create resource record set [name='${name}', ` +
            `type='${type}'] but it already exists]`,
        );
      return Promise.resolve({});
    },
    computed: { allowOverwrite: false, fqdn: (r) => r.text("name").replace(/\.$/, "") },
  },
  "aws:route53/healthCheck:HealthCheck": {
    global: true,
    required: ["type"],
    replaceOn: ["measureLatency", "referenceName", "requestInterval", "routingControlArn", "type"],
    sets: ["childHealthchecks", "regions"],
    defaults: { disabled: false, measureLatency: false },
    id: uuid,
    computed: {
      arn: (r) => `arn:aws:route53:::healthcheck/${r.id}`,
      enableSni: true,
      failureThreshold: 3,
      triggers: {},
    },
  },
  "aws:wafv2/webAcl:WebAcl": {
    required: ["defaultAction", "scope", "visibilityConfig"],
    replaceOn: ["name", "namePrefix", "scope"],
    sets: ["customResponseBodies", "rules", "tokenDomains"],
    autoName: { property: "name" },
    check: all(pattern("name", /^[\w-]{1,128}$/, "1 to 128 of A-Z a-z 0-9 _ -")),
    id: uuid,
    computed: {
      applicationIntegrationUrl: "",
      arn: arn(
        "wafv2",
        (r) => `${r.text("scope") === "CLOUDFRONT" ? "global" : "regional"}/webacl/${r.text("name")}/${r.id}`,
      ),
      capacity: (r) => listValue(r.inputs["rules"]).length * 700,
      lockToken: uuid,
      namePrefix: "",
    },
  },
  "aws:wafv2/webAclAssociation:WebAclAssociation": {
    untagged: true,
    required: ["resourceArn", "webAclArn"],
    replaceOn: ["resourceArn", "webAclArn"],
    id: (r) => `${r.text("webAclArn")},${r.text("resourceArn")}`,
  },
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {
    untagged: true,
    required: ["logDestinationConfigs", "resourceArn"],
    sole: { input: "resourceArn", overwrites: true },
    replaceOn: ["logDestinationConfigs", "resourceArn"],
    sets: ["logDestinationConfigs"],
    id: input("resourceArn"),
  },
};

function kind(r: Creation): string {
  return r.text("loadBalancerType") === "network" ? "net" : "app";
}

/** A certificate's names, each once, the first the domain itself. */
function certificateNames(inputs: Properties): Value[] {
  const names = [inputs["domainName"], ...listValue(inputs["subjectAlternativeNames"])];
  return [...new Set(names.filter((name) => name !== undefined))];
}

function validationRecord(domainName: string): Value {
  const domain = domainName.replace(/^\*\./, "");
  return {
    domainName,
    resourceRecordName: `_${derived(32, "name", domain)}.${domain}.`,
    resourceRecordType: "CNAME",
    resourceRecordValue: `_${derived(32, "value", domain)}.${derived(10, domain)}.acm-validations.aws.`,
  };
}

function nameServers(zone: string): string[] {
  return ["awsdns-01.com", "awsdns-17.net", "awsdns-33.org", "awsdns-49.co.uk"].map(
    (server, index) => `ns-${index * 512 + (parseInt(derived(4, zone), 16) % 512)}.${server}`,
  );
}

/** What AWS forbids in names that DHIStance makes of a tenant's id and a server's name. */
interface Forbidden {
  /** What is wrong with a name, as in `tenant-server-…`. */
  pattern: RegExp;
  /** What AWS says, and where. */
  rule: string;
}

/**
 * Lengths are not here: the longest tenant (24) and server (15) fit everywhere, which `awsNames.test.ts` shows. Nor are
 * `aws` and `ssm`: AWS keeps those names of parameters and roles to itself, and none of ours begins with a tenant's id.
 */
const FORBIDDEN: readonly Forbidden[] = [
  // EC2 API, CreateSecurityGroup, GroupName.
  { pattern: /^sg-/, rule: 'the name of a security group must not begin with "sg-"' },
  // RDS API, CreateDBParameterGroup and CreateDBInstance; ElastiCache API, CreateReplicationGroup.
  {
    pattern: /--/,
    rule: "the names of databases, parameter groups and caches must not have two hyphens together",
  },
  // S3 User Guide, "General purpose bucket naming rules".
  {
    pattern: /^(xn--|sthree-|amzn-s3-demo-)/,
    rule: 'the name of a bucket must not begin with "xn--", "sthree-" or "amzn-s3-demo-"',
  },
];

/** The names that a spec may have and AWS would refuse, each with its path. */
export function awsNameProblems(tenant: string, servers: readonly { name: string }[]): string[] {
  const broken = (name: string) => FORBIDDEN.find(({ pattern }) => pattern.test(name));
  const ofTenant = broken(`${tenant}-`);
  return [
    ...(ofTenant
      ? [
          `dhistance:entitlement: tenant ${JSON.stringify(tenant)}; on AWS ${ofTenant.rule}; allowed: an entitlement ` +
            "for another id, which is also the stack's name",
        ]
      : []),
    ...servers.flatMap(({ name }, index) => {
      const rule = broken(name)?.rule;
      return rule
        ? [`servers[${index}].name: ${JSON.stringify(name)}; on AWS ${rule}; allowed: another name`]
        : [];
    }),
  ];
}

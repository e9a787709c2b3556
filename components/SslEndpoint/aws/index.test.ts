import { beforeAll, describe, expect, it } from "vitest";
import { ofType, one, registered, type Registration } from "../../testing/mocks";
import { TARGET, tenant } from "../../testing/tenant";
import { shortName } from "../../aws/shortName";
import { SslEndpoint } from "..";

let made: Registration[];
beforeAll(async () => {
  made = await registered(
    () =>
      new SslEndpoint("moh-hmis-endpoint", {
        tenant: tenant("premium"),
        server: "hmis",
        hostname: "hmis.moh.example.org",
        target: TARGET,
      }),
  );
});

describe("SslEndpoint on AWS", () => {
  it("has a certificate of its own name that renews by DNS, in use at the platform's listener", () => {
    expect(
      one(made, "aws:acm/certificate:Certificate", "moh-hmis-endpoint-certificate").inputs,
    ).toMatchObject({
      domainName: "hmis.moh.example.org",
      validationMethod: "DNS",
    });
    expect(one(made, "aws:route53/record:Record", "moh-hmis-endpoint-validation").inputs).toMatchObject({
      zoneId: "Z-MOH",
      type: "CNAME",
    });
    const [attached] = ofType(made, "aws:lb/listenerCertificate:ListenerCertificate");
    expect(attached?.inputs).toMatchObject({
      listenerArn: TARGET.platform.balancer.listenerArn,
      certificateArn: expect.stringContaining("certificate"),
    });
  });

  it("forwards its host name and nothing else, to healthy applications only", () => {
    const [rule] = ofType(made, "aws:lb/listenerRule:ListenerRule");
    expect(rule?.inputs.conditions).toEqual([{ hostHeader: { values: ["hmis.moh.example.org"] } }]);
    const [target] = ofType(made, "aws:lb/targetGroup:TargetGroup");
    expect(target?.inputs.healthCheck).toMatchObject({ path: "/api/ping", matcher: "200" });
    expect(target?.inputs.name).toMatch(/^hmis-[0-9a-f]{8}$/);
  });

  it("has target groups of different names for servers of different tenants, within AWS's 32 characters", () => {
    const longest = shortName("a-tenant-with-24-letters", "fifteen-letters");
    expect(longest.length).toBeLessThanOrEqual(32);
    const names = [
      ["moh-a", "b"],
      ["moh", "a-b"],
      ["moh", "b"],
    ].map(([id = "", server = ""]) => shortName(id, server));
    expect(new Set(names).size).toBe(3);
  });

  it("is found by name over IPv4 and IPv6", () => {
    const records = ofType(made, "aws:route53/record:Record").filter(({ inputs }) => inputs.aliases);
    expect(records.map(({ inputs }) => [inputs.type, inputs.name])).toEqual([
      ["A", "hmis.moh.example.org"],
      ["AAAA", "hmis.moh.example.org"],
    ]);
  });

  it("wakes someone when renewal fails", () => {
    const { inputs } = one(
      made,
      "aws:cloudwatch/metricAlarm:MetricAlarm",
      "moh-hmis-endpoint-certificate-expiry",
    );
    expect(inputs).toMatchObject({
      metricName: "DaysToExpiry",
      alarmActions: [TARGET.platform.alertsTopicArn],
    });
  });

  it("registers what policies and people see of it", () => {
    expect(one(made, "dhistance:index:SslEndpoint", "moh-hmis-endpoint").inputs).toEqual({
      tenant: "moh",
      server: "hmis",
      hostname: "hmis.moh.example.org",
    });
  });
});

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { ofType, registered } from "../testing/mocks";
import { makeServer, makeVault, TARGET } from "../testing/tenant";

it("tells whoever is woken what to do, under a heading of docs/alarms.md that nothing else stands under", async () => {
  const page = readFileSync(path.resolve(__dirname, "../../docs/alarms.md"), "utf8");
  const headings = [...page.matchAll(/^## (\S+)$/gm)].map(([, heading]) => heading);
  const made = await registered(() => makeVault("enterprise", [makeServer({ size: "large", instances: 2 })]));
  const alarms = ofType(made, "aws:cloudwatch/metricAlarm:MetricAlarm");
  const sections = alarms.map(
    ({ inputs }) => /docs\/alarms\.md#(\S+)$/.exec(inputs.alarmDescription as string)?.[1],
  );
  expect([...new Set(sections)].sort()).toEqual([...headings].sort());
  for (const { inputs, name } of alarms) {
    expect(inputs.alarmActions, name).toEqual([TARGET.platform.alertsTopicArn]);
    expect(inputs.okActions, name).toEqual([TARGET.platform.alertsTopicArn]);
  }
});

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { metricsText } from "../../jobs/backup/prometheusMetrics";

const read = (file: string) => readFileSync(path.join(__dirname, file), "utf8");

type Labels = Record<string, string>;
interface Relabelling {
  source_labels?: string[];
  regex: string;
  action?: "replace" | "keep" | "labeldrop";
  target_label?: string;
  replacement?: string;
}
const { scrape_configs } = parse(read("prometheus.yml")) as {
  scrape_configs: { metric_relabel_configs: Relabelling[] }[];
};

/** What Prometheus stores of a metric, by its own rules for `metric_relabel_configs`; undefined if it drops it. */
function stored(metric: Labels): Labels | undefined {
  let labels: Labels = { ...metric };
  for (const {
    source_labels = [],
    regex,
    action = "replace",
    target_label,
    replacement = "$1",
  } of scrape_configs[0]?.metric_relabel_configs ?? []) {
    const whole = new RegExp(`^(?:${regex})$`);
    const value = source_labels.map((name) => labels[name] ?? "").join(";");
    if (action === "labeldrop")
      labels = Object.fromEntries(Object.entries(labels).filter(([name]) => !whole.test(name)));
    else if (action === "keep" && !whole.test(value)) return undefined;
    else if (action === "replace" && target_label && whole.test(value))
      labels[target_label] = value.replace(whole, replacement);
  }
  return labels;
}

describe("a metric of backups is stored", () => {
  it.each<[string, Labels, Labels]>([
    [
      "as it is",
      { __name__: "dhistance_backups_newest_timestamp_seconds", location: "disk", type: "full" },
      { __name__: "dhistance_backups_newest_timestamp_seconds", location: "disk", type: "full" },
    ],
    [
      "under its new name, from a container of the former version",
      { __name__: "dhistance_copies_newest_timestamp_seconds", place: "cloud", type: "incr" },
      { __name__: "dhistance_backups_newest_timestamp_seconds", location: "cloud", type: "incr" },
    ],
    [
      "without a location, if it has none",
      { __name__: "dhistance_copies_healthy", server: "hmis" },
      { __name__: "dhistance_backups_healthy", server: "hmis" },
    ],
    [
      "by location, also a portable one of the former version",
      { __name__: "dhistance_drill_rows", server: "hmis", place: "disk" },
      { __name__: "dhistance_drill_rows", server: "hmis", location: "disk" },
    ],
  ])("%s", (_, metric, expected) => {
    expect(stored(metric)).toEqual(expected);
  });
});

it("rules and page read only metrics that the jobs publish", async () => {
  const pitr = "../../jobs/pitr";
  const pointInTime = readdirSync(path.join(__dirname, pitr))
    .filter((file) => !file.endsWith(".test.ts"))
    .flatMap((file) => [...read(`${pitr}/${file}`).matchAll(/\bmetric\(\s*"(\w+)"/g)])
    .map(([, name]) => `dhistance_backups_${name}`);
  const portable = [...(await metricsText("hmis", {}, [])).matchAll(/^# TYPE (\w+)/gm)].map(
    ([, name]) => name,
  );
  const readThere = [...`${read("rules.yml")}${read("index.html")}`.matchAll(/\bdhistance_\w+/g)].map(
    ([name]) => name,
  );
  expect(new Set(readThere).size).toBeGreaterThan(8);
  expect([...pointInTime, ...portable]).toEqual(expect.arrayContaining(readThere));
});

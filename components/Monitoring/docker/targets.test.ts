import { describe, expect, it } from "vitest";
import { databasesConfiguration, watchedTargets, type WatchedServer } from "./targets";

const server = (name: string, backups: boolean): WatchedServer => ({
  ...{ server: name, url: `https://${name}.moh.example.org`, hostname: `${name}.moh.example.org`, backups },
  ...{
    gateway: "moh-gateway:8443",
    application: `moh-${name}-application:8080`,
    database: `moh-${name}-database:5432`,
  },
});
const of = (kind: "acme" | "private", ownAuthority = false) =>
  watchedTargets("Ministry", { kind, ownAuthority }, [server("hmis", true), server("training", false)]);

describe("what is watched", () => {
  it("has the endpoint of each server, by its host name, its application and its database", () => {
    const labels = of("private")
      .map((target) => target.labels)
      .filter((each) => each["server"] === "training");
    expect(labels).toEqual([
      expect.objectContaining({
        ...{ job: "endpoint", url: "https://training.moh.example.org", backups: "none" },
        __param_target: "https://moh-gateway:8443/api/ping",
        __param_hostname: "training.moh.example.org",
      }),
      expect.objectContaining({
        job: "application",
        __param_target: "http://moh-training-application:8080/api/ping",
      }),
      expect.objectContaining({
        ...{ job: "database", __param_target: "moh-training-database:5432/postgres" },
        __param_auth_module: "training",
      }),
    ]);
  });

  it("is probed by exporters that nothing outside reaches", () => {
    for (const { targets } of of("acme"))
      expect(targets).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
  });

  it.each([
    [false, "endpoint"],
    [true, "endpoint-own"],
  ])("with a CA of its own: %s, so probed by %s", (own, module) => {
    const modules = of("acme", own).flatMap(({ labels }) =>
      labels["job"] === "endpoint" ? [labels["__param_module"]] : [],
    );
    expect(modules).toEqual([module, module]);
  });
});

it("connects to each database with its own password, over TLS", () => {
  const text = databasesConfiguration("monitor", { hmis: 'one"', training: "two" });
  const module = (password: string) => ({
    type: "userpass",
    userpass: { username: "monitor", password },
    options: { sslmode: "require" },
  });
  expect(JSON.parse(text)).toEqual({ auth_modules: { hmis: module('one"'), training: module("two") } });
});

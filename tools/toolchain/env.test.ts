import path from "node:path";
import { expect, it } from "vitest";
import type { Toolchain } from "./";
import { engineEnvironment } from "./env";
import { exports } from "./printEnvironment";

const toolchain: Toolchain = {
  version: "1.2.3",
  way: "built from source",
  pulumi: "/cache/tools-2/pulumi",
  bin: "/cache/tools-2",
  rehearsal: "/cache/rehearsal-2",
  cache: "/cache",
};
const USER = {
  PATH: "/cache/tools-1:/usr/bin",
  PULUMI_HOME: "/home/me/.pulumi",
  PULUMI_BACKEND_URL: "s3://real",
  PULUMI_CONFIG_PASSPHRASE_FILE: "/home/me/passphrase",
  AWS_PROFILE: "production",
};

it("leaves to real providers whatever the user has set, and puts these tools in front in place of older ones", () => {
  const env = engineEnvironment(toolchain, { providers: "real" }, USER);
  expect(env).toMatchObject({ ...USER, PATH: "/cache/tools-2:/usr/bin", PULUMI_SKIP_UPDATE_CHECK: "true" });
  expect(env).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE");
  expect(env).not.toHaveProperty("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION");
  // Nor does it trust the issuer that a checkout may bring.
  expect(env).not.toHaveProperty("DHISTANCE_ISSUERS");
});

it("keeps a rehearsal away from the user's Pulumi home, backend, plugins and passphrase", () => {
  const env = engineEnvironment(toolchain, { providers: "rehearsal", state: "/state" }, USER);
  expect(env).toMatchObject({
    PULUMI_HOME: "/cache/rehearsal-2",
    PULUMI_BACKEND_URL: "file:///state?metadata=skip",
    PULUMI_CONFIG_PASSPHRASE: "rehearsal",
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    DHISTANCE_ISSUERS: expect.stringMatching(/\/\.dhistance\/issuers\.json$/) as string,
  });
  expect(env).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE_FILE");
});

it("changes nothing that it was given", () => {
  const given = { ...USER };
  engineEnvironment(toolchain, { providers: "rehearsal" }, given);
  expect(given).toEqual(USER);
});

it("does not rehearse without rehearsal providers", () => {
  const { rehearsal: _, ...bare } = toolchain;
  expect(() => engineEnvironment(bare, { providers: "rehearsal" }, {})).toThrow("no rehearsal providers");
});

it("exports to a shell what differs, quoted, with the shell's own PATH behind", () => {
  const wanted = { PATH: "/ignored", SAME: "1", NEW: "it's here; rm -rf" };
  expect(exports("/my tools", { PATH: "/usr/bin", SAME: "1" }, wanted)).toEqual([
    `export PATH='/my tools':"$PATH"`,
    `export NEW='it'\\''s here; rm -rf'`,
  ]);
  expect(exports("/tools", { PATH: ["/tools", "/usr/bin"].join(path.delimiter) }, {})).toEqual([]);
});

it("gives the real Docker provider a home, a backend and a passphrase of its own", () => {
  const settings = { home: "/cache/home", state: "/state", passphraseFile: "/passphrase" };
  const env = engineEnvironment(
    toolchain,
    { providers: "docker", ...settings },
    { ...USER, PULUMI_CONFIG_PASSPHRASE: "mine" },
  );
  expect(env).toMatchObject({
    PULUMI_HOME: "/cache/home",
    PULUMI_BACKEND_URL: "file:///state?metadata=skip",
    PULUMI_CONFIG_PASSPHRASE_FILE: "/passphrase",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  });
  expect(env).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE");
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { connect } from "./engine";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ssh-"));
  vi.stubEnv("PATH", [folder, process.env["PATH"]].join(path.delimiter));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** How a real one answers is shown by the docker tier. */
it("over SSH, the error has what ssh printed, however early it closes its input", async () => {
  const program =
    '#!/bin/bash\nexec 0<&- 1>&-\nsleep 0.05\necho "Permission denied (publickey)." >&2\nexit 255\n';
  writeFileSync(path.join(folder, "ssh"), program, { mode: 0o755 });
  for (let time = 0; time < 10; time++)
    await expect(connect("ssh://ops@host.invalid").ping()).rejects.toThrow(
      /^Permission denied \(publickey\)\.$/,
    );
});

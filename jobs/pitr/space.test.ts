import { describe, expect, it } from "vitest";
import type { Backup } from "./info";
import { neededByFullBackup, noSpaceToRestore, spaceForBackup } from "./space";

const MiB = 1024 ** 2;

describe("space for a backup", () => {
  it("is judged by the newest full backup", () => {
    const backup = (type: string, added: number) => ({ type, added }) as Backup;
    expect(neededByFullBackup([backup("incr", 1), backup("full", 500), backup("full", 9000)])).toBe(500);
    expect(neededByFullBackup([backup("incr", 1)])).toBe(0);
  });

  it("is enough as long as a full backup fits", () => {
    expect(spaceForBackup("full", 501, 500)).toEqual({ mayBackUp: true });
  });

  it("refuses a full backup that does not fit, and says how much there is", () => {
    expect(spaceForBackup("full", 300 * MiB, 500 * MiB)).toEqual({
      problem: "300 MiB left on its disk, and the next full backup takes about 500 MiB: free space",
      mayBackUp: false,
    });
  });

  it.each([
    ["diff", 65 * MiB, true],
    ["incr", 64 * MiB, false],
    [undefined, 65 * MiB, true],
    [undefined, 0, false],
  ] as const)("a backup of type %s with %d bytes available: %s", (type, available, mayBackUp) => {
    const room = spaceForBackup(type, available, 500 * MiB);
    expect(room.mayBackUp).toBe(mayBackUp);
    expect(room.problem).toContain("left on its disk");
  });

  it("raises an alarm when nothing is left, even before the first full backup", () => {
    expect(spaceForBackup("full", 0, 0)).toEqual({
      problem: "0 bytes left on its disk, and the next full backup takes about 0 bytes: free space",
      mayBackUp: false,
    });
  });
});

describe("space for a restore", () => {
  it("is the size, a twentieth of it, and 1 GiB of WAL", () => {
    expect(noSpaceToRestore(1000 * MiB, 2074 * MiB)).toBeUndefined();
    expect(noSpaceToRestore(1000 * MiB, 2074 * MiB - 1)).toBe(
      "The restored cluster takes up to 2 GiB beside the live one; their disk has 2 GiB left. Free space on the host.",
    );
  });
});

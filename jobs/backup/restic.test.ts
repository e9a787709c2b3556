import { expect, it } from "vitest";
import { detailOf } from "./restic";

const pack = "5139462facc9a30ed35a70228f06bf2adcff2bd21f47834b9c72effb863d7b9c";
const json = (message: string, type = "error") => JSON.stringify({ message_type: type, message });

// As restic 0.18 says it.
it.each([
  [
    "a pack is cut",
    [
      json(`pack ${pack}: unexpected file size: got 10, expected 1048\n`),
      "Load(<data/5139462fac>, 248, 641) failed: file is too short",
      "Load(<data/5139462fac>, 248, 641) failed: file is too short",
      json("error for tree ded5e3c2:\n"),
      json("  ReadFull(<data/5139462fac>): file is too short\n"),
      json(
        "\nThe repository contains damaged pack files. Please read the guide at https://restic.readthedocs.io first.\n\n",
      ),
      json(`restic repair packs ${pack}\nrestic repair snapshots --forget\n\n`),
      json("Fatal: repository contains errors", "exit_error"),
    ],
    "pack 5139462f: unexpected file size: got 10, expected 1048; Load(<data/5139462fac>, 248, 641) failed: file is too short (and 1 more)",
  ],
  [
    "the same in two lines",
    [
      "Fatal: unable to open config file: timeout",
      json("Fatal: unable to open config file: timeout", "exit_error"),
    ],
    "unable to open config file: timeout",
  ],
  ["nothing", [], ""],
  ["much", [`x ${"y".repeat(1000)}`], `x ${"y".repeat(238)}…`],
])("what restic says when %s", (_, lines, detail) => {
  expect(detailOf(lines.join("\n"))).toBe(detail);
});

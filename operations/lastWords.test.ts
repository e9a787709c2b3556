import { expect, it } from "vitest";
import { lastWords } from "./lastWords";

it("has the reason of a failed start, which a stack trace of hundreds of lines stands behind", () => {
  const frames = Array.from(
    { length: 300 },
    (_, line) => `\tat org.example.Class.method(Class.java:${line})`,
  );
  const output = [
    "* ERROR Context initialization failed",
    "Caused by: org.flywaydb.core.api.FlywayException: Detected applied migration not resolved locally: 2.42.54",
    ...frames,
    "\t... 57 more",
    "",
    "SEVERE [main] One or more listeners failed to start.",
  ];
  expect(lastWords(output)).toEqual([output[0], output[1], output.at(-1)]);
  expect(lastWords(Array.from({ length: 50 }, (_, line) => `line ${line}`))).toHaveLength(20);
});

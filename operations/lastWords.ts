/** How many of the last lines of output go into the message of a failure. */
export const LAST_LINES = 20;
/** Of a Java program's stack traces: hundreds of lines between the reason and the end. */
const STACK_FRAME = /^\s+(at |\.\.\. \d+ (more|common frames))/;

/** The last lines of a program's output that say something. */
export function lastWords(lines: string[]): string[] {
  return lines.filter((line) => line.trim() !== "" && !STACK_FRAME.test(line)).slice(-LAST_LINES);
}

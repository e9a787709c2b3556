import { LOGGING_OPTION } from "./logging";

/** What DHIS2's Java is started with on every target. Tomcat in a container and the embedded one read it alike. */
export function javaEnvironment(timeZone: string | undefined, ...options: string[]): Record<string, string> {
  // The rest of the memory is for threads and buffers.
  const all = ["-XX:MaxRAMPercentage=75", ...options, "-XX:+ExitOnOutOfMemoryError", LOGGING_OPTION];
  if (!timeZone) return { JAVA_TOOL_OPTIONS: all.join(" ") };
  // Java has time zones of its own, and needs none of the image.
  return { JAVA_TOOL_OPTIONS: [...all, `-Duser.timezone=${timeZone}`].join(" "), TZ: timeZone };
}

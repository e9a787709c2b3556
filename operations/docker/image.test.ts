import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readImage } from "./image";

/** What an engine says of its images. */
const IMAGES: Record<string, { User: string; Entrypoint: string[] | null; Cmd: string[] | null }> = {
  tomcat: { User: "65534", Entrypoint: null, Cmd: ["catalina.sh", "run"] },
  main: { User: "1000:1000", Entrypoint: ["java", "-jar"], Cmd: ["/dhis.war"] },
  root: { User: "", Entrypoint: null, Cmd: ["catalina.sh", "run"] },
  named: { User: "tomcat", Entrypoint: null, Cmd: ["catalina.sh", "run"] },
  idle: { User: "65534", Entrypoint: null, Cmd: null },
};
let folder: string;
let host: string;
let server: Server;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "engine-"));
  host = `unix://${path.join(folder, "docker.sock")}`;
  server = createServer(({ url = "" }, answer) => {
    const Config = IMAGES[/images\/(\w+)\/json/.exec(url)?.[1] ?? ""];
    answer.statusCode = Config ? 200 : 404;
    answer.setHeader("Content-Type", "application/json").end(JSON.stringify({ Config }));
  }).listen(path.join(folder, "docker.sock"));
  await once(server, "listening");
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
const read = (image: string) => readImage(host, image, `${image}:42.5.2`);

it("has DHIS2 run as the user that its image was made for, who alone may write to its home", async () => {
  expect(await read("tomcat")).toEqual({ user: 65534, command: ["catalina.sh", "run"] });
  expect(await read("main")).toEqual({ user: 1000, command: ["java", "-jar", "/dhis.war"] });
});

it.each([
  ["root", /"root:42.5.2" runs as user ""; allowed: an image whose USER is a number other than 0/],
  ["named", /"named:42.5.2" runs as user "tomcat"; allowed: an image whose USER is a number other than 0/],
  ["idle", /"idle:42.5.2" says no command; allowed: an image with a CMD or an ENTRYPOINT/],
  ["pruned", /image "pruned:42.5.2" is gone from .*; to pull it again: pulumi up --refresh/],
])(
  "refuses an image that is gone, or does not say how to run it without being root: %s",
  async (image, why) => {
    await expect(read(image)).rejects.toThrow(why);
  },
);

/** What the gateway says itself, by the name of its file. Each page says what is known of the visitor's data, and no more. */
export const PAGES = {
  "starting.html": page("DHIS2 is starting", {
    text: [
      "The system is being started or updated. After an update of a large system this can take an hour.",
      "Everything saved before is kept. If you were just saving something, check afterwards whether it is there.",
      "This page asks again every half minute.",
    ],
    refresh: 30,
  }),
  "failed.html": page("DHIS2 could not start", {
    text: [
      "If it does not start by itself within some minutes, its operators have to repair it.",
      "Everything saved before is kept. If you were just saving something, check afterwards whether it is there.",
      "This page asks again every half minute.",
    ],
    refresh: 30,
  }),
  "no-answer.html": page("DHIS2 did not answer", {
    text: [
      "The system runs, but this request ended without an answer.",
      "If you were saving something, check whether it was saved before you send it again.",
    ],
  }),
  "too-large.html": page("Too large", {
    text: [
      "This is larger than the system accepts. Nothing of it was saved.",
      "Send it in smaller parts, or ask your administrator.",
    ],
  }),
  "malformed.html": page("The request is malformed", {
    text: [
      "The program or connection that you use sent a request that cannot be read.",
      "Check whether anything of it was saved before you send it again.",
    ],
  }),
} as const;

export type PageFile = keyof typeof PAGES;

/** @param refresh seconds after which a browser asks again. @default never: a form would be lost */
function page(title: string, { text, refresh }: { text: string[]; refresh?: number }): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
${refresh ? `<meta http-equiv="refresh" content="${refresh}">\n` : ""}<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>body{font:18px/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto;padding:0 1em;color:#212934}</style>
<h1>${title}</h1>
${text.map((paragraph) => `<p>${paragraph}</p>\n`).join("")}</html>
`;
}

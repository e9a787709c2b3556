/** Where DHIS2 answers, in its container on every target. */
export const APPLICATION_PORT = 8080;

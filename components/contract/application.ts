/** Where DHIS2 answers, in its container on every target. */
export const APPLICATION_PORT = 8080;

/** What a request may send to DHIS2, in MiB: the gateway refuses a larger body. */
export const LARGEST_BODY_MIB = 128;
/** The largest file in bytes that can be uploaded in such a request, with a form around it. */
export const LARGEST_UPLOAD = (LARGEST_BODY_MIB - 1) * 1024 * 1024;

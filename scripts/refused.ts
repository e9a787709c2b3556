/** The person asked for something that cannot be done; nothing was touched. Exit code 2. */
export class Refused extends Error {}

/** A run or a start failed; the message says why, for the person at the terminal. */
export class RunFailed extends Error {
  override name = "RunFailed";
  constructor(
    message: string,
    /** Exit code of the container. @default it did not run to its end */
    readonly exitCode?: number,
    /** The message without the last lines of output, for people who have seen them. */
    readonly brief = message,
  ) {
    super(message);
  }
}

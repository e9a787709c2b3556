import { dependencies } from "../../package.json";

/**
 * The engine's version, such as `3.248.0`: that of the SDK in `package.json`, the one place where it is pinned.
 * `engine/go.mod` has to name the same (a test holds it to that), for there it comes with the checksums.
 */
export const ENGINE_VERSION = dependencies["@pulumi/pulumi"];

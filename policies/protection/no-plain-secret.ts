import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEachContainer } from "./containers";

/** A variable that names a file (…_FILE) or an id (AWS_ACCESS_KEY_ID) does not hold a secret. */
const SECRET_NAME =
  /(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|PRIVATE_?KEY|ACCESS_?KEY|API_?KEY|CREDENTIALS?)$|(^|_)(PASS|PWD)$/i;
/** An address with a password, and a private key in PEM. */
const SECRET_VALUE = /:\/\/[^\s:/@]*:[^\s/@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----/;
/** The shell's working directory. */
const KNOWN = new Set(["PWD", "OLDPWD"]);

export const noPlainSecret: ResourceValidationPolicy = {
  name: "no-plain-secret",
  description: "A container's environment, which everybody who can inspect it reads, holds no secret.",
  validateResource: onEachContainer(({ name, environment }) => {
    const found = environment.find(
      ({ name: variable, value }) =>
        value !== "" && !KNOWN.has(variable) && (SECRET_NAME.test(variable) || SECRET_VALUE.test(value)),
    );
    return (
      found &&
      `container "${name}" has a secret in its variable ${found.name}; allowed: a file, or on AWS an entry of secrets.`
    );
  }),
};

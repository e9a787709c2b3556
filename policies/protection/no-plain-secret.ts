import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEachContainer } from "./containers";

/** A variable that names a file (…_FILE) or an id (AWS_ACCESS_KEY_ID) holds no secret. */
const SECRET = /(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|PRIVATE_KEY|SECRET_ACCESS_KEY|API_KEY)$/i;

export const noPlainSecret: ResourceValidationPolicy = {
  name: "no-plain-secret",
  description: "A container's environment, which everybody who can inspect it reads, holds no secret.",
  validateResource: onEachContainer(({ name, environment }) => {
    const found = environment.find((variable) => SECRET.test(variable.name) && variable.value !== "");
    return (
      found &&
      `container "${name}" has a secret in its variable ${found.name}; allowed: a file, or on AWS an entry of secrets.`
    );
  }),
};

import { writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { tenantSchema } from "./spec";

/** Where editors find the schema: the example stack files name it in their first line. */
export const SCHEMA_FILE = path.join(__dirname, "tenant.schema.json");

/** In the file a secret stands encrypted, as `pulumi config set --secret` wrote it. */
const ENCRYPTED_VALUE = {
  type: "object" as const,
  properties: { secure: { type: "string" as const } },
  required: ["secure"],
  additionalProperties: false,
};

/** The JSON Schema of a tenant's stack file, for editors. The program itself asks the zod schema, which knows more. */
export function stackFileSchema(): object {
  const { $schema, ...tenant } = z.toJSONSchema(tenantSchema, {
    io: "input",
    override: ({ jsonSchema }) => {
      const { secret, secretKeys } = jsonSchema;
      delete jsonSchema["secret"];
      delete jsonSchema["secretKeys"];
      if (secretKeys instanceof RegExp) {
        jsonSchema.patternProperties = { [secretKeys.source]: ENCRYPTED_VALUE };
        jsonSchema.additionalProperties = {
          anyOf: [{ type: ["string", "number", "boolean"] }, ENCRYPTED_VALUE],
        };
      }
      if (!secret) return;
      delete jsonSchema.minLength;
      Object.assign(jsonSchema, ENCRYPTED_VALUE);
    },
  });
  return {
    $schema,
    title: "A tenant's stack file, Pulumi.<tenant>.yaml",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: {
          "dhistance:entitlement": {
            description: "The entitlement the issuer sent, or the path of a file that holds it.",
            anyOf: [
              { type: "string" },
              {
                type: "object",
                properties: { file: { type: "string" } },
                required: ["file"],
                additionalProperties: false,
              },
            ],
          },
          "dhistance:tenant": tenant,
        },
        required: ["dhistance:entitlement", "dhistance:tenant"],
      },
    },
    required: ["config"],
  };
}

if (require.main === module) writeFileSync(SCHEMA_FILE, `${JSON.stringify(stackFileSchema(), null, 2)}\n`);

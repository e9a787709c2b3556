import { closest } from "fastest-levenshtein";
import table from "./configurationKeys.json";

/** What DHIS2 reads from `dhis.conf`, by major. */

/** `switch` is on or off, `boolean` true or false; a list has the allowed words, in whatever case. */
export type ValueType = "switch" | "boolean" | "integer" | "number" | "url" | "text" | readonly string[];

interface Key {
  majors: readonly number[];
  type?: ValueType;
  /** The name of the key in later majors. */
  replacedBy?: string;
}

/** Maps, and no objects: a key may be the name of something that every object has. */
const KEYS = new Map(Object.entries(table.keys as Record<string, Key>));

/** Names that DHIS2 reads of a provider that it does not know by itself (GenericOidcProviderConfigParser of dhis2-core). */
const PROVIDER = new Map<string, ValueType>(
  Object.entries({
    client_id: "text",
    client_secret: "text",
    authorization_uri: "url",
    token_uri: "url",
    user_info_uri: "url",
    jwk_uri: "url",
    redirect_url: "text",
    enable_logout: "switch",
    enable_pkce: "switch",
    display_alias: "text",
    mapping_claim: "text",
    end_session_endpoint: "text",
    scopes: "text",
    login_image: "text",
    login_image_padding: "text",
    extra_request_parameters: "text",
    issuer_uri: "url",
    keystore_path: "text",
    keystore_password: "text",
    key_alias: "text",
    key_password: "text",
    authorization_grant_type: "text",
    client_authentication_method: "text",
    jwk_set_url: "text",
  }),
);
/** The same of one of ten directories of Azure (AzureAdProvider). */
const AZURE = new Map<string, ValueType>(
  Object.entries({
    tenant: "text",
    client_id: "text",
    client_secret: "text",
    redirect_url: "text",
    mapping_claim: "text",
    display_alias: "text",
    enable_logout: "switch",
  }),
);
/** Providers that DHIS2 knows by themselves: their keys are in the table. */
const KNOWN_PROVIDERS = ["google", "wso2", "dhis2"];

/** A key of an OpenID Connect provider, in its parts. */
export interface ProviderKey {
  /** `oidc.provider.keycloak`, or `oidc.provider.azure.0`. */
  provider: string;
  kind: "generic" | "azure" | "google" | "wso2" | "dhis2";
  name: string;
}

/** The parts of a key of an OpenID Connect provider, whether or not DHIS2 knows the last one. */
export function providerKey(key: string): ProviderKey | undefined {
  const [, provider, azure, name] =
    /^(oidc\.provider\.(?:(azure)\.[0-9]|(?!azure\.)[\w-]+))\.([\w.-]+)$/.exec(key) ?? [];
  if (!provider || !name) return undefined;
  const id = provider.slice("oidc.provider.".length);
  const kind = azure ? "azure" : (KNOWN_PROVIDERS.find((known) => known === id) ?? "generic");
  return { provider, kind: kind as ProviderKey["kind"], name };
}

/** The type of a key's value, if DHIS2 reads the key. */
export function typeOf(key: string, major: number): ValueType | undefined {
  const known = KEYS.get(key);
  if (known) return known.majors.includes(major) ? (known.type ?? "text") : undefined;
  const part = providerKey(key);
  if (!part) return undefined;
  // A client with tokens of the provider (https://docs.dhis2.org, "JWT bearer token authentication").
  if (part.kind !== "azure" && /^ext_client\.[\w-]+\.[\w-]+$/.test(part.name)) return "text";
  if (part.kind === "azure") return AZURE.get(part.name);
  return part.kind === "generic" ? PROVIDER.get(part.name) : undefined;
}

/** Why DHIS2 does not read a key in a major: what there is instead. */
export function unknownKey(key: string, major: number): string {
  const known = KEYS.get(key);
  const instead = known?.replacedBy;
  if (known && known.majors.every((each) => each > major))
    return `DHIS2 ${major} does not have this key: it came with ${known.majors[0]}; remove it, or upgrade DHIS2`;
  if (known)
    return `DHIS2 ${major} does not have this key: it ended with ${known.majors.at(-1)}; ${
      instead ? `use ${instead}` : "remove it"
    }`;
  const part = providerKey(key);
  const names = part && (part.kind === "azure" ? AZURE : part.kind === "generic" ? PROVIDER : undefined);
  const candidates = names
    ? [...names.keys()].map((name) => `${part.provider}.${name}`)
    : [...KEYS.keys()].filter((candidate) => typeOf(candidate, major) !== undefined);
  return `DHIS2 ${major} has no such key in dhis.conf; the nearest is ${closest(key.toLowerCase(), candidates)}`;
}

/** Keys whose value opens something: by their names, for DHIS2's own marks leave some out and name others. */
export const PASSWORD_KEY = /(password|secret)$/;

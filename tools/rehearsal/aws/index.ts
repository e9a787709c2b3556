import type { Provider, ResourceType } from "../resource";
import { containsUnknown, isObject, UNKNOWN, type Properties, type Value } from "../values";
import { backup } from "./backup";
import { cache } from "./cache";
import { compute } from "./compute";
import { constraintsOf } from "./constraints";
import { data } from "./data";
import { edge } from "./edge";
import { functions } from "./functions";
import { ACCOUNT } from "./names";
import { network } from "./network";
import { operations } from "./operations";
import { security } from "./security";
import { storage } from "./storage";

const ROWS = {
  ...network,
  ...compute,
  ...edge,
  ...data,
  ...cache,
  ...backup,
  ...security,
  ...storage,
  ...operations,
};

/** A row with what holds for many. */
function complete(token: string, row: ResourceType): ResourceType {
  const constraints = constraintsOf(token);
  return {
    ...row,
    check: (inputs) => [...(row.check?.(inputs) ?? []), ...constraints(inputs)],
    // What belongs to a region is recreated when it is moved to another.
    ...(row.global ? {} : { replaceOn: [...(row.replaceOn ?? []), "region"] }),
  };
}

/**
 * AWS, simulated: account 000000000000. Nothing is called and nothing is made; what a resource is stands only in the
 * stack's state. What is replaced, filled in or refused follows the real provider.
 */
export const aws: Provider = {
  name: "aws",
  version: "7.48.0+rehearsal",
  resources: Object.fromEntries(Object.entries(ROWS).map(([token, row]) => [token, complete(token, row)])),
  functions,

  configure(config) {
    const region = config["region"] ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"];
    if (region === undefined || region === "") {
      throw new Error("missing region: set aws:region, give the provider a region, or set AWS_REGION");
    }
    if (region !== UNKNOWN && !/^[a-z]{2}(-[a-z]+)+-\d$/.test(String(region))) {
      throw new Error(`"${String(region)}" is not an AWS region; allowed: a region such as eu-west-1`);
    }
    const allowed = config["allowedAccountIds"];
    if (Array.isArray(allowed) && !containsUnknown(allowed) && !allowed.includes(ACCOUNT))
      throw new Error(`AWS account ID not allowed: ${ACCOUNT}; allowed: ${allowed.join(", ")}`);
    return { ...config, region };
  },

  // The real provider, too, puts region and all tags among the inputs before it compares them.
  prepare(type, inputs, config) {
    return {
      ...inputs,
      ...(type.global ? {} : { region: inputs["region"] ?? config["region"] ?? null }),
      ...(type.untagged ? {} : { tagsAll: allTags(inputs["tags"], config) }),
    };
  },
};

function allTags(tags: Value | undefined, config: Properties): Value {
  if (containsUnknown(tags)) return UNKNOWN;
  const defaults = isObject(config["defaultTags"]) ? config["defaultTags"]["tags"] : undefined;
  return { ...(isObject(defaults) ? defaults : {}), ...(isObject(tags) ? tags : {}) };
}

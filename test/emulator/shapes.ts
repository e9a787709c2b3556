import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/**
 * What a property looks like, apart from whether it is required: the least that two descriptions of one resource
 * have to agree on.
 */
export type Shape =
  | { kind: "text" | "number" | "truth" | "any" }
  | { kind: "list" | "map"; of: Shape }
  | { kind: "object"; name: string; fields: () => Fields };
export type Fields = Record<string, Shape>;

const SDK = path.dirname(require.resolve("@pulumi/aws/package.json"));

/** Reads the SDK's own type declarations. Only those of the AWS SDK, and only as they are written today. */
export class Sdk {
  private readonly shared = new Map<string, ts.ModuleBlock | ts.SourceFile>();
  constructor(private readonly folder = SDK) {}

  /** What a resource takes and gives, by its token, such as `aws:ec2/vpc:Vpc`. */
  resource(token: string): { inputs: Fields; outputs: Fields } {
    const { file, name } = this.locate(token);
    return { inputs: this.fields(file, `${name}Args`), outputs: this.fields(file, name) };
  }

  /** What a function takes and gives, by its token, such as `aws:iam/getRole:getRole`. */
  function(token: string): { inputs: Fields; outputs: Fields } {
    const { file, name } = this.locate(token);
    const title = name.charAt(0).toUpperCase() + name.slice(1);
    const has = (type: string) =>
      file.statements.some((s) => ts.isInterfaceDeclaration(s) && s.name.text === type);
    return {
      inputs: has(`${title}Args`) ? this.fields(file, `${title}Args`) : {},
      outputs: this.fields(file, `${title}Result`),
    };
  }

  providerInputs(): Fields {
    return this.fields(this.parse("provider.d.ts"), "ProviderArgs");
  }

  private locate(token: string): { file: ts.SourceFile; name: string } {
    const [, place = "", name = ""] = token.split(":");
    return { file: this.parse(`${place.replace(/^index\//, "")}.d.ts`), name };
  }

  private parse(file: string): ts.SourceFile {
    const at = path.join(this.folder, file);
    return ts.createSourceFile(file, readFileSync(at, "utf8"), ts.ScriptTarget.Latest);
  }

  private fields(scope: ts.SourceFile | ts.ModuleBlock, name: string): Fields {
    const found = scope.statements.find(
      (s): s is ts.InterfaceDeclaration | ts.ClassDeclaration =>
        (ts.isInterfaceDeclaration(s) || ts.isClassDeclaration(s)) && s.name?.text === name,
    );
    if (!found) throw new Error(`@pulumi/aws declares no ${name} where it was expected`);
    const fields: Fields = {};
    for (const member of found.members) {
      if (!ts.isPropertySignature(member) && !ts.isPropertyDeclaration(member)) continue;
      const hidden = ts.canHaveModifiers(member)
        ? ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword)
        : false;
      if (!hidden && member.type) fields[(member.name as ts.Identifier).text] = this.shape(member.type);
    }
    return fields;
  }

  private shape(type: ts.TypeNode): Shape {
    if (ts.isParenthesizedTypeNode(type)) return this.shape(type.type);
    if (ts.isArrayTypeNode(type)) return { kind: "list", of: this.shape(type.elementType) };
    if (ts.isUnionTypeNode(type)) {
      const members = type.types.filter(({ kind }) => kind !== ts.SyntaxKind.UndefinedKeyword);
      // `string | Document`, `string | enums.X`, `string | Role`: a text is always one of the ways.
      const text = members.find(({ kind }) => kind === ts.SyntaxKind.StringKeyword);
      return this.shape(text ?? (members[0] as ts.TypeNode));
    }
    if (ts.isTypeLiteralNode(type)) {
      const index = type.members.find(ts.isIndexSignatureDeclaration);
      return index ? { kind: "map", of: this.shape(index.type) } : { kind: "any" };
    }
    if (ts.isTypeReferenceNode(type)) return this.reference(type);
    const kinds: Partial<Record<ts.SyntaxKind, "text" | "number" | "truth">> = {
      [ts.SyntaxKind.StringKeyword]: "text",
      [ts.SyntaxKind.NumberKeyword]: "number",
      [ts.SyntaxKind.BooleanKeyword]: "truth",
    };
    return { kind: kinds[type.kind] ?? "any" };
  }

  private reference(type: ts.TypeReferenceNode): Shape {
    const names = dotted(type.typeName);
    const argument = type.typeArguments?.[0];
    if (argument && ["pulumi.Input", "pulumi.Output"].includes(names.join("."))) return this.shape(argument);
    const [namespace, ...rest] = names;
    if (namespace === "inputs" || namespace === "outputs") {
      const name = names.join(".");
      return {
        kind: "object",
        name,
        fields: () => this.fields(this.scope(namespace, rest.slice(0, -1)), rest.at(-1) ?? ""),
      };
    }
    return namespace === "enums" || names.join(".") === "ARN" ? { kind: "text" } : { kind: "any" };
  }

  private scope(which: "inputs" | "outputs", modules: string[]): ts.SourceFile | ts.ModuleBlock {
    const key = [which, ...modules].join(".");
    const known = this.shared.get(key);
    if (known) return known;
    const outer = modules.length
      ? this.scope(which, modules.slice(0, -1))
      : this.parse(which === "inputs" ? "types/input.d.ts" : "types/output.d.ts");
    const block = modules.length
      ? outer.statements.find(
          (s): s is ts.ModuleDeclaration => ts.isModuleDeclaration(s) && s.name.text === modules.at(-1),
        )?.body
      : outer;
    if (!block || !(ts.isModuleBlock(block) || ts.isSourceFile(block))) throw new Error(`no types ${key}`);
    this.shared.set(key, block);
    return block;
  }
}

function dotted(name: ts.EntityName): string[] {
  return ts.isIdentifier(name) ? [name.text] : [...dotted(name.left), name.right.text];
}

/** A Pulumi package schema, as far as it is read here. */
export interface PackageSchema {
  types: Record<string, { properties?: Record<string, SchemaType> }>;
  resources: Record<
    string,
    { inputProperties?: Record<string, SchemaType>; properties?: Record<string, SchemaType> }
  >;
  functions: Record<string, { inputs?: ObjectType; outputs?: ObjectType }>;
  provider: { inputProperties: Record<string, SchemaType> };
}
interface ObjectType {
  properties?: Record<string, SchemaType>;
}
interface SchemaType {
  type?: string;
  $ref?: string;
  items?: SchemaType;
  additionalProperties?: SchemaType;
}

export function schemaFields(schema: PackageSchema, properties: Record<string, SchemaType> = {}): Fields {
  return Object.fromEntries(
    Object.entries(properties).map(([name, type]) => [name, schemaShape(schema, type)]),
  );
}

function schemaShape(schema: PackageSchema, type: SchemaType): Shape {
  const name = type.$ref?.replace("#/types/", "");
  if (name) {
    return { kind: "object", name, fields: () => schemaFields(schema, schema.types[name]?.properties) };
  }
  if (type.type === "array" && type.items) return { kind: "list", of: schemaShape(schema, type.items) };
  if (type.type === "object") {
    return {
      kind: "map",
      of: type.additionalProperties ? schemaShape(schema, type.additionalProperties) : { kind: "text" },
    };
  }
  const kinds = { string: "text", integer: "number", number: "number", boolean: "truth" } as const;
  return { kind: kinds[type.type as keyof typeof kinds] ?? "any" };
}

/**
 * Where the bridge's fields differ from the SDK's: `path: what differs`, sorted.
 * A text and a number are one to the engine's eyes: either side converts.
 */
export function differences(
  sdk: Fields,
  bridge: Fields,
  at: string,
  above: readonly string[] = [],
): string[] {
  const out: string[] = [];
  for (const name of new Set([...Object.keys(sdk), ...Object.keys(bridge)])) {
    const [wanted, given] = [sdk[name], bridge[name]];
    const place = `${at}.${name}`;
    if (!given) out.push(`${place}: only in the SDK`);
    else if (!wanted) out.push(`${place}: only in the bridge`);
    else out.push(...shapeDifferences(wanted, given, place, above));
  }
  return out.sort();
}

function shapeDifferences(sdk: Shape, bridge: Shape, at: string, above: readonly string[]): string[] {
  if (sdk.kind === "any" || bridge.kind === "any") return [];
  if ("of" in sdk && "of" in bridge && sdk.kind === bridge.kind) {
    return shapeDifferences(sdk.of, bridge.of, `${at}[]`, above);
  }
  if (sdk.kind === "object" && bridge.kind === "object") {
    // A rule of the firewall holds rules: once round says all.
    if (above.includes(sdk.name)) return [];
    return differences(sdk.fields(), bridge.fields(), at, [...above, sdk.name]);
  }
  const scalar = ({ kind }: Shape) => kind === "text" || kind === "number" || kind === "truth";
  return sdk.kind === bridge.kind || (scalar(sdk) && scalar(bridge))
    ? []
    : [`${at}: ${sdk.kind} in the SDK, ${bridge.kind} in the bridge`];
}

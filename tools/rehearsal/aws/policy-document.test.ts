import { describe, expect, it } from "vitest";
import type { Properties } from "../values";
import { policyDocument } from "./policy-document";

/** Arguments, and what the real provider (terraform-provider-aws 5.100.0) made of them. */
const REAL: Record<string, [args: Properties, minified: string]> = {
  "lists in descending order, conditions in their own, variables interpolated": [
    {
      statements: [
        {
          sid: "A",
          actions: ["s3:b", "s3:a", "s3:c"],
          resources: ["z", "a&{aws:username}"],
          principals: [
            {
              type: "Service",
              identifiers: ["ecs.amazonaws.com", "a.com"],
            },
            {
              type: "AWS",
              identifiers: ["arn:1"],
            },
          ],
          conditions: [
            {
              test: "StringEquals",
              variable: "b",
              values: ["2", "1"],
            },
            {
              test: "Bool",
              variable: "x",
              values: ["true"],
            },
            {
              test: "StringEquals",
              variable: "a",
              values: ["q"],
            },
          ],
        },
      ],
    },
    '{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["s3:c","s3:b","s3:a"],"Resource":["z","a${aws:username}"],"Principal":{"AWS":"arn:1","Service":["ecs.amazonaws.com","a.com"]},"Condition":{"Bool":{"x":"true"},"StringEquals":{"a":"q","b":["2","1"]}}}]}',
  ],
  "denials of everything but": [
    {
      policyId: "p",
      version: "2008-10-17",
      statements: [
        {
          effect: "Deny",
          notActions: ["a"],
          notResources: ["b"],
          notPrincipals: [
            {
              type: "AWS",
              identifiers: ["*"],
            },
          ],
        },
      ],
    },
    '{"Version":"2008-10-17","Id":"p","Statement":[{"Effect":"Deny","NotAction":"a","NotResource":"b","NotPrincipal":{"AWS":"*"}}]}',
  ],
  anybody: [
    {
      statements: [
        {
          actions: ["a"],
          resources: ["*"],
          principals: [
            {
              type: "*",
              identifiers: ["*"],
            },
          ],
        },
      ],
    },
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Principal":"*"}]}',
  ],
  "anybody and somebody": [
    {
      statements: [
        {
          actions: ["a"],
          resources: ["*"],
          principals: [
            {
              type: "*",
              identifiers: ["*"],
            },
            {
              type: "AWS",
              identifiers: ["x"],
            },
          ],
        },
      ],
    },
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Principal":{"*":"*","AWS":"x"}}]}',
  ],
  "documents merged by statement id, special characters escaped": [
    {
      sourcePolicyDocuments: [
        '{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"x","Resource":"*"},{"Sid":"B","Effect":"Allow","Action":["m","y"],"Resource":"*"}]}',
      ],
      statements: [
        {
          sid: "A",
          actions: ["new"],
          resources: ["*"],
        },
        {
          actions: ["n2"],
          resources: ["<&>"],
        },
      ],
      overridePolicyDocuments: [
        '{"Statement":[{"Sid":"B","Effect":"Deny","Action":"over","Resource":"*"},{"Effect":"Deny","Action":"x","Resource":"*"}]}',
      ],
    },
    '{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"new","Resource":"*"},{"Sid":"B","Effect":"Deny","Action":"over","Resource":"*"},{"Effect":"Allow","Action":"n2","Resource":"\\u003c\\u0026\\u003e"},{"Effect":"Deny","Action":"x","Resource":"*"}]}',
  ],
  nothing: [{}, '{"Version":"2012-10-17"}'],
  "parts that repeat": [
    {
      statements: [
        {
          actions: ["a", "a"],
          resources: ["*"],
          principals: [
            {
              type: "AWS",
              identifiers: ["x"],
            },
            {
              type: "AWS",
              identifiers: ["y"],
            },
          ],
          conditions: [
            {
              test: "StringEquals",
              variable: "b",
              values: ["2"],
            },
            {
              test: "StringEquals",
              variable: "b",
              values: ["1"],
            },
          ],
        },
      ],
    },
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a","Resource":"*","Principal":{"AWS":["x","y"]},"Condition":{"StringEquals":{"b":["2","1"]}}}]}',
  ],
};

describe("policyDocument", () => {
  it.each(Object.entries(REAL))("composes %s as the real provider does", (_, [args, minified]) => {
    const composed = policyDocument(args);
    expect(composed["minifiedJson"]).toBe(minified);
    expect(JSON.parse(String(composed["json"]))).toEqual(JSON.parse(minified));
  });

  it("indents by two spaces", () => {
    const args = { statements: [{ actions: ["s3:GetObject"], resources: ["*"] }] };
    expect(policyDocument(args)["json"]).toBe(
      [
        "{",
        '  "Version": "2012-10-17",',
        '  "Statement": [',
        "    {",
        '      "Effect": "Allow",',
        '      "Action": "s3:GetObject",',
        '      "Resource": "*"',
        "    }",
        "  ]",
        "}",
      ].join("\n"),
    );
  });

  it("refuses two statements of one id", () => {
    const twice = { statements: [{ sid: "A" }, { sid: "A" }] };
    expect(() => policyDocument(twice)).toThrow("duplicate Sid (A) found in statements");
    const document = '{"Statement":[{"Sid":"A","Effect":"Allow"}]}';
    expect(() => policyDocument({ sourcePolicyDocuments: [document, document] })).toThrow(
      "duplicate Sid (A) found in sourcePolicyDocuments",
    );
  });

  it("refuses sources that are no policies", () => {
    expect(() => policyDocument({ sourcePolicyDocuments: ["no JSON"] })).toThrow(/holds what is no JSON/);
    expect(() => policyDocument({ overridePolicyDocuments: ['{"Statement":{}}'] })).toThrow(
      "overridePolicyDocuments holds a Statement that is no list",
    );
  });

  it("refuses variables in the version that has none", () => {
    const args = { version: "2008-10-17", statements: [{ resources: ["&{aws:username}"] }] };
    expect(() => policyDocument(args)).toThrow(/version 2008-10-17 does not support/);
  });
});

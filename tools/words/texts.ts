import ts from "typescript";

/** A piece of text that a person reads, and where it begins. */
export interface Text {
  line: number;
  text: string;
}

/** The comments and string literals of a TypeScript or JavaScript file. */
export function textsOfCode(file: string, source: string): Text[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const texts: Text[] = [];
  const comments = new Set<number>();
  const add = (from: number, to: number) => {
    const line = tree.getLineAndCharacterOfPosition(from).line + 1;
    texts.push({ line, text: plain(source.slice(from, to)) });
  };
  const visit = (node: ts.Node): void => {
    const leading = ts.getLeadingCommentRanges(source, node.pos) ?? [];
    const trailing = ts.getTrailingCommentRanges(source, node.end) ?? [];
    for (const range of [...leading, ...trailing]) {
      if (!comments.has(range.pos)) add(range.pos, range.end);
      comments.add(range.pos);
    }
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    // Parts of one message that `+` joins are read as one.
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || isJoined(node)) {
      add(node.getStart(tree), node.end);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return texts;
}

function isJoined(node: ts.Node): boolean {
  return (
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind === ts.SyntaxKind.PlusToken &&
    ts.isStringLiteralLike(node.right)
  );
}

/** A text as it is read: without the marks of comments and the seams of joined strings. */
function plain(text: string): string {
  return text
    .replace(/["`]\s*\+\s*["`]/g, "")
    .replace(/\n\s*(?:\*|\/\/)? ?/g, " ")
    .replace(/\s+/g, " ");
}

/** The paragraphs of a Markdown file, without its code. */
export function textsOfMarkdown(source: string): Text[] {
  const prose = source
    .replace(/^```[\s\S]*?^```/gm, (block) => block.replace(/[^\n]/g, ""))
    .replace(/`[^`\n]*`/g, (code) => "`" + " ".repeat(code.length - 2) + "`");
  let line = 1;
  return prose.split(/\n\n/).map((paragraph) => {
    const at = { line, text: plain(paragraph) };
    line += paragraph.split("\n").length + 1;
    return at;
  });
}

/** The lines of any other file; a comment of several lines is one text. */
export function textsOfLines(source: string): Text[] {
  const texts: Text[] = [];
  let inComment = false;
  source.split("\n").forEach((raw, index) => {
    const comment = /^\s*(?:#|\/\/) (.*)/.exec(raw)?.[1];
    const last = texts.at(-1);
    if (inComment && comment !== undefined && last) last.text += ` ${comment}`;
    else texts.push({ line: index + 1, text: comment ?? raw.trim() });
    inComment = comment !== undefined;
  });
  return texts;
}

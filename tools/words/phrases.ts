/**
 * Phrases that a stranger stumbles over, each with what to write instead: the table of `docs/glossary.md` and plain
 * English. Single words stand in `cspell.json` (`flagWords`).
 */
export interface Phrase {
  pattern: RegExp;
  write: string;
}

export const PHRASES: readonly Phrase[] = [
  {
    pattern:
      /\b(?:[Aa]n?|[Tt]he|[Ii]ts|[Tt]his|[Ee]ach|[Ee]very|[Nn]ewest|[Ll]ast|[Ff]irst|[Nn]ext|[Pp]ortable|[Ff]ull|[Nn]o|[Aa]ny|[Oo]lder|[Ee]arlier) cop(?:y|ies)\b/,
    write: "backup",
  },
  { pattern: /\bplaces? of copies\b/i, write: "location, repository" },
  { pattern: /\bany moment\b|\bto a moment\b|\bmoments? (?:since|that)\b/i, write: "point in time" },
  {
    pattern: /\bauthorit(?:y|ies) (?:of|that)\b|\bworld's authorities\b/i,
    write: "certificate authority, CA",
  },
  { pattern: /\bformer database\b/i, write: "previous database" },
  { pattern: /\bkept aside\b/i, write: "kept as …" },
  { pattern: /\bthe way back\b/i, write: "undo, roll back" },
  { pattern: /\bpage of monitoring\b/i, write: "monitoring page" },
  { pattern: /\b(?:is|are|was|were|been|be|has|have|not) told\b/i, write: "is reported, is given" },
  { pattern: /\b(?:un|not )well\b|\bwent well\b|\ball is well\b|\bgood end\b/i, write: "failing, succeeded" },
  {
    pattern: /\b(?:there is|is|has|have|little|no|enough) room\b|\broom (?:for|on)\b/i,
    write: "capacity, space",
  },
  { pattern: /\bcut off\b/i, write: "interrupted" },
  { pattern: /\bat home\b/i, write: "on premises" },
  { pattern: /\b(?:no|not a) key here\b/i, write: "unknown key" },
  { pattern: /\bit was not wanted\b/i, write: "Cancelled. Nothing was changed." },
  { pattern: /\bSay --yes\b/, write: "Pass --yes to confirm." },
  { pattern: /\blet(?:s|ting)? go of\b/i, write: "drop, delete" },
  { pattern: /\bof which\b/i, write: "two sentences" },
  { pattern: /\bgo(?:es|ne|ing)? on with\b/i, write: "continue, resume" },
  { pattern: /\bwhat hinders\b/i, write: "what prevents" },
  {
    pattern:
      /(?<!there |what |that )\b(?:is|are|was|were) no (?!longer|more|less|such|need|later|newer|older|bigger)/i,
    write: "is not a",
  },
  {
    pattern: /\b(?:whole again|read whole|found whole|(?:is|are|was|were|be) whole)\b/i,
    write: "complete, intact",
  },
];

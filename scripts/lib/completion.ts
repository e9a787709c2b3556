import type { Command } from "commander";

export const SHELLS = ["bash", "zsh"] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * A shell's completion of a program's commands, options and their choices. It is made from the command tree, so it
 * needs no change when a command changes; the shell does not start the program to complete a word.
 */
export function completionScript(program: Command, shell: Shell): string {
  const name = program.name();
  const cases = branches(program).map(({ path, words, values }) => {
    const options = Object.entries(values).map(
      ([option, choices]) => `        ${option}) words="${choices.join(" ")}" ;;`,
    );
    const ofOption =
      options.length > 0 ? [`      case "$previous" in`, ...options, "      esac"].join("\n") : undefined;
    return [`    "${path}")`, `      words="${words.join(" ")}"`, ofOption, "      ;;"]
      .filter((line) => line !== undefined)
      .join("\n");
  });
  const paths = branches(program).map(({ path }) => `"${path}"`);
  const lines = [
    `_${name}() {`,
    `  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="${name}" words="" word`,
    // The longest path of commands that was typed.
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    `    case "$command $word" in ${paths.join(" | ")}) command="$command $word" ;; esac`,
    "  done",
    `  case "$command" in`,
    ...cases,
    "  esac",
    `  COMPREPLY=($(compgen -W "$words" -- "$current"))`,
    "}",
    `complete -o default -F _${name} ${name}`,
  ];
  if (shell === "zsh") lines.unshift(`autoload -U +X compinit bashcompinit && compinit && bashcompinit`);
  return lines.join("\n");
}

interface Branch {
  path: string;
  /** Commands and options. */
  words: string[];
  /** What an option may be given, by its name. */
  values: Record<string, readonly string[]>;
}

function branches(command: Command, before = ""): Branch[] {
  const path = `${before}${command.name()}`;
  const values: Record<string, readonly string[]> = {};
  for (const { long, argChoices } of command.options) if (long && argChoices) values[long] = argChoices;
  const options = command.options.map(({ long }) => long).filter((long) => long !== undefined);
  const subcommands = command.commands.map((each) => each.name());
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const own = { path, words: [...subcommands, ...choices, ...options, "--help"], values };
  return [own, ...command.commands.flatMap((each) => branches(each, `${path} `))];
}

import { Argument, Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../lib/completion";
import { Output } from "../lib/output";

/** @param tree the whole command line */
export function completionCommand(tree: () => Command): Command {
  return new Command("completion")
    .description('Print a shell\'s completion. To use it: eval "$(dhistance completion bash)"')
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell: Shell) => new Output().print(completionScript(tree(), shell)));
}

import * as pulumi from "@pulumi/pulumi";

/**
 * Work that has to be done to its end during `pulumi up`: the preparation of a database, an import.
 *
 * It is a before-hook on a record in the stack's state (`pulumi.Stash`). The engine calls the hook when it is about to
 * write the record and writes it only if the hook succeeds, so:
 * - what runs, runs once: the same record at the next `up` is unchanged, and no hook is called;
 * - what fails, fails the update with the job's own message, and runs again at the next `up`;
 * - whatever depends on the record waits for the run;
 * - a preview runs nothing, and says what will run by showing the record.
 *
 * Why not otherwise: a Lambda invocation ends after 15 minutes and an import may take hours; a dynamic provider puts
 * serialised code and its captured secrets into the state and needs TypeScript at run time; a command plugin is one
 * more thing to install, and passes secrets by the environment; a data source runs at every preview.
 */

type Refusal = string | undefined;

export interface RecordArgs {
  /** What the record holds, for people to read in the state: no secrets. */
  because: Record<string, pulumi.Input<string | number | boolean>>;
  /**
   * Why the record may not become this one, for the person who asked; asked in the preview already.
   * @default it may
   */
  refuse?: (before: Record<string, unknown>, now: Record<string, unknown>) => Refusal | Promise<Refusal>;
  /** Why the record may not be made where there is none yet; asked in the preview already. @default it may */
  refuseFirst?: () => Promise<Refusal>;
  /** Throws if what the record needs is not there; called when the record changes, in the preview already. */
  verify?: () => Promise<void>;
  /** Done to its end before the record becomes another one, and not when it is first made. */
  change?: (before: Record<string, unknown>, now: Record<string, unknown>) => Promise<void>;
}

export interface WorkArgs extends Omit<RecordArgs, "change"> {
  /** What is done, such as "import into hmis". */
  title: string;
  /** Whether everything is simulated, so that nothing can be done. */
  rehearsal: boolean;
  /** Does it, telling `show` how far it is. */
  work: (show: (line: string) => Promise<void>) => Promise<void>;
}

/** A record in the stack's state of what is so, with a say in what it may change to. */
export function remember(name: string, args: RecordArgs, opts: pulumi.CustomResourceOptions): pulumi.Stash {
  return record(name, args, [], opts);
}

/**
 * Does a piece of work once, and again when `because` changes.
 * @returns the record of the last time, to depend on
 */
export function doOnce(
  name: string,
  { title, rehearsal, work, ...args }: WorkArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const hook = new pulumi.ResourceHook(`${name}-work`, async () => {
    if (rehearsal) {
      await pulumi.log.info(`rehearsal: ${title} is only simulated, nothing was run`);
    } else {
      await work((line) => pulumi.log.info(`${title}: ${line}`, undefined, undefined, true));
    }
  });
  return record(name, args, [hook], opts);
}

function record(
  name: string,
  { because, refuse, refuseFirst, verify, change }: RecordArgs,
  work: pulumi.ResourceHook[],
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const refusals = refuse
    ? [
        new pulumi.ResourceHook(
          `${name}-refuse`,
          async ({ oldInputs, newInputs }) => {
            const why = await refuse(inputOf(oldInputs), inputOf(newInputs));
            if (why) throw new Error(why);
          },
          { onDryRun: true },
        ),
      ]
    : [];
  const firstRefusals = refuseFirst
    ? [
        new pulumi.ResourceHook(
          `${name}-refuse-first`,
          async () => {
            const why = await refuseFirst();
            if (why) throw new Error(why);
          },
          { onDryRun: true },
        ),
      ]
    : [];
  const verifications = verify ? [new pulumi.ResourceHook(`${name}-verify`, verify, { onDryRun: true })] : [];
  const changes = change
    ? [
        new pulumi.ResourceHook(`${name}-change`, ({ oldInputs, newInputs }) =>
          change(inputOf(oldInputs), inputOf(newInputs)),
        ),
      ]
    : [];
  return new pulumi.Stash(
    name,
    { input: because },
    {
      ...opts,
      hooks: {
        beforeCreate: [...firstRefusals, ...verifications, ...work],
        beforeUpdate: [...refusals, ...verifications, ...changes, ...work],
      },
    },
  );
}

function inputOf(inputs: Record<string, unknown> | undefined): Record<string, unknown> {
  return (inputs?.["input"] ?? {}) as Record<string, unknown>;
}

/** An output's value, for code that runs only once the engine knows it. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

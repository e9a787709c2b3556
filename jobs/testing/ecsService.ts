/**
 * The one service of the simulated ECS (`ecs.ts`), of one task at most: the application that the test starts and stops.
 * As on AWS nothing has happened yet when a change is answered; here each question continues it.
 */
import type { Deployment, Service, Task, UpdateServiceCommandInput } from "@aws-sdk/client-ecs";

export interface Application {
  /** Of the service. */
  arn: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export class EcsService {
  /** Why every deployment fails from now on. @default none does */
  failing: string | undefined;
  private desiredCount = 1;
  private readonly all: Task[];
  private deployment: Deployment = { status: "PRIMARY", rolloutState: "COMPLETED" };

  /** The application runs. */
  constructor(
    private readonly application: Application,
    private readonly tell: (event: string) => void,
  ) {
    this.all = [{ taskArn: `${application.arn}-0`, lastStatus: "RUNNING" }];
  }

  update({ desiredCount, forceNewDeployment }: UpdateServiceCommandInput): object {
    this.desiredCount = desiredCount ?? this.desiredCount;
    if (this.desiredCount > 1 || (forceNewDeployment && this.all.some(runs)))
      throw new Error("this is not simulated");
    if (forceNewDeployment) this.deployment = { status: "PRIMARY", rolloutState: "IN_PROGRESS" };
    return { service: this.now() };
  }

  async describe(): Promise<object> {
    const services = [this.now()];
    await this.goOn();
    return { services };
  }

  /** Tasks that are meant to run, or to stop. */
  list(desiredStatus = "RUNNING"): string[] {
    return this.all
      .filter((task) => (desiredStatus === "RUNNING") === runs(task))
      .map(({ taskArn }) => taskArn ?? "");
  }

  async tasks(arns: string[]): Promise<Task[]> {
    const asked = this.all.filter(({ taskArn }) => arns.includes(taskArn ?? ""));
    const told = asked.map((task) => ({ ...task }));
    for (const task of asked.filter(({ lastStatus }) => lastStatus === "DEACTIVATING")) {
      await this.application.stop();
      this.tell("application down");
      task.lastStatus = "STOPPED";
    }
    return told;
  }

  private now(): Service {
    const { desiredCount, deployment } = this;
    const counts = { desiredCount, runningCount: this.all.filter(runs).length };
    return {
      serviceArn: this.application.arn,
      status: "ACTIVE",
      ...counts,
      deployments: [{ ...deployment, ...counts }],
    };
  }

  /** A task that is to end is no longer counted, and its application still runs. */
  private async goOn(): Promise<void> {
    const running = this.all.find(runs);
    if (running && this.desiredCount === 0) running.lastStatus = "DEACTIVATING";
    if (running || this.desiredCount === 0) return;
    if (this.failing !== undefined) {
      Object.assign(this.deployment, { rolloutState: "FAILED", rolloutStateReason: this.failing });
      return;
    }
    await this.application.start();
    this.tell("application up");
    this.all.push({ taskArn: `${this.application.arn}-${this.all.length}`, lastStatus: "RUNNING" });
    this.deployment.rolloutState = "COMPLETED";
  }
}

const runs = ({ lastStatus }: Task) => lastStatus === "RUNNING";

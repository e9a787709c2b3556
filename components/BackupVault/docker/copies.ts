import type { Retention } from "../../../plans/retention";
import type { DockerCopies } from "../../contract/dockerTarget";
import type { Copy } from "../contract";

/** For how many days back any moment can be restored from each place. The cloud outlives the host, and keeps longer. */
export function daysOf({ pointInTime, portable }: Retention) {
  return { disk: pointInTime, cloud: portable };
}

/** The copies that are made of every server. */
export function copiesOnDocker({ disk, cloud }: DockerCopies, kept: Retention): Copy[] {
  const [any, daily] = ["database, any moment, encrypted", "database and files, portable, daily, encrypted"];
  const days = daysOf(kept);
  const [home, away] = [disk.path ?? "a volume of the host", `s3://${cloud.bucket} at ${cloud.host}`];
  return [
    { where: home, kind: any, retentionDays: days.disk },
    { where: away, kind: any, retentionDays: days.cloud },
    { where: away, kind: daily, retentionDays: kept.portable },
    { where: home, kind: daily, retentionDays: kept.onPremises },
  ];
}

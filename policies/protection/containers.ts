import type { PolicyResource, ResourceValidation } from "@pulumi/policy";
import { onEach } from "../onEach";

/** A container, whichever engine it is for. */
export interface Container {
  name: string;
  image: string;
  environment: { name: string; value: string }[];
}

/** A check of each container that a stack defines: of Docker, and in task definitions of ECS. */
export function onEachContainer(check: (container: Container) => string | undefined): ResourceValidation[] {
  const judge = (containers: Container[]) =>
    containers.map(check).find((complaint) => complaint !== undefined);
  return [
    onEach("docker:index/container:Container", (resource) => judge([onDocker(resource)])),
    onEach("aws:ecs/taskDefinition:TaskDefinition", (resource) => judge(inTask(resource))),
  ];
}

function onDocker({ name, props }: Pick<PolicyResource, "name" | "props">): Container {
  const envs = (props["envs"] ?? []) as string[];
  const environment = envs.map((each) => {
    const [variable = "", ...value] = each.split("=");
    return { name: variable, value: value.join("=") };
  });
  return { name, image: String(props["image"]), environment };
}

function inTask({ name, props }: Pick<PolicyResource, "name" | "props">): Container[] {
  const definitions = JSON.parse(String(props["containerDefinitions"])) as Partial<Container>[];
  return definitions.map(({ name: container = "", image = "", environment = [] }) => ({
    name: `${name}/${container}`,
    image,
    environment,
  }));
}

import { createHash, randomBytes, randomInt } from "node:crypto";
import { all, between, pattern, rule } from "../checks";
import type { Creation, Provider } from "../resource";
import { isObject, UNKNOWN, type Value } from "../values";

const name = pattern(
  "name",
  /^[a-zA-Z0-9][\w.-]+$/,
  "2 or more of A-Z a-z 0-9 _ . -, a letter or digit first",
);

/**
 * Docker, simulated: no engine is asked, nothing runs. A container that is run to completion is said to have ended
 * with exit code 0 and no output.
 */
export const docker: Provider = {
  name: "docker",
  version: "5.2.0+rehearsal",
  functions: {
    "docker:index/getNetwork:getNetwork": (args) => ({
      ...args,
      // None of an engine's begins so: it tells the program that nothing is there to be asked.
      id: digest(String(args["name"]))
        .slice(7)
        .replace(/^.{12}/, "000000000000"),
      containers: [],
      driver: "bridge",
      internal: false,
      ipamConfigs: [],
      options: {},
      scope: "local",
    }),
    "docker:index/getRegistryImage:getRegistryImage": (args) => ({
      ...args,
      id: digest(String(args["name"])),
      sha256Digest: digest(String(args["name"])),
    }),
  },
  resources: {
    "docker:index/container:Container": {
      required: ["image"],
      // What is not here is changed in place: limits and restart policy for good; health check, `init` and `tmpfs`
      // only in the state, for the real provider plans an update there that does nothing.
      replaceOn: [
        ...[
          "capabilities",
          "cgroupParent",
          "cgroupnsMode",
          "command",
          "cpus",
          "deviceRequests",
          "devices",
          "dns",
        ],
        ...[
          "dnsOpts",
          "dnsSearches",
          "domainname",
          "entrypoints",
          "envs",
          "gpus",
          "groupAdds",
          "hostname",
          "hosts",
        ],
        ...["image", "ipcMode", "labels", "logDriver", "logOpts", "mounts", "name", "networkMode"],
        ...["networksAdvanced", "pidMode", "platform", "ports", "privileged", "publishAllPorts", "readOnly"],
        ...[
          "runtime",
          "securityOpts",
          "shmSize",
          "stdinOpen",
          "stopSignal",
          "stopTimeout",
          "storageOpts",
          "sysctls",
        ],
        ...["tty", "ulimits", "uploads", "user", "usernsMode", "volumes", "workingDir"],
      ],
      sets: [
        ...[
          "capabilities.adds",
          "capabilities.drops",
          "devices",
          "dns",
          "dnsOpts",
          "dnsSearches",
          "envs",
          "groupAdds",
        ],
        ...[
          "hosts",
          "labels",
          "mounts",
          "networksAdvanced",
          "networksAdvanced.aliases",
          "securityOpts",
          "ulimits",
        ],
        ...["uploads", "volumes"],
      ],
      autoName: { property: "name" },
      deleteBeforeReplace: true,
      defaults: {
        attach: false,
        containerReadRefreshTimeoutMilliseconds: 15_000,
        logs: false,
        memoryReservation: 0,
        mustRun: true,
        networkMode: "bridge",
        readOnly: false,
        removeVolumes: true,
        restart: "no",
        rm: false,
        start: true,
        stdinOpen: false,
        tty: false,
        wait: false,
        waitTimeout: 60,
      },
      check: all(
        name,
        rule("image", "an image's name or id", (image) => image !== ""),
        pattern(
          "restart",
          /^(no|on-failure|always|unless-stopped)$/,
          "no, on-failure, always, unless-stopped",
        ),
        between("memory", 6, Number.MAX_SAFE_INTEGER),
      ),
      id: () => randomBytes(32).toString("hex"),
      computed: {
        bridge: "",
        command: [],
        containerLogs: "",
        entrypoints: [],
        envs: [],
        exitCode: 0,
        healthcheck: null,
        hostname: (r) => r.id.slice(0, 12),
        init: false,
        ipcMode: "private",
        labels: [],
        logDriver: "json-file",
        networkDatas: (r) => networks(r).map(networkData),
        platform: "linux/amd64",
        runtime: "runc",
        securityOpts: [],
        shmSize: 64,
        stopSignal: "SIGTERM",
        stopTimeout: 0,
      },
    },
    "docker:index/network:Network": {
      replaceOn: [
        ...[
          "attachable",
          "driver",
          "ingress",
          "internal",
          "ipamConfigs",
          "ipamDriver",
          "ipamOptions",
          "ipv6",
        ],
        ...["labels", "name", "options"],
      ],
      sets: ["ipamConfigs", "labels"],
      autoName: { property: "name" },
      defaults: { ipamDriver: "default" },
      check: all(name),
      id: () => randomBytes(32).toString("hex"),
      computed: {
        driver: "bridge",
        internal: false,
        ipamConfigs: () => {
          const block = randomInt(16, 256);
          return [
            { auxAddress: {}, gateway: `172.${block}.0.1`, ipRange: "", subnet: `172.${block}.0.0/16` },
          ];
        },
        options: {},
        scope: "local",
      },
    },
    "docker:index/volume:Volume": {
      replaceOn: ["cluster", "driver", "driverOpts", "labels", "name"],
      sets: ["labels"],
      autoName: { property: "name" },
      check: all(name),
      id: (r) => r.text("name"),
      computed: { driver: "local", mountpoint: (r) => `/var/lib/docker/volumes/${r.text("name")}/_data` },
    },
    "docker:index/remoteImage:RemoteImage": {
      required: ["name"],
      replaceOn: ["build", "forceRemove", "name", "platform", "pullTriggers", "triggers"],
      sets: ["pullTriggers"],
      id: (r) => String(r.output("imageId")) + r.text("name"),
      computed: {
        imageId: (r) => digest(r.text("name"), JSON.stringify(r.inputs["build"] ?? null)),
        repoDigest: (r) => `${r.text("name").replace(/(@.*|:[^/]*)$/, "")}@${digest(r.text("name"))}`,
      },
    },
  },

  configure(config) {
    const host = config["host"] ?? process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
    if (host !== UNKNOWN && !/^(unix|tcp|ssh|npipe|http|https|fd):\/\/./.test(String(host))) {
      throw new Error(`"${String(host)}" is not a Docker host; allowed: unix://…, ssh://… or tcp://…`);
    }
    return { ...config, host };
  },
};

/** A name's digest: of an image that never changes the same for ever. */
function digest(...words: string[]): string {
  return `sha256:${createHash("sha256").update(words.join("\n")).digest("hex")}`;
}

function networks(r: Creation): string[] {
  const advanced = r.inputs["networksAdvanced"];
  return Array.isArray(advanced)
    ? advanced.map((network) => (isObject(network) ? String(network["name"]) : ""))
    : [r.text("networkMode")];
}

function networkData(networkName: string): Value {
  const block = 16 + (parseInt(digest(networkName).slice(7, 9), 16) % 240);
  return {
    gateway: `172.${block}.0.1`,
    globalIpv6Address: "",
    globalIpv6PrefixLength: 0,
    ipAddress: `172.${block}.0.${randomInt(2, 255)}`,
    ipPrefixLength: 16,
    ipv6Gateway: "",
    macAddress: "",
    networkName,
  };
}

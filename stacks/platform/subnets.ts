/** A network in CIDR notation, loosely: `networkProblem` says what is wrong with one. */
export const NETWORK = /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/;

export const TIERS = ["private", "public", "database"] as const;
export type Tier = (typeof TIERS)[number];

/** Blocks the network is cut into: three tiers in up to four zones, and room to grow. */
const BLOCK_BITS = 4;
const MAX_ZONES = 2 ** BLOCK_BITS / 4;

/** AWS takes networks of /16 to /28, and subnets down to /28. */
const LARGEST = 16;
const SMALLEST = 22;

/** Why `network` cannot be a platform's, if it cannot. */
export function networkProblem(network: string): string | undefined {
  const { address, bits } = parse(network);
  if (
    network
      .split(/[./]/)
      .slice(0, 4)
      .some((octet) => Number(octet) > 255)
  )
    return "allowed: octets up to 255";
  if (bits < LARGEST || bits > SMALLEST) return `allowed: /${LARGEST} to /${SMALLEST}`;
  if (address % 2 ** (32 - bits) !== 0)
    return `is not where a /${bits} begins; allowed: ${aligned(address, bits)}`;
  return undefined;
}

/**
 * The subnets of each tier, one a zone, in equal blocks: no two overlap, and a fourth zone moves none.
 * @throws Error if there are more zones than blocks
 */
export function layout(network: string, zones: number): Record<Tier, string[]> {
  if (zones < 1 || zones > MAX_ZONES) throw new Error(`${zones} zones; allowed: 1 to ${MAX_ZONES}`);
  const { address, bits } = parse(network);
  const block = 2 ** (32 - bits - BLOCK_BITS);
  const tier = (index: number) =>
    Array.from({ length: zones }, (_, zone) =>
      text(address + (index * MAX_ZONES + zone) * block, bits + BLOCK_BITS),
    );
  return { private: tier(0), public: tier(1), database: tier(2) };
}

function parse(network: string): { address: number; bits: number } {
  const [address = "", bits = ""] = network.split("/");
  return {
    address: address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0),
    bits: Number(bits),
  };
}

function aligned(address: number, bits: number): string {
  const size = 2 ** (32 - bits);
  return text(Math.floor(address / size) * size, bits);
}

function text(address: number, bits: number): string {
  return `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".")}/${bits}`;
}

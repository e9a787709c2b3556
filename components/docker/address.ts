/** A host name as it stands in an `https://` address. */
export function authority(hostname: string, port: number): string {
  return port === 443 ? hostname : `${hostname}:${port}`;
}

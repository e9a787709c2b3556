import { execFileSync } from "node:child_process";
import { isIP } from "node:net";
import path from "node:path";

/**
 * A certificate issued by a public CA; `authority.pem` in the folder is the CA's own certificate.
 * @returns PEM files
 */
export function giveCertificate(
  folder: string,
  hostname: string,
): { certificate: string; privateKey: string } {
  const at = (name: string) => path.join(folder, name);
  const [certificate, privateKey] = [at("certificate.pem"), at("private-key.pem")];
  const [root, rootKey] = [at("authority.pem"), at("authority-key.pem")];
  make("-subj", "/CN=another authority", "-keyout", rootKey, "-out", root);
  const leaf = ["-subj", "/CN=given", "-addext", "basicConstraints=critical,CA:FALSE"];
  const names = ["-addext", `subjectAltName=DNS:${hostname}`, "-CA", root, "-CAkey", rootKey];
  make(...leaf, ...names, "-keyout", privateKey, "-out", certificate);
  return { certificate, privateKey };
}

/** A server's certificate, for its name or address, that nobody vouches for but itself. */
export function certify(server: string, files: { certificate: string; privateKey: string }): void {
  // pgBackRest knows clients by the common name, and of servers compares names alone, also where the name is an address.
  const names = [`DNS:${server}`, ...(isIP(server) ? [`IP:${server}`] : [])].join(",");
  make(
    "-subj",
    `/CN=${server}`,
    "-addext",
    `subjectAltName=${names}`,
    ...["-keyout", files.privateKey, "-out", files.certificate],
  );
}

function make(...rest: string[]): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
  execFileSync("openssl", ["req", "-x509", ...key, ...rest], { stdio: "ignore" });
}

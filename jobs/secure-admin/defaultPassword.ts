/** The account that DHIS2 makes in an empty database (DefaultAdminUserPopulator), as its documentation tells everybody. */
export const DEFAULT = { username: "admin", password: "district", uid: "M5zQapPyTZI" } as const;

/**
 * Whether a password meets DHIS2's own rules (PasswordValidationService): without that it takes none.
 * @returns what is missing, if anything
 */
export function missingInPassword(password: string): string | undefined {
  const length = password.trim().length;
  if (length < 8 || length > 72 || Buffer.byteLength(password) > 72) return "8 to 72 characters";
  const kinds = {
    "a digit": /\d/,
    "a capital": /[A-Z]/,
    "a small letter": /[a-z]/,
    "a special character": /[^A-Za-z0-9]/,
  };
  const kind = Object.entries(kinds).find(([, pattern]) => !pattern.test(password));
  if (kind) return kind[0];
  const word = ["user", "admin", "system", "password", "login", "manager"].find((it) =>
    password.toLowerCase().includes(it),
  );
  return word && `no word such as "${word}"`;
}

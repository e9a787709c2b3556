/** The result of some work, or nothing if it takes longer. The work goes on. */
export async function within<T>(seconds: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>(
    (resolve) => (timer = setTimeout(() => resolve(undefined), seconds * 1000)),
  );
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

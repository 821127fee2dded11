/** Runs one after the other what is given to it, in that order; a failure of one is no failure of the next. */
export type InTurn = <T>(run: () => Promise<T>) => Promise<T>;

export function createTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return async (run) => {
    const mine = last.then(run, run);
    last = mine;
    return await mine;
  };
}

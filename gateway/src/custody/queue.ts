/** Runs what it is given one after the other, whatever becomes of the one before. */
export function createQueue(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}

/** One queue for each name, for as long as anything waits in it. */
export function createQueues(): <Result>(name: string, work: () => Promise<Result>) => Promise<Result> {
  const queues = new Map<string, { readonly run: ReturnType<typeof createQueue>; waiting: number }>();
  return async (name, work) => {
    const queue = queues.get(name) ?? { run: createQueue(), waiting: 0 };
    queues.set(name, queue);
    queue.waiting += 1;
    try {
      return await queue.run(work);
    } finally {
      queue.waiting -= 1;
      if (queue.waiting === 0) queues.delete(name);
    }
  };
}

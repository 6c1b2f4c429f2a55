// Something that costs to know: asked for once, and for a moment the same for all who want it.

/** @param ms for how long an answer is good. A failed one is not kept */
export function ttlCache<T>(ms: number, load: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (answer && performance.now() < until) return answer;
    until = performance.now() + ms;
    const loading = load();
    answer = loading;
    loading.catch(() => {
      if (answer === loading) answer = undefined;
    });
    return loading;
  };
}

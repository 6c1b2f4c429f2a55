// Caches an expensive async result for a limited time, and shares concurrent loads.

/** @param ms the time for which a result is cached; rejections are not cached */
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

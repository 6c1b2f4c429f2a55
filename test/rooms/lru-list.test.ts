// The LRU list, compared with a plain array.
import { expect } from "bun:test";
import { type LruItem, LruList } from "../../src/rooms/lru-list.ts";
import { randomTest } from "../support/random.ts";

interface Item extends LruItem<Item> {
  name: number;
}

randomTest("the list behaves like an array in which used items move to the end", (random) => {
  const order = new LruList<Item>();
  const items = Array.from({ length: 20 }, (_, name): Item => ({ name }));
  let model: Item[] = [];
  for (let step = 0; step < 2000; step++) {
    const item = random.pick(items);
    model = model.filter((other) => other !== item);
    if (random.chance(3)) order.remove(item);
    else {
      order.touch(item);
      model.push(item);
    }
    expect([...order].map(({ name }) => name)).toEqual(model.map(({ name }) => name));
  }
  for (const item of order) if (item.name % 2 === 0) order.remove(item);
  expect([...order]).toEqual(model.filter(({ name }) => name % 2 === 1));
});

// The order of the rungs, as indices into the list of rungs.

// Every switch from each of `count` rungs to each other one, once: a closed walk over all arrows of
// the complete graph (Hierholzer), as short as it can be.
function everySwitch(count) {
  const left = Array.from({ length: count }, (_, from) =>
    Array.from({ length: count }, (_, to) => to).filter((to) => to !== from),
  );
  const path = [0];
  const circuit = [];
  while (path.length > 0) {
    const next = left[path.at(-1)].shift();
    if (next === undefined) circuit.unshift(path.pop());
    else path.push(next);
  }
  return circuit;
}

export class Course {
  #way;
  #step = 0;

  constructor(count) {
    this.#way = everySwitch(count);
  }

  get wanted() {
    return this.#way[this.#step];
  }

  // The last step leads back to the first rung.
  advance() {
    this.#step = this.#step + 2 < this.#way.length ? this.#step + 1 : 0;
  }

  // Pairs of rungs to be shown one after the other.
  get switches() {
    return this.#way.slice(1).map((to, n) => [this.#way[n], to]);
  }
}

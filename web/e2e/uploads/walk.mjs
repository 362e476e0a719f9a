// Actions of the walks on the page, and their observations.

import { readFileSync } from "node:fs";

const LIMIT_MS = 60_000;
// Answers of servers without fingerprints.
const OLD_SERVER = /400.*fingerprint=/;
const PUT_OF_PART = /[?&]partNumber=(\d+)/;

export class Walk {
  constructor({ base, context, page, errors }) {
    Object.assign(this, { base, context, page, errors });
    this.forgiven = [OLD_SERVER];
    // PUTs that were answered.
    this.answers = [];
    // PUTs that are held.
    this.held = [];
  }

  async begin() {
    this.context.setDefaultTimeout(LIMIT_MS);
    this.watch(this.page);
    await this.page.goto(this.base);
    await this.page.getByTestId("file").waitFor({ state: "attached" });
  }

  watch(page) {
    page.on("response", (response) => {
      const request = response.request();
      if (request.method() !== "PUT") return;
      const part = Number(PUT_OF_PART.exec(response.url())?.[1] ?? 1);
      this.answers.push({ url: response.url(), part, status: response.status() });
    });
  }

  expect(isTrue, complaint) {
    if (!isTrue) this.errors.push(complaint);
  }

  // Errors of the browser that belong to the walk.
  forgive(pattern) {
    this.forgiven.push(pattern);
  }

  unforgiven() {
    return this.errors.filter((error) => !this.forgiven.some((pattern) => pattern.test(error)));
  }

  // Makes a token, signs in by it and returns it.
  async signIn(name) {
    const token = await this.page.evaluate(async (name) => {
      const post = async (path, body) => {
        const headers = { "content-type": "application/json" };
        const how = { method: "POST", headers, body: JSON.stringify(body) };
        return (await fetch(path, how)).json();
      };
      const { token } = await post("/v1/tokens", { name, scopes: ["read", "upload", "manage"] });
      await post("/v1/session", { token });
      return token;
    }, name);
    await this.page.reload();
    await this.page.getByTestId("account").waitFor();
    return token;
  }

  choose(...files) {
    return this.page.getByTestId("file").setInputFiles(files.map(({ path }) => path));
  }

  // Chooses a file of the origin's own file system, whose handles are kept like those of the disk.
  async chooseByHandle({ name, path }) {
    await this.page.route("**/handle-source", (route) =>
      route.fulfill({ body: readFileSync(path), contentType: "video/mp4" }),
    );
    await this.page.evaluate(async (name) => {
      const bytes = await (await fetch("/handle-source")).arrayBuffer();
      const root = await navigator.storage.getDirectory();
      const handle = await root.getFileHandle(name, { create: true });
      const out = await handle.createWritable();
      await out.write(bytes);
      await out.close();
      window.showOpenFilePicker = async () => [handle];
    }, name);
    await this.page.getByRole("button", { name: "Upload", exact: true }).click();
  }

  // Drops a file on the window, as the browser would.
  async drop({ name, path }) {
    const content = readFileSync(path).toString("base64");
    await this.page.evaluate(
      async ({ name, content }) => {
        const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type: "video/mp4", lastModified: 1 }));
        const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
        document.body.dispatchEvent(new DragEvent("dragenter", how));
        document.body.dispatchEvent(new DragEvent("drop", how));
      },
      { name, content },
    );
  }

  // Pastes a file, as the browser would.
  async paste({ name, path }) {
    const content = readFileSync(path).toString("base64");
    await this.page.evaluate(
      ({ name, content }) => {
        const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([bytes], name, { type: "video/mp4", lastModified: 1 }));
        const how = { clipboardData, bubbles: true, cancelable: true };
        document.body.dispatchEvent(new ClipboardEvent("paste", how));
      },
      { name, content },
    );
  }

  // Drops a folder of the disk on the window: the browser reads it.
  async dropFolder(path) {
    const client = await this.context.newCDPSession(this.page);
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await client.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
    }
  }

  // Waits until the row of a file is at a stage.
  async row(name, stage) {
    const at = `[data-testid=upload-item][data-name="${name}"]`;
    try {
      await this.page.locator(`${at}[data-stage=${stage}]`).first().waitFor();
    } catch {
      const rows = await this.page
        .locator(at)
        .evaluateAll((rows) => rows.map((row) => `${row.dataset.stage}: ${row.innerText}`));
      throw new Error(`${name} is not at ${stage}, but ${JSON.stringify(rows)}`);
    }
    const key = await this.page
      .locator(`${at}[data-stage=${stage}]`)
      .first()
      .getAttribute("data-key");
    return this.page.locator(`[data-testid=upload-item][data-key="${key}"]`);
  }

  // Waits until the store has so many parts, and the page knows.
  stored(name, parts) {
    return this.page.waitForFunction(
      ({ name, bytes }) => {
        const row = document.querySelector(`[data-testid=upload-item][data-name="${name}"]`);
        return Number(row?.getAttribute("data-stored")) >= bytes;
      },
      { name, bytes: parts * (5 << 20) },
    );
  }

  // Waits until this script has seen so many answers of the store, which it gets after the page.
  async answered(count) {
    while (this.answers.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  until(predicate, complaint) {
    return this.page.waitForFunction(predicate).catch(() => this.errors.push(complaint));
  }

  api(path) {
    return this.page.evaluate(async (path) => (await fetch(path)).json(), path);
  }

  // Holds the PUTs of the parts that `isHeld` tells, until the result is called.
  async holdParts(isHeld) {
    let isOpen = false;
    const handler = (route) => {
      const request = route.request();
      const part = Number(PUT_OF_PART.exec(request.url())?.[1] ?? 1);
      if (isOpen || request.method() !== "PUT" || !isHeld(part)) return route.continue();
      this.held.push(route);
    };
    const isStore = (url) => !url.pathname.startsWith("/v1/") && url.search.includes("X-Amz-");
    await this.context.route(isStore, handler);
    return async () => {
      isOpen = true;
      // Those that the page has broken off are gone.
      for (const route of this.held.splice(0)) await route.continue().catch(() => undefined);
    };
  }

  // Cuts the network of a tab. The result mends it.
  async cutNetwork(page) {
    const network = await this.context.newCDPSession(page);
    await network.send("Network.enable");
    const rates = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    const set = (offline) =>
      network.send("Network.emulateNetworkConditions", { offline, ...rates });
    await set(true);
    this.forgive(/ERR_INTERNET_DISCONNECTED|ERR_NETWORK/);
    return () => set(false);
  }

  // Closes a tab whose PUTs are held. Chromium lets them go as soon as nobody intercepts them any more, and some reach
  // the store before the tab is gone. So they fail before, in a tab that is cut off and sends no others.
  async closeTab(page, name) {
    await this.cutNetwork(page);
    await page.locator(`[data-name="${name}"][data-stage=offline]`).waitFor();
    for (const route of this.held.splice(0)) await route.abort().catch(() => undefined);
    await page.close();
    this.forgive(/ERR_FAILED/);
  }

  async openTab() {
    this.page = await this.context.newPage();
    this.watch(this.page);
    await this.page.goto(this.base);
    await this.page.getByTestId("file").waitFor({ state: "attached" });
  }

  // Kills the renderer of the tab, and opens another one.
  async crash() {
    const crashed = this.page.waitForEvent("crash");
    this.page.goto("chrome://crash").catch(() => undefined);
    await crashed;
    await this.openTab();
  }

  // The file has arrived, and no part was stored twice.
  async expectWhole(name) {
    const id = await this.page.locator(`[data-name="${name}"]`).first().getAttribute("data-video");
    const video = await this.api(`/v1/videos/${id}`);
    this.expect(video.state !== "uploading", `${name} has not arrived: ${video.state}`);
    const stored = this.answers.filter(({ status }) => status === 200).map(({ part }) => part);
    const parts = new Set(stored);
    this.expect(parts.size === 5, `parts ${[...parts].sort()} of 5 were seen`);
    this.expect(stored.length === parts.size, `parts were sent twice: ${stored.sort()}`);
  }
}

// The one dialog of the page: the lines that were not counted, every row of the view, and the
// question before the log is deleted. What it shows stands still; the board goes on behind it.

import { byId, make, write } from "./page.ts";

export interface DialogContent {
  readonly title: string;
  readonly note: string;
  readonly tools?: readonly Node[];
  readonly body: readonly Node[];
}

export class Dialog {
  readonly #dialog = byId<HTMLDialogElement>("dialog");

  constructor() {
    byId("dialog-close").addEventListener("click", () => this.close());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.close();
    });
    this.#dialog.addEventListener("close", () => byId("dialog-body").replaceChildren());
  }

  show({ title, note, tools = [], body }: DialogContent): void {
    write(byId("dialog-title"), title);
    write(byId("dialog-note"), note);
    byId("dialog-tools").replaceChildren(...tools);
    byId("dialog-body").replaceChildren(...body);
    byId("dialog-body").scrollTop = 0;
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  close(): void {
    this.#dialog.close();
  }

  ask(title: string, question: string, action: string, act: () => void): void {
    const button = make("button", { type: "button", class: "go" }, action);
    button.addEventListener("click", () => {
      this.close();
      act();
    });
    this.show({ title, note: "", tools: [button], body: [make("p", {}, question)] });
  }
}

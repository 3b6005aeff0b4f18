// The lines themselves behind the counters: late, duplicate, invalid, held.

import type { Counts, LineList, ListedLine } from "../replay/protocol.ts";
import type { Dialog } from "./dialog.ts";
import type { Link } from "./link.ts";
import { byId, make, setAttribute, write } from "./page.ts";
import { clockTime, count, day } from "./reading.ts";

const LISTS: readonly LineList[] = ["late", "duplicate", "invalid", "held"];
const ABOUT: { readonly [list in LineList]: string } = {
  late: "what came after its window was final; in the log, and not in its number",
  duplicate: "what was sent again; counted once",
  invalid: "what is no event; nothing of it was taken",
  held: "what is kept beside the log until a person releases it",
};

export class Lists {
  readonly #link: Link;
  readonly #dialog: Dialog;

  constructor(link: Link, dialog: Dialog) {
    this.#link = link;
    this.#dialog = dialog;
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-list]")) {
      button.addEventListener("click", () => void this.#open(button.dataset["list"] as LineList));
    }
  }

  draw(counts: Counts): void {
    for (const list of LISTS) {
      const element = byId(`count-${list}`);
      write(element, count(counts[list]));
      const isSinceOpen = list === "duplicate" || list === "invalid";
      const isPartial = isSinceOpen && counts.refusedBefore > 0;
      const before = `since the page opened; ${count(counts.refusedBefore)} were refused before`;
      setAttribute(element.parentElement!, "title", isPartial ? before : null);
      element.parentElement!.classList.toggle("partial", isPartial);
    }
  }

  async #open(list: LineList): Promise<void> {
    const lines = await this.#link.lines(list).catch(() => null);
    // The page already says that the worker is gone.
    if (lines === null) return;
    const isSinceOpen = list === "duplicate" || list === "invalid";
    const newest = lines.length >= 1000 ? "the newest 1,000" : count(lines.length);
    this.#dialog.show({
      title: `${list[0]!.toUpperCase()}${list.slice(1)}`,
      note: `${newest}${isSinceOpen ? " since the page was opened" : ""}: ${ABOUT[list]}`,
      body:
        lines.length === 0
          ? [make("p", {}, "None.")]
          : [make("ol", { class: "lines" }, ...lines.map(item))],
    });
  }
}

function item({ code, position, receivedAt, note, line }: ListedLine): HTMLElement {
  const arrived =
    receivedAt === null ? "no time told" : `${day(receivedAt)} ${clockTime(receivedAt)}`;
  const place = position === null ? "" : ` · position ${count(position)}`;
  return make(
    "li",
    {},
    make("div", {}, make("b", {}, code), ` · ${arrived}${place} · ${note}`),
    make("pre", {}, line),
  );
}

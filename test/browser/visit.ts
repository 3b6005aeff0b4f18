// A visit: what most tests of `connect` take place in. A Chromium and a site with one plain page, the
// same for a file of tests; and for each test storage of its own, which its tabs share.

import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { launch, openTab, PLAIN_PAGE, PLAIN_SCRIPT, Site } from "./pages.ts";
import "./page-scope.ts";

export class Visit {
  #browser: Browser | null = null;
  #site: Site | null = null;
  #context: BrowserContext | null = null;

  /** Called once, where a file of tests begins. */
  static perTest(): Visit {
    const visit = new Visit();
    beforeAll(async () => {
      visit.#browser = await launch();
      visit.#site = await Site.serve();
      visit.#site.answers.set("/page.html", { body: PLAIN_PAGE });
      visit.#site.answers.set("/page.js", { body: PLAIN_SCRIPT });
    });
    afterAll(async () => {
      await visit.#browser?.close();
      await visit.#site?.close();
    });
    beforeEach(async () => {
      visit.#context = await visit.#browser!.newContext();
    });
    afterEach(() => visit.#context?.close());
    return visit;
  }

  get site(): Site {
    return this.#site!;
  }

  /** This test's. */
  get context(): BrowserContext {
    return this.#context!;
  }

  /** One more tab of this test, on the plain page or another, once `connect` is there. */
  tab(path = "/page.html"): Promise<Page> {
    return openTab(this.context, `${this.site.url}${path}`);
  }
}

// Dark or light: as the system says, until a person chooses.

import { byId } from "./page.ts";

const KEY = "millrace-theme";

export function followTheme(): void {
  const chosen = read();
  if (chosen !== null) document.documentElement.dataset["theme"] = chosen;
  byId("theme").addEventListener("click", () => {
    const { theme } = document.documentElement.dataset;
    const isDark = theme === undefined ? prefersDark() : theme === "dark";
    const next = isDark ? "light" : "dark";
    document.documentElement.dataset["theme"] = next;
    keep(next);
  });
}

function prefersDark(): boolean {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

// A browser may keep nothing at all: then the choice lasts as long as the page.
function read(): string | null {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "dark" || theme === "light" ? theme : null;
  } catch {
    return null;
  }
}

function keep(theme: string): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {}
}

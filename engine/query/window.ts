/** The windows of a plan, checked: every time is ms, every default filled in. */

export type CalendarUnit = "d" | "w" | "mo" | "y";

export type Window =
  | {
      readonly kind: "tumbling";
      readonly sizeMs: number;
      readonly offsetMs: number;
      readonly graceMs: number;
    }
  | {
      readonly kind: "calendar";
      readonly unit: CalendarUnit;
      readonly timezone: string;
      readonly offsetMs: number;
      readonly graceMs: number;
    }
  | {
      readonly kind: "hopping" | "cumulate";
      readonly sizeMs: number;
      readonly everyMs: number;
      readonly offsetMs: number;
      readonly graceMs: number;
    }
  | { readonly kind: "session"; readonly gapMs: number; readonly graceMs: number }
  | { readonly kind: "global" };

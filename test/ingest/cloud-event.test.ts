// CloudEvents in structured JSON: how one is known, mapped, judged and spanned.

import { describe, expect, test } from "vitest";
import { content, isFault } from "../../engine/ingest/decode.ts";
import type { DecodedEvent } from "../../engine/ingest/decode.ts";
import { CLOUD_SAMPLE, SAMPLE, decode, lineWith, verdict } from "./sample.ts";

function cloudWith(raws: { readonly [name: string]: string | undefined }): string {
  return lineWith(raws, CLOUD_SAMPLE);
}

function event(line: string): DecodedEvent {
  const decoded = decode(line);
  if (isFault(decoded)) throw new Error(decoded.message);
  return decoded;
}

describe("a CloudEvent", () => {
  test("is read under the envelope's names, its own names gone", () => {
    const decoded = event(cloudWith({ causationid: '"c"', subject: '"s"', eventversion: '"2.1"' }));
    expect({ ...decoded.event }).toEqual({
      specversion: "1.0",
      subject: "s",
      eventId: "evt-1",
      eventType: "order.created",
      eventVersion: "2.1",
      eventTime: "2024-03-15T18:30:00Z",
      correlationId: "evt-1",
      causationId: "c",
      source: "till-7",
      data: { orderId: "ORD-1" },
    });
    expect(Object.getPrototypeOf(decoded.event)).toBe(null);
    expect(decoded.source).toBe("till-7");
    expect(decoded.isCloudEvent).toBe(true);
  });

  test("has the content of the native event that says the same", () => {
    const native = event(lineWith({ causationId: undefined }));
    const cloud = event(cloudWith({ correlationid: '"corr-1"' }));
    expect(content(cloud)).toBe(content(native));
  });

  test("spans its own members; version and correlation may be defaulted", () => {
    const line = cloudWith({});
    const { spans } = event(line);
    const bytes = Buffer.from(`x\n${line}`);
    const raw = (member: number): string =>
      bytes.subarray(spans[member * 2]!, spans[member * 2 + 1]!).toString();
    expect([raw(0), raw(1), raw(3), raw(4), raw(6), raw(7)]).toEqual([
      '"evt-1"',
      '"order.created"',
      '"2024-03-15T18:30:00Z"',
      '"evt-1"',
      '"till-7"',
      '{"orderId":"ORD-1"}',
    ]);
    expect([...spans.slice(4, 6), ...spans.slice(10, 12)]).toEqual([-2, -2, -1, -1]);
    const sent = event(cloudWith({ eventversion: '"3.0"', correlationid: '"k"' })).spans;
    expect(sent[4]).toBeGreaterThan(0);
    expect(sent[8]).not.toBe(sent[0]);
  });

  test("takes nulls as absent", () => {
    const decoded = event(cloudWith({ eventId: "null", eventversion: "null", source: "null" }));
    expect(decoded.event["eventVersion"]).toBe("1.0");
    expect(decoded.event["eventId"]).toBe("evt-1");
    expect(decoded.source).toBe("");
    expect([...decoded.spans.slice(4, 6), ...decoded.spans.slice(12, 14)]).toEqual([
      -2, -2, -1, -1,
    ]);
  });

  test("does not keep members that were sent under the envelope's names", () => {
    const decoded = event(cloudWith({ causationId: '"x"', eventType: "7", correlationId: '"y"' }));
    expect(decoded.event["causationId"]).toBe(undefined);
    expect(decoded.event["eventType"]).toBe("order.created");
    expect(decoded.event["correlationId"]).toBe("evt-1");
  });

  test.each<[string, { readonly [name: string]: string | undefined }]>([
    ["missing_field /id", { id: undefined }],
    ["missing_field /id", { id: "null", type: "7" }],
    ["wrong_type /id", { id: "7" }],
    ["bad_event_id /id", { id: '"a b"' }],
    ["missing_field /type", { type: undefined }],
    ["bad_event_type /type", { type: '""' }],
    ["bad_event_version /eventversion", { eventversion: '"1"' }],
    ["wrong_type /eventversion", { eventversion: "1.0" }],
    ["missing_field /time", { time: undefined }],
    ["zone_required /time", { time: '"2024-03-15T18:30:00"' }],
    ["invalid_time /time", { time: '"yesterday"' }],
    ["wrong_type /correlationid", { correlationid: '""' }],
    ["wrong_type /causationid", { causationid: "[]" }],
    ["wrong_type /source", { source: '""' }],
    ["missing_field /data", { data: undefined }],
    ["wrong_type /data", { data: '"text"' }],
  ])("has its fault named as it was sent: %s", (expected, raws) => {
    expect(verdict(cloudWith(raws))).toBe(expected);
  });
});

describe("what is no CloudEvent", () => {
  test("is an event with an eventId, whose specversion is a member like any other", () => {
    const decoded = event(lineWith({ specversion: '"1.0"', id: '"other"' }));
    expect(decoded.eventId).toBe(SAMPLE.eventId);
    expect(decoded.event["id"]).toBe("other");
    expect(decoded.isCloudEvent).toBe(false);
    expect(decoded.event["specversion"]).toBe("1.0");
  });

  test.each(['"0.3"', "1.0", "null", '"1"'])("is one whose specversion is %s", (specversion) => {
    expect(verdict(cloudWith({ specversion }))).toBe("missing_field /eventId");
  });

  test("is one whose eventId is there but wrong", () => {
    expect(verdict(cloudWith({ eventId: "7" }))).toBe("wrong_type /eventId");
    expect(verdict(cloudWith({ eventId: '""' }))).toBe("bad_event_id /eventId");
  });
});

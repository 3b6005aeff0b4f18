package bench;

import java.nio.ByteBuffer;

/** Count, sum, min and max of a window. */
public final class Totals {
  static final long WINDOW_MS = 300_000;
  static final long GRACE_MS = 60_000;

  public long count;
  public double sum;
  public double min = Double.POSITIVE_INFINITY;
  public double max = Double.NEGATIVE_INFINITY;

  Totals add(double total) {
    count++;
    sum += total;
    min = Math.min(min, total);
    max = Math.max(max, total);
    return this;
  }

  Totals add(Totals other) {
    count += other.count;
    sum += other.sum;
    min = Math.min(min, other.min);
    max = Math.max(max, other.max);
    return this;
  }

  Object[] row(String restaurantId, long start) {
    return new Object[] {restaurantId, start, count, sum, min, max};
  }

  byte[] toBytes() {
    ByteBuffer buffer = ByteBuffer.allocate(32);
    return buffer.putLong(count).putDouble(sum).putDouble(min).putDouble(max).array();
  }

  static Totals fromBytes(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    Totals totals = new Totals();
    totals.count = buffer.getLong();
    totals.sum = buffer.getDouble();
    totals.min = buffer.getDouble();
    totals.max = buffer.getDouble();
    return totals;
  }
}

package bench;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Instant;

/** What is read of an event. */
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Order {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  public String eventId;
  public String eventTime;
  public Data data;
  public long timeMs;

  @JsonIgnoreProperties(ignoreUnknown = true)
  public static final class Data {
    public String restaurantId;
    public double orderTotal;
  }

  static Order parse(byte[] bytes, int start, int length) {
    try {
      Order order = MAPPER.readValue(bytes, start, length, Order.class);
      order.timeMs = Instant.parse(order.eventTime).toEpochMilli();
      return order;
    } catch (IOException error) {
      throw new IllegalArgumentException(error);
    }
  }

  byte[] toBytes() {
    try {
      return MAPPER.writeValueAsBytes(this);
    } catch (IOException error) {
      throw new IllegalArgumentException(error);
    }
  }

  /** As `toBytes` wrote it, its time read already. */
  static Order fromBytes(byte[] bytes) {
    try {
      return MAPPER.readValue(bytes, Order.class);
    } catch (IOException error) {
      throw new IllegalArgumentException(error);
    }
  }
}

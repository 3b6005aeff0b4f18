package bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams in the driver of its tests: the topology with stores in memory, in one thread, and
 * no broker or network; but the driver commits after each record, which a deployment does not, and
 * that is most of its time.
 */
final class KafkaStreamsTask implements Contender.Task {
  private static final Serde<Order> ORDERS =
      Serdes.serdeFrom((topic, order) -> order.toBytes(), (topic, bytes) -> Order.fromBytes(bytes));
  private static final Serde<Totals> TOTALS =
      Serdes.serdeFrom(
          (topic, totals) -> totals == null ? null : totals.toBytes(),
          (topic, bytes) -> bytes == null ? null : Totals.fromBytes(bytes));

  private final List<Object[]> rows = new ArrayList<>();

  @Override
  public double run(List<byte[]> chunks) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    try (TopologyTestDriver driver = new TopologyTestDriver(topology(), config)) {
      TestInputTopic<byte[], byte[]> orders =
          driver.createInputTopic("orders", new ByteArraySerializer(), new ByteArraySerializer());
      long begin = System.nanoTime();
      for (byte[] chunk : chunks) {
        for (int start = 0; start < chunk.length; ) {
          int end = start;
          while (chunk[end] != '\n') end++;
          orders.pipeInput(Arrays.copyOfRange(chunk, start, end));
          start = end + 1;
        }
      }
      double ms = (System.nanoTime() - begin) / 1e6;
      try (var all = driver.<String, Totals>getWindowStore("totals").all()) {
        all.forEachRemaining(
            entry -> rows.add(entry.value.row(entry.key.key(), entry.key.window().start())));
      }
      return ms;
    }
  }

  @Override
  public List<Object[]> rows() {
    return rows;
  }

  private static Topology topology() {
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("seen"), Serdes.String(), Serdes.Long())
            .withLoggingDisabled());
    Duration size = Duration.ofMillis(Totals.WINDOW_MS);
    builder
        .stream(
            "orders",
            Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())
                .withTimestampExtractor((record, partitionTime) -> timeOf((byte[]) record.value())))
        .mapValues(bytes -> Order.parse(bytes, 0, bytes.length))
        .processValues(Distinct::new, "seen")
        .groupBy((key, order) -> order.data.restaurantId, Grouped.with(Serdes.String(), ORDERS))
        .windowedBy(TimeWindows.ofSizeAndGrace(size, Duration.ofMillis(Totals.GRACE_MS)))
        .aggregate(
            Totals::new,
            (key, order, totals) -> totals.add(order.data.orderTotal),
            Materialized.<String, Totals>as(
                    Stores.inMemoryWindowStore("totals", Duration.ofDays(1), size, false))
                .withKeySerde(Serdes.String())
                .withValueSerde(TOTALS)
                .withLoggingDisabled()
                .withCachingDisabled());
    return builder.build();
  }

  /** The extractor stands before the parser: it finds the member's text alone. */
  private static long timeOf(byte[] line) {
    String text = new String(line, java.nio.charset.StandardCharsets.ISO_8859_1);
    int from = text.indexOf("\"eventTime\":\"") + 13;
    return java.time.Instant.parse(text.substring(from, text.indexOf('"', from))).toEpochMilli();
  }

  private static final class Distinct implements FixedKeyProcessor<byte[], Order, Order> {
    private FixedKeyProcessorContext<byte[], Order> context;
    private KeyValueStore<String, Long> seen;

    @Override
    public void init(FixedKeyProcessorContext<byte[], Order> given) {
      context = given;
      seen = given.getStateStore("seen");
    }

    @Override
    public void process(FixedKeyRecord<byte[], Order> record) {
      Order order = record.value();
      if (seen.putIfAbsent(order.eventId, order.timeMs) == null) context.forward(record);
    }
  }
}

package bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * Flink in this process: parallelism 1, state on the heap, objects reused, no checkpoints. Timed
 * from the first chunk that the job reads, so that its start costs nothing.
 */
final class FlinkTask implements Contender.Task {
  private static List<byte[]> input;
  private static List<Object[]> found;
  private static long begin;

  private List<Object[]> rows;

  @Override
  public double run(List<byte[]> chunks) throws Exception {
    input = chunks;
    found = new ArrayList<>();
    begin = 0;
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1);
    environment.getConfig().enableObjectReuse();
    environment
        .fromSource(
            new NumberSequenceSource(0, chunks.size() - 1),
            WatermarkStrategy.noWatermarks(),
            "chunks")
        .flatMap(new Parse())
        .assignTimestampsAndWatermarks(
            WatermarkStrategy.<Order>forBoundedOutOfOrderness(Duration.ofMillis(Totals.GRACE_MS))
                .withTimestampAssigner((order, before) -> order.timeMs))
        .keyBy(order -> order.eventId)
        .process(new Distinct())
        .keyBy(order -> order.data.restaurantId)
        .window(TumblingEventTimeWindows.of(Duration.ofMillis(Totals.WINDOW_MS)))
        .aggregate(new Sum(), new Row())
        .sinkTo(new DiscardingSink<>());
    environment.execute();
    double ms = (System.nanoTime() - begin) / 1e6;
    rows = found;
    return ms;
  }

  @Override
  public List<Object[]> rows() {
    return rows;
  }

  private static final class Parse implements FlatMapFunction<Long, Order> {
    @Override
    public void flatMap(Long index, Collector<Order> out) {
      if (begin == 0) begin = System.nanoTime();
      byte[] chunk = input.get(index.intValue());
      for (int start = 0; start < chunk.length; ) {
        int end = start;
        while (chunk[end] != '\n') end++;
        out.collect(Order.parse(chunk, start, end - start));
        start = end + 1;
      }
    }
  }

  private static final class Distinct extends KeyedProcessFunction<String, Order, Order> {
    private transient ValueState<Boolean> seen;

    @Override
    public void open(OpenContext context) {
      seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Types.BOOLEAN));
    }

    @Override
    public void processElement(Order order, Context context, Collector<Order> out)
        throws Exception {
      if (seen.value() != null) return;
      seen.update(true);
      out.collect(order);
    }
  }

  private static final class Sum implements AggregateFunction<Order, Totals, Totals> {
    @Override
    public Totals createAccumulator() {
      return new Totals();
    }

    @Override
    public Totals add(Order order, Totals totals) {
      return totals.add(order.data.orderTotal);
    }

    @Override
    public Totals getResult(Totals totals) {
      return totals;
    }

    @Override
    public Totals merge(Totals totals, Totals other) {
      return totals.add(other);
    }
  }

  private static final class Row
      extends ProcessWindowFunction<Totals, Long, String, TimeWindow> {
    @Override
    public void process(String key, Context context, Iterable<Totals> all, Collector<Long> out) {
      for (Totals totals : all) found.add(totals.row(key, context.window().getStart()));
      out.collect(1L);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Views per ad and 10 s in the DataStream API, the JSON read by Jackson into a class. */
final class CountInDataStream {
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Event {
        public String ad_id;
        public String event_type;
        public long event_time;
    }

    public static final class Count {
        public long windowStart;
        public String ad;
        public long n;
    }

    static final class ParseViews extends RichFlatMapFunction<String, Event> {
        private transient ObjectReader reader;

        @Override
        public void open(OpenContext context) {
            reader = new ObjectMapper().readerFor(Event.class);
        }

        @Override
        public void flatMap(String line, Collector<Event> out) throws Exception {
            Event event = reader.readValue(line);
            if (event.event_type.equals("view")) {
                out.collect(event);
            }
        }
    }

    static final class Counter implements AggregateFunction<Event, Long, Long> {
        @Override
        public Long createAccumulator() {
            return 0L;
        }

        @Override
        public Long add(Event event, Long n) {
            return n + 1;
        }

        @Override
        public Long getResult(Long n) {
            return n;
        }

        @Override
        public Long merge(Long a, Long b) {
            return a + b;
        }
    }

    static final class WithWindow extends ProcessWindowFunction<Long, Count, String, TimeWindow> {
        @Override
        public void process(String ad, Context context, Iterable<Long> counts, Collector<Count> out) {
            Count count = new Count();
            count.windowStart = context.window().getStart();
            count.ad = ad;
            count.n = counts.iterator().next();
            out.collect(count);
        }
    }

    /** Writes the results when they are to be compared; a flat map, since sinks of files commit at checkpoints only. */
    static final class WriteLines extends RichFlatMapFunction<Count, Count> {
        private final String folder;
        private transient PrintWriter lines;

        WriteLines(String folder) {
            this.folder = folder;
        }

        @Override
        public void open(OpenContext context) throws Exception {
            Path path = Path.of(folder, "part-" + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask());
            lines = new PrintWriter(Files.newBufferedWriter(path));
        }

        @Override
        public void flatMap(Count count, Collector<Count> out) {
            lines.printf("{\"window_start\":%d,\"ad_id\":\"%s\",\"n\":%d}%n", count.windowStart, count.ad, count.n);
        }

        @Override
        public void close() {
            lines.close();
        }
    }

    static void run(Configuration configuration, String input, String out, int parallelism) throws Exception {
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
        var source = FileSource.forRecordStreamFormat(
                new TextLineInputFormat(), new org.apache.flink.core.fs.Path(input)).build();
        var counts = environment.fromSource(source, WatermarkStrategy.noWatermarks(), "events")
                .flatMap(new ParseViews())
                .assignTimestampsAndWatermarks(
                        WatermarkStrategy.<Event>forBoundedOutOfOrderness(Duration.ofSeconds(10))
                                .withTimestampAssigner((event, before) -> event.event_time))
                .keyBy(event -> event.ad_id)
                .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
                .aggregate(new Counter(), new WithWindow());
        if (out.equals("/dev/null")) {
            counts.sinkTo(new DiscardingSink<>());
        } else {
            counts.flatMap(new WriteLines(out)).sinkTo(new DiscardingSink<>());
        }
        environment.execute();
    }
}

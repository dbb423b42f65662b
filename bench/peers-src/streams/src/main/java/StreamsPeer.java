// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;

/**
 * Views per ad and 10 s of a topic that is keyed by ad, in Kafka Streams: usage BOOTSTRAP TOPIC RECORDS OUT THREADS REPORT.
 * Ends when RECORDS have been read. The grace is long: on replay one task runs ahead of the other, and with 10 s of grace
 * records would be dropped as late.
 */
public final class StreamsPeer {
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Event {
        public String ad_id;
        public String event_type;
        public long event_time;
    }

    private static final ObjectReader READER = new ObjectMapper().readerFor(Event.class);

    private static Event parse(String topic, byte[] value) {
        try {
            return READER.readValue(value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void main(String[] args) throws Exception {
        long wanted = Long.parseLong(args[2]);
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-" + ProcessHandle.current().pid());
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[4]);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("stream-bench-streams-").toString());
        properties.put("auto.offset.reset", "earliest");

        AtomicLong read = new AtomicLong();
        CountDownLatch all = new CountDownLatch(1);
        Map<KeyValue<Long, String>, Long> counts = new ConcurrentHashMap<>();
        StreamsBuilder builder = new StreamsBuilder();
        // Each record is parsed once; an event is never written again: the topic is keyed already.
        Serde<Event> events = Serdes.serdeFrom((topic, event) -> new byte[0], StreamsPeer::parse);
        builder.stream(args[1], Consumed.with(Serdes.String(), events)
                        .withTimestampExtractor((record, partitionTime) -> ((Event) record.value()).event_time))
                .peek((key, value) -> {
                    if (read.incrementAndGet() == wanted) {
                        all.countDown();
                    }
                })
                .filter((key, value) -> value.event_type.equals("view"))
                .groupByKey(Grouped.with(Serdes.String(), events))
                .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofHours(24)))
                .count(Materialized.with(Serdes.String(), Serdes.Long()))
                .toStream()
                .foreach((window, n) -> counts.put(KeyValue.pair(window.window().start(), window.key()), n));
        KafkaStreams streams = new KafkaStreams(builder.build(), properties);
        streams.start();
        all.await();
        // Closing flushes what the caches hold back.
        streams.close();
        double wall = (System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3;
        double cpu = ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
        streams.cleanUp();
        try (PrintWriter report = new PrintWriter(args[5])) {
            report.printf(Locale.ROOT, "{\"run\":1,\"wall\":%.6f,\"cpu\":%.6f}%n", wall, cpu);
        }
        try (PrintWriter lines = new PrintWriter(args[3])) {
            counts.forEach((window, n) ->
                    lines.printf("{\"window_start\":%d,\"ad_id\":\"%s\",\"n\":%d}%n", window.key, window.value, n));
        }
    }
}

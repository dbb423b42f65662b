// SPDX-License-Identifier: Apache-2.0
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** Windows over the events in Flink SQL, as its documentation writes them. */
final class WindowsInSql {
    static final String TUMBLING =
            "SELECT CAST(window_start AS STRING), ad_id, COUNT(*), CAST(NULL AS BIGINT) FROM TABLE("
                    + "TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) WHERE event_type = 'view' "
                    + "GROUP BY window_start, window_end, ad_id";
    static final String SLIDING_10S = sliding("INTERVAL '0.1' SECONDS", "INTERVAL '10' SECONDS");
    static final String SLIDING_60S = sliding("INTERVAL '1' SECONDS", "INTERVAL '60' SECONDS");

    private static String sliding(String slide, String size) {
        return "SELECT CAST(window_start AS STRING), ad_id, COUNT(*), MAX(event_time) FROM TABLE("
                + "HOP(TABLE events, DESCRIPTOR(ts), " + slide + ", " + size + ")) "
                + "GROUP BY window_start, window_end, ad_id";
    }

    static void run(Configuration configuration, String input, String out, String type, String query) throws Exception {
        TableEnvironment tables = TableEnvironment.create(
                EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(configuration).build());
        tables.getConfig().set("table.local-time-zone", "UTC");
        tables.executeSql("CREATE TABLE events (ad_id STRING, event_type STRING, event_time " + type + ","
                + " ts AS TO_TIMESTAMP_LTZ(CAST(event_time AS BIGINT), 3),"
                + " WATERMARK FOR ts AS ts - INTERVAL '10' SECONDS)"
                + " WITH ('connector' = 'filesystem', 'path' = '" + input + "', 'format' = 'json')");
        tables.executeSql("CREATE TABLE results (window_start STRING, ad_id STRING, n BIGINT, top BIGINT) WITH ("
                + (out.equals("/dev/null") ? "'connector' = 'blackhole')"
                        : "'connector' = 'filesystem', 'path' = '" + out + "', 'format' = 'json')"));
        tables.executeSql("INSERT INTO results " + query).await();
    }
}

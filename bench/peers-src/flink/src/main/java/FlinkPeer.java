// SPDX-License-Identifier: Apache-2.0
import org.apache.flink.configuration.Configuration;

/**
 * The jobs of bench/compare in Flink, in one process: usage JOB INPUT OUT PARALLELISM RUNS REPORT. INPUT is a file, or a
 * folder of as many files as the parallelism. OUT is a folder, or /dev/null when only the time counts.
 */
public final class FlinkPeer {
    public static void main(String[] args) throws Exception {
        String job = args[0], input = args[1], out = args[2];
        int parallelism = Integer.parseInt(args[3]);
        Configuration configuration = new Configuration();
        configuration.setString("parallelism.default", args[3]);
        configuration.setString("pipeline.object-reuse", "true");
        configuration.setString("execution.runtime-mode", "STREAMING");
        configuration.setString("rest.bind-address", "127.0.0.1");
        configuration.setString("rest.address", "127.0.0.1");
        Report.write(args[5], Integer.parseInt(args[4]), () -> {
            switch (job) {
                case "tumbling-datastream" -> CountInDataStream.run(configuration, input, out, parallelism);
                case "tumbling-sql" -> WindowsInSql.run(configuration, input, out, "STRING", WindowsInSql.TUMBLING);
                case "sliding-10s-sql" -> WindowsInSql.run(configuration, input, out, "BIGINT", WindowsInSql.SLIDING_10S);
                case "sliding-60s-sql" -> WindowsInSql.run(configuration, input, out, "BIGINT", WindowsInSql.SLIDING_60S);
                default -> throw new IllegalArgumentException("unknown job '" + job + "'");
            }
        });
        // Flink leaves threads behind.
        System.exit(0);
    }
}

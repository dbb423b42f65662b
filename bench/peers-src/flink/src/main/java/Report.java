// SPDX-License-Identifier: Apache-2.0
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** Wall and CPU seconds of each run as lines of JSON: the first, cold, counts from the start of the Java machine. */
final class Report {
    interface Job {
        void run() throws Exception;
    }

    private static double cpuSeconds() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
    }

    static void write(String path, int runs, Job job) throws Exception {
        double sinceStart = (System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3;
        try (PrintWriter lines = new PrintWriter(path)) {
            for (int run = 1; run <= runs; run++) {
                double cpu = run == 1 ? 0 : cpuSeconds();
                long begun = System.nanoTime();
                job.run();
                double wall = (System.nanoTime() - begun) / 1e9 + (run == 1 ? sinceStart : 0);
                lines.printf(Locale.ROOT, "{\"run\":%d,\"wall\":%.6f,\"cpu\":%.6f}%n", run, wall, cpuSeconds() - cpu);
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot write '" + path + "'", e);
        }
    }
}

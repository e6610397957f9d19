// Prints what Kafka's own classes say about recorded requests: the source of
// throttle.txt, which rate_test.go reads.
//
//   java -cp kafka-clients-4.4.0.jar Throttle.java < requests.txt > throttle.txt
//
// A line of requests.txt is a client: its quota (bytes/s), the window (ms), the
// number of samples, then a time (ms) and a size (bytes) for each request. The
// line is repeated with the throttle time (ms) after each size.
import java.util.Scanner;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.stats.Rate;

public class Throttle {
    public static void main(String[] args) {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            Scanner in = new Scanner(lines.nextLine());
            double quota = in.nextDouble();
            long window = in.nextLong();
            int samples = in.nextInt();
            MetricConfig config = new MetricConfig().timeWindow(window, TimeUnit.MILLISECONDS).samples(samples);
            Rate rate = new Rate();
            StringBuilder out = new StringBuilder((long) quota + " " + window + " " + samples);
            while (in.hasNextLong()) {
                long now = in.nextLong();
                long bytes = in.nextLong();
                rate.record(config, bytes, now);
                double value = rate.measure(config, now);
                // Sensor.checkQuotas and QuotaUtils.throttleTime
                long throttle = value > quota ? Math.round((value - quota) / quota * rate.windowSize(config, now)) : 0;
                out.append(" ").append(now).append(" ").append(bytes).append(" ").append(throttle);
            }
            System.out.println(out);
        }
    }
}

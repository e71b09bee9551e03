// SPDX-License-Identifier: Apache-2.0
// Prints "number length murmur2 crc32" for each key of the reference table, by Kafka's own Java client
// (kafka-clients on the class path): what its partitioner takes modulo the number of partitions. The
// CRC-32 is what librdkafka's "consistent" is defined by.
import java.util.zip.CRC32;
import org.apache.kafka.common.utils.Utils;

public class PartitionHashes {
    static long next(long state) {
        return (state * 1103515245L + 12345L) % 2147483648L;
    }

    // Every length from 0 to 300, then lengths by chance.
    static byte[] key(int number) {
        byte[] key = new byte[number <= 300 ? number : (int) ((next(number) >> 16) % 1000)];
        long state = number;
        for (int i = 0; i < key.length; i++) {
            state = next(state);
            key[i] = (byte) (state >> 16);
        }
        return key;
    }

    public static void main(String[] args) {
        for (int number = 0; number <= 600; number++) {
            byte[] key = key(number);
            CRC32 crc = new CRC32();
            crc.update(key);
            System.out.println(number + " " + key.length + " " + Utils.toPositive(Utils.murmur2(key))
                + " " + crc.getValue());
        }
    }
}

package bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The process of one contender: `Contender NAME INPUT`. Says {"ready":true}, then for each line
 * that it reads runs a round and says {"ms":…, "rows":[[restaurantId, start, count, sum, min, max]]},
 * the rows only where the line is "answer".
 */
public final class Contender {
  static final int CHUNK_BYTES = 1 << 20;

  /** Four aggregates of each restaurant's five minutes, from the bytes of whole lines. */
  interface Task {
    double run(List<byte[]> chunks) throws Exception;

    List<Object[]> rows();
  }

  public static void main(String[] words) throws Exception {
    // What libraries print must not stand between the answers.
    PrintStream answers = System.out;
    System.setOut(System.err);
    ObjectMapper mapper = new ObjectMapper();
    List<byte[]> chunks = cutLines(Files.readAllBytes(Path.of(words[1])));
    answers.println("{\"ready\":true}");
    BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
    for (String question; (question = questions.readLine()) != null; ) {
      Task task = words[0].equals("flink") ? new FlinkTask() : new KafkaStreamsTask();
      System.gc();
      Map<String, Object> answer = new LinkedHashMap<>();
      answer.put("ms", task.run(chunks));
      if (question.equals("answer")) answer.put("rows", task.rows());
      answers.println(mapper.writeValueAsString(answer));
    }
    System.exit(0);
  }

  static List<byte[]> cutLines(byte[] bytes) {
    List<byte[]> chunks = new ArrayList<>();
    for (int start = 0; start < bytes.length; ) {
      int end = Math.min(bytes.length, start + CHUNK_BYTES);
      while (bytes[end - 1] != '\n') end--;
      chunks.add(java.util.Arrays.copyOfRange(bytes, start, end));
      start = end;
    }
    return chunks;
  }
}

// SPDX-License-Identifier: Apache-2.0

import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * What is the same in every Java middle: waits, calls the leaves in the asked order, puts their answers together. SERVER=jdk, jetty or tomcat;
 * CLIENT=url (HttpURLConnection), http (HttpClient.send) or async (HttpClient.sendAsync). The second of two parallel calls runs on a new thread,
 * with PARALLEL=pool on a pool's; `async` needs neither.
 */
public final class Middle {
  // Before the clients are made, which read these once.
  static {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // else each answer waits for a delayed ACK
    System.setProperty("http.keepAlive", keepAlive() ? "true" : "false");
    System.setProperty("http.maxConnections", "64");
    System.setProperty("jdk.httpclient.connectionPoolSize", "64");
    System.setProperty("jdk.httpclient.allowRestrictedHeaders", "connection");
  }

  private static final String[] LEAVES = env("LEAVES", "").split(",");
  private static final Calls CALLS = Calls.named(env("CLIENT", "url"));
  private static final Executor BESIDE =
      env("PARALLEL", "").equals("pool") ? Executors.newFixedThreadPool(threads()) : task -> new Thread(task).start();

  private Middle() {}

  static String env(String key, String fallback) {
    String value = System.getenv(key);
    return value == null || value.isEmpty() ? fallback : value;
  }

  static int threads() {
    return Integer.parseInt(env("THREADS", "16"));
  }

  static boolean keepAlive() {
    return env("KEEPALIVE", "").equals("1");
  }

  private static CompletableFuture<String> call(int number, int wait, String id) {
    URI uri = URI.create(LEAVES[number - 1] + "/leaf?id=" + id + "&call=" + number);
    if (CALLS instanceof Calls.Async async) {
      var delayed = CompletableFuture.delayedExecutor(wait, TimeUnit.MILLISECONDS);
      return CompletableFuture.supplyAsync(() -> async.start(uri), delayed).thenCompose(started -> started);
    }
    try {
      Thread.sleep(wait);
      return CompletableFuture.completedFuture(CALLS.get(uri));
    } catch (Exception error) {
      return CompletableFuture.failedFuture(error);
    }
  }

  /** The body for a query; blocks until the leaves have answered. Called by the servers on the thread that handles the request. */
  static String answer(String query) throws Exception {
    Map<String, String> asked = new HashMap<>();
    for (String pair : query.split("&")) asked.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
    String id = asked.get("id");
    String order = asked.get("order");
    int[] waits = {Integer.parseInt(asked.get("t1")), Integer.parseInt(asked.get("t2"))};
    boolean parallel = order.startsWith("p");
    int first = order.charAt(parallel ? 1 : 0) - '0';
    int second = order.charAt(parallel ? 2 : 1) - '0';
    String one;
    String two;
    if (!parallel) {
      one = call(first, waits[0], id).get();
      two = call(second, waits[1], id).get();
    } else if (CALLS instanceof Calls.Async) {
      var starting = call(first, waits[0], id);
      two = call(second, waits[1], id).get();
      one = starting.get();
    } else {
      var other = CompletableFuture.supplyAsync(() -> call(second, waits[1], id).join(), BESIDE);
      one = call(first, waits[0], id).get();
      two = other.get();
    }
    return "{\"id\":\"" + id + "\",\"leaves\":[" + one + "," + two + "]}";
  }

  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(env("PORT", "0"));
    Class<?> server = Class.forName(switch (env("SERVER", "jdk")) {
      case "jetty" -> "JettyServer";
      case "tomcat" -> "TomcatServer";
      default -> "JdkServer";
    });
    int chosen = (int) server.getDeclaredMethod("start", int.class).invoke(null, port);
    System.out.println("listening " + chosen);
  }
}

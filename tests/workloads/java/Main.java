// SPDX-License-Identifier: Apache-2.0

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/** HTTP service on the JDK's own server with a fixed pool of threads, HttpURLConnection downstream. See ../README.md for its settings. */
public final class Main {
  private static final String NAME = env("NAME", "java");
  private static final List<String> DOWNSTREAM = List.of(env("DOWNSTREAM", "").split(",")).stream().filter(u -> !u.isEmpty()).toList();
  private static final long DELAY_MS = Long.parseLong(env("DELAY_MS", "0"));
  private static final String PAD = "x".repeat(Integer.parseInt(env("PAD_BYTES", "0")));
  private static final boolean SEND_TRACEPARENT = env("SEND_TRACEPARENT", "").equals("1");
  private static final AtomicLong SERVED = new AtomicLong();
  private static final SecureRandom RANDOM = new SecureRandom();

  private Main() {}

  private static String env(String key, String fallback) {
    String value = System.getenv(key);
    return value == null || value.isEmpty() ? fallback : value;
  }

  private static String quote(String value) {
    if (value == null) return "null";
    StringBuilder out = new StringBuilder("\"");
    for (char c : value.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }

  private static String randomHex(int bytes) {
    byte[] value = new byte[bytes];
    RANDOM.nextBytes(value);
    return HexFormat.of().formatHex(value);
  }

  /** GETs the path from a downstream service; its JSON as text. */
  private static String call(String base, String path, String requestId) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) URI.create(base + path).toURL().openConnection();
    connection.setReadTimeout(60_000);
    if (requestId != null) connection.setRequestProperty("x-request-id", requestId);
    String sent = null;
    if (SEND_TRACEPARENT) {
      sent = "00-" + randomHex(16) + "-" + randomHex(8) + "-01";
      connection.setRequestProperty("traceparent", sent);
    }
    if (connection.getResponseCode() != 200) throw new IOException(base + ": status " + connection.getResponseCode());
    try (InputStream body = connection.getInputStream()) {
      String json = new String(body.readAllBytes(), StandardCharsets.UTF_8).strip();
      return sent == null ? json : json.substring(0, json.length() - 1) + ",\"sent\":" + quote(sent) + "}";
    }
  }

  private static void answer(HttpExchange exchange, int status, String json) throws IOException {
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private static void handle(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().toString();
    if (path.equals("/health")) {
      answer(exchange, 200, "{\"ok\":true}");
      return;
    }
    if (path.equals("/stats")) {
      answer(exchange, 200, "{\"served\":" + SERVED.get() + "}");
      return;
    }
    SERVED.incrementAndGet();
    try {
      exchange.getRequestBody().readAllBytes();
      if (DELAY_MS > 0) Thread.sleep(DELAY_MS);
      String requestId = exchange.getRequestHeaders().getFirst("x-request-id");
      List<String> seen = exchange.getRequestHeaders().getOrDefault("traceparent", List.of());
      List<String> results = new ArrayList<>();
      for (String base : DOWNSTREAM) results.add(call(base, path, requestId));
      answer(exchange, 200, "{\"service\":" + quote(NAME)
          + ",\"traceparent\":" + quote(seen.isEmpty() ? null : seen.get(0))
          + ",\"traceparents\":" + seen.size()
          + ",\"request\":" + quote(requestId)
          + ",\"downstream\":[" + String.join(",", results) + "]"
          + (PAD.isEmpty() ? "" : ",\"pad\":" + quote(PAD)) + "}");
    } catch (Exception error) {
      answer(exchange, 502, "{\"service\":" + quote(NAME) + ",\"error\":" + quote(error.toString()) + "}");
    }
  }

  public static void main(String[] args) throws IOException {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // else each answer waits for a delayed ACK
    System.setProperty("http.keepAlive", env("KEEPALIVE", "").equals("1") ? "true" : "false");
    System.setProperty("http.maxConnections", "64");
    System.setProperty("sun.net.http.retryPost", "false");
    HttpServer server = HttpServer.create(new InetSocketAddress(env("HOST", "127.0.0.1"), Integer.parseInt(env("PORT", "0"))), 1024);
    server.setExecutor(Executors.newFixedThreadPool(Integer.parseInt(env("THREADS", "16"))));
    server.createContext("/", Main::handle);
    server.start();
    System.out.println("listening " + server.getAddress().getPort());
  }
}

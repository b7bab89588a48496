// SPDX-License-Identifier: Apache-2.0

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/** The JDK's own server with a fixed pool of threads. */
final class JdkServer {
  private JdkServer() {}

  static int start(int port) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 1024);
    server.setExecutor(Executors.newFixedThreadPool(Middle.threads()));
    server.createContext("/", exchange -> {
      try (exchange) {
        byte[] body = Middle.answer(exchange.getRequestURI().getRawQuery()).getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
      } catch (Exception error) {
        error.printStackTrace();
        exchange.sendResponseHeaders(500, -1);
      }
    });
    server.start();
    return server.getAddress().getPort();
  }
}

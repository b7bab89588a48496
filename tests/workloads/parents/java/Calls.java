// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;

/** The JDK's HTTP clients. */
interface Calls {
  String get(URI uri) throws Exception;

  /** A client whose calls block no thread. */
  interface Async extends Calls {
    CompletableFuture<String> start(URI uri);
  }

  static Calls named(String name) {
    return switch (name) {
      case "http" -> blocking(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build());
      case "async" -> async(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build());
      default -> Calls::byUrl;
    };
  }

  private static String checked(URI uri, int status, String body) throws IOException {
    if (status != 200) throw new IOException(uri + ": status " + status);
    return body;
  }

  private static String byUrl(URI uri) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
    connection.setReadTimeout(60_000);
    int status = connection.getResponseCode();
    try (InputStream body = connection.getInputStream()) {
      return checked(uri, status, new String(body.readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  /** The client has no setting for new connections: the leaf is asked to close. */
  private static HttpRequest request(URI uri) {
    HttpRequest.Builder request = HttpRequest.newBuilder(uri);
    return (Middle.keepAlive() ? request : request.header("Connection", "close")).build();
  }

  private static Calls blocking(HttpClient client) {
    return uri -> {
      var response = client.send(request(uri), BodyHandlers.ofString());
      return checked(uri, response.statusCode(), response.body());
    };
  }

  private static Async async(HttpClient client) {
    return new Async() {
      @Override
      public CompletableFuture<String> start(URI uri) {
        return client.sendAsync(request(uri), BodyHandlers.ofString()).thenApply(response -> response.body());
      }

      @Override
      public String get(URI uri) throws Exception {
        return start(uri).get();
      }
    };
  }
}

// SPDX-License-Identifier: Apache-2.0

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** Embedded Tomcat with its NIO connector, a servlet that blocks. */
final class TomcatServer {
  private TomcatServer() {}

  private static void remove(File file) {
    File[] inside = file.listFiles();
    if (inside != null) for (File one : inside) remove(one);
    file.delete();
  }

  static int start(int port) throws Exception {
    Path folder = Files.createTempDirectory("obi-tomcat-");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(folder.toFile())));
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(folder.toString());
    Connector connector = new Connector("HTTP/1.1");
    connector.setPort(port);
    connector.setProperty("address", "127.0.0.1");
    connector.setProperty("maxThreads", String.valueOf(Middle.threads()));
    connector.setProperty("acceptCount", "1024");
    connector.setProperty("maxKeepAliveRequests", "-1");
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("", folder.toString());
    Tomcat.addServlet(context, "middle", new HttpServlet() {
      @Override
      protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        try {
          byte[] body = Middle.answer(request.getQueryString()).getBytes(StandardCharsets.UTF_8);
          response.setContentLength(body.length);
          response.getOutputStream().write(body);
        } catch (Exception error) {
          throw new IOException(error);
        }
      }
    });
    context.addServletMappingDecoded("/", "middle");
    tomcat.start();
    return connector.getLocalPort();
  }
}

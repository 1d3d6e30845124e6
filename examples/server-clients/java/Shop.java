import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

import static java.nio.charset.StandardCharsets.UTF_8;

/** A little shop whose sessions are coatcheck's: login, visits and logout. Start it with {@code java Shop.java}. */
public class Shop {
  static final String ORIGIN = System.getenv().getOrDefault("ORIGIN", "http://localhost:8000");
  static final Map<String, String> PASSWORDS = Map.of("ada", "correct horse"); // yours: a table of hashes
  static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  public static void main(String[] arguments) throws IOException {
    int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8000"));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.createContext("/", Shop::handle);
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
    System.out.println("listening on " + server.getAddress().getPort());
  }

  static void handle(HttpExchange http) throws IOException {
    try (http) {
      switch (http.getRequestMethod() + " " + http.getRequestURI().getPath()) {
        case "GET /" -> home(http);
        case "POST /login" -> logIn(http);
        case "POST /logout" -> redirectOrRefuse(http, call("POST", "/v1/sessions/logout", Map.of("exchange", exchange(http))));
        default -> answer(http, 404, "Not found.", null);
      }
    } catch (InterruptedException | RuntimeException error) {
      System.err.println(error);
      answer(http, 503, "Come back later.", null);
    }
  }

  static void home(HttpExchange http) throws IOException, InterruptedException {
    Map<String, Object> visit = call("POST", "/v1/sessions/validate", Map.of("exchange", exchange(http)));
    if (visit.get("valid") != Boolean.TRUE) {
      answer(http, 200, "Hello, visitor.", visit);
      return;
    }
    Map<String, Object> session = object(visit.get("session"));
    Map<String, Object> operation = Map.of("op", "add", "field", "visits", "amount", 1);
    Map<String, Object> changed =
        call("PATCH", "/v1/sessions/" + session.get("id") + "/data", Map.of("operations", List.of(operation)));
    long visits = ((Number) object(changed.get("data")).get("visits")).longValue();
    answer(http, 200, "Hello, " + session.get("userId") + ". Visit " + visits + ".", visit);
  }

  static void logIn(HttpExchange http) throws IOException, InterruptedException {
    Map<String, String> form = form(new String(http.getRequestBody().readAllBytes(), UTF_8));
    String name = form.getOrDefault("name", "");
    if (!PASSWORDS.containsKey(name)) {
      answer(http, 401, "Wrong name or password.", null);
      return;
    }
    Object attempt =
        call("POST", "/v1/users/" + URLEncoder.encode(name, UTF_8) + "/login-attempts", null).get("attempt");
    if (!PASSWORDS.get(name).equals(form.get("password"))) {
      answer(http, 401, "Wrong name or password.", null);
      return;
    }
    Map<String, Object> login =
        Map.of("userId", name, "methods", List.of("pwd"), "attempt", attempt, "exchange", exchange(http));
    redirectOrRefuse(http, call("POST", "/v1/sessions", login));
  }

  /** This request, all headers as they came: coatcheck reads the cookie, and who sent it. */
  static Map<String, Object> exchange(HttpExchange http) {
    return Map.of(
        "method", http.getRequestMethod(),
        "url", ORIGIN + http.getRequestURI(),
        "headers", new HashMap<>(http.getRequestHeaders()),
        "clientAddress", http.getRemoteAddress().getAddress().getHostAddress());
  }

  static Map<String, Object> call(String method, String path, Object body) throws IOException, InterruptedException {
    HttpRequest.BodyPublisher publisher =
        body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(Json.write(body));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(System.getenv("COATCHECK_URL") + path))
            .header("x-api-key", System.getenv("COATCHECK_KEY"))
            .header("content-type", "application/json")
            .method(method, publisher)
            .build();
    HttpResponse<String> response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() >= 300) throw new IllegalStateException(path + " answered " + response.statusCode());
    return object(new Json(response.body()).read());
  }

  static void redirectOrRefuse(HttpExchange http, Map<String, Object> verdict) throws IOException {
    if (verdict.get("valid") == Boolean.TRUE) {
      http.getResponseHeaders().set("location", "/");
      answer(http, 303, "", verdict);
    } else {
      int status = ((Number) verdict.get("status")).intValue();
      answer(http, status, "Refused: " + verdict.get("reason") + ".", verdict);
    }
  }

  static void answer(HttpExchange http, int status, String text, Map<String, Object> verdict) throws IOException {
    if (verdict != null) {
      for (Object header : (List<?>) verdict.get("headers")) {
        http.getResponseHeaders().add((String) object(header).get("name"), (String) object(header).get("value"));
      }
    }
    http.getResponseHeaders().set("content-type", "text/plain; charset=utf-8");
    byte[] bytes = text.getBytes(UTF_8);
    http.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    if (bytes.length > 0) http.getResponseBody().write(bytes);
  }

  static Map<String, String> form(String text) {
    Map<String, String> fields = new HashMap<>();
    for (String pair : text.split("&")) {
      String[] parts = pair.split("=", 2);
      if (parts.length == 2) fields.put(URLDecoder.decode(parts[0], UTF_8), URLDecoder.decode(parts[1], UTF_8));
    }
    return fields;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> object(Object value) {
    return (Map<String, Object>) value;
  }

  /** As much JSON as this needs; use the library that your application has. */
  static final class Json {
    private final String text;
    private int at = 0;

    Json(String text) {
      this.text = text;
    }

    Object read() {
      char first = next();
      if (first == '{') return readObject();
      if (first == '[') return readArray();
      if (first == '"') return readString();
      int start = at;
      while (at < text.length() && ",]} \n".indexOf(text.charAt(at)) < 0) at++;
      String word = text.substring(start, at);
      return switch (word) {
        case "true" -> Boolean.TRUE;
        case "false" -> Boolean.FALSE;
        case "null" -> null;
        default -> Double.valueOf(word);
      };
    }

    private Map<String, Object> readObject() {
      Map<String, Object> object = new LinkedHashMap<>();
      at++;
      while (next() != '}') {
        String name = readString();
        next(); // the colon
        at++;
        object.put(name, read());
        if (next() == ',') at++;
        next();
      }
      at++;
      return object;
    }

    private List<Object> readArray() {
      List<Object> array = new ArrayList<>();
      at++;
      while (next() != ']') {
        array.add(read());
        if (next() == ',') at++;
      }
      at++;
      return array;
    }

    private String readString() {
      StringBuilder string = new StringBuilder();
      for (at++; text.charAt(at) != '"'; at++) {
        char character = text.charAt(at);
        if (character != '\\') {
          string.append(character);
          continue;
        }
        char escaped = text.charAt(++at);
        if (escaped == 'u') {
          string.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
          at += 4;
        } else {
          int named = "nrtbf".indexOf(escaped);
          string.append(named < 0 ? escaped : "\n\r\t\b\f".charAt(named));
        }
      }
      at++;
      return string.toString();
    }

    private char next() {
      while (" \n\r\t".indexOf(text.charAt(at)) >= 0) at++;
      return text.charAt(at);
    }

    static String write(Object value) {
      if (value instanceof Map<?, ?> map) {
        return map.entrySet().stream()
            .map(entry -> write(entry.getKey()) + ":" + write(entry.getValue()))
            .collect(Collectors.joining(",", "{", "}"));
      }
      if (value instanceof List<?> list) {
        return list.stream().map(Json::write).collect(Collectors.joining(",", "[", "]"));
      }
      if (!(value instanceof String string)) return String.valueOf(value);
      StringBuilder text = new StringBuilder("\"");
      for (char character : string.toCharArray()) {
        if (character == '"' || character == '\\') text.append('\\').append(character);
        else if (character < ' ') text.append(String.format("\\u%04x", (int) character));
        else text.append(character);
      }
      return text.append('"').toString();
    }
  }
}

// Verifies a signed one-time ticket with the Java platform alone (Java 11 and newer).
//
// As a program: one ticket on each line of the standard input; it prints "ok <sub>" or "refused".
//     TICKET_SECRET=… java Ticket.java https://id.example onestop STATE

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Ticket {
    private final String secret;
    private final String issuer;
    private final String system;
    private final BiPredicate<String, Long> firstTime;

    /**
     * firstTime(jti, exp) remembers jti until exp and is true only once for it: an INSERT into a
     * table with a unique key, shared by all processes.
     */
    public Ticket(
            String secret, String issuer, String system, BiPredicate<String, Long> firstTime) {
        this.secret = secret;
        this.issuer = issuer;
        this.system = system;
        this.firstTime = firstTime;
    }

    /** The claims of the ticket, or null. state is what this browser's cookie holds. */
    public Map<String, Object> verify(String ticket, String state) {
        String[] parts = ticket.split("\\.", -1);
        if (parts.length != 3 || secret.isEmpty() || state == null || state.isEmpty()) {
            return null;
        }
        if (!same(sign(parts[0] + "." + parts[1]), parts[2])) {
            return null; // nothing unsigned is ever parsed
        }
        try {
            Map<String, Object> header = new Json(decode(parts[0])).document();
            Map<String, Object> claims = new Json(decode(parts[1])).document();
            if (!"HS256".equals(header.get("alg")) || !"ticket+jwt".equals(header.get("typ"))) {
                return null;
            }
            if (!issuer.equals(claims.get("iss")) || !system.equals(claims.get("aud"))) {
                return null;
            }
            long exp = (Long) claims.get("exp");
            if (Instant.now().getEpochSecond() >= exp) {
                return null;
            }
            if (!same(state, (String) claims.get("state"))) {
                return null;
            }
            String jti = (String) claims.get("jti");
            return jti != null && firstTime.test(jti, exp) ? claims : null;
        } catch (IllegalArgumentException | ClassCastException | NullPointerException wrong) {
            return null;
        }
    }

    private String sign(String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            byte[] signed = mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
            return Base64.getUrlEncoder().withoutPadding().encodeToString(signed);
        } catch (GeneralSecurityException absent) {
            throw new IllegalStateException(absent); // every Java platform has HmacSHA256
        }
    }

    private static boolean same(String one, String other) {
        return MessageDigest.isEqual(
                one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
    }

    private static String decode(String part) {
        return new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8);
    }

    /** As much JSON as a ticket holds: objects, texts, whole numbers, true, false, null. */
    private static final class Json {
        private final String text;
        private int at;

        Json(String text) {
            this.text = text;
        }

        Map<String, Object> document() {
            Map<String, Object> found = object();
            blank();
            if (at != text.length()) {
                throw wrong();
            }
            return found;
        }

        private Map<String, Object> object() {
            Map<String, Object> members = new LinkedHashMap<>();
            take('{');
            if (next() == '}') {
                at++;
                return members;
            }
            while (true) {
                next();
                String name = string();
                take(':');
                if (members.containsKey(name)) {
                    throw wrong(); // two members of one name have two meanings
                }
                members.put(name, value());
                if (next() == '}') {
                    at++;
                    return members;
                }
                take(',');
            }
        }

        private Object value() {
            char first = next();
            if (first == '"') {
                return string();
            }
            if (first == '{') {
                return object();
            }
            for (String word : new String[] {"true", "false", "null"}) {
                if (text.startsWith(word, at)) {
                    at += word.length();
                    return word.equals("null") ? null : Boolean.valueOf(word);
                }
            }
            int from = at;
            while (at < text.length() && "-0123456789".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
            return Long.valueOf(text.substring(from, at));
        }

        private String string() {
            take('"');
            StringBuilder built = new StringBuilder();
            while (true) {
                char c = one();
                if (c == '"') {
                    return built.toString();
                }
                built.append(c == '\\' ? escaped() : c);
            }
        }

        private char escaped() {
            char c = one();
            if (c == 'u') {
                at += 4;
                if (at > text.length()) {
                    throw wrong();
                }
                return (char) Integer.parseInt(text.substring(at - 4, at), 16);
            }
            int known = "\"\\/bfnrt".indexOf(c);
            if (known < 0) {
                throw wrong();
            }
            return "\"\\/\b\f\n\r\t".charAt(known);
        }

        private char next() {
            blank();
            if (at >= text.length()) {
                throw wrong();
            }
            return text.charAt(at);
        }

        private char one() {
            if (at >= text.length()) {
                throw wrong();
            }
            return text.charAt(at++);
        }

        private void take(char wanted) {
            if (next() != wanted) {
                throw wrong();
            }
            at++;
        }

        private void blank() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private static IllegalArgumentException wrong() {
            return new IllegalArgumentException("not the JSON of a ticket");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Set<String> seen = new HashSet<>();
        Ticket tickets =
                new Ticket(
                        System.getenv("TICKET_SECRET"),
                        arguments[0],
                        arguments[1],
                        (jti, exp) -> seen.add(jti));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            Map<String, Object> claims = tickets.verify(line.trim(), arguments[2]);
            System.out.println(claims == null ? "refused" : "ok " + claims.get("sub"));
        }
    }
}
